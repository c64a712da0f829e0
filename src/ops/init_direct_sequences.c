/*-------------------------------------------------------------------------
 *
 * init_direct_sequences.c
 *		The step of a direct init that sets the sequences of its tables.
 *
 * They are read after the rows, so they are not behind those.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_direct.h"

static const Statement exists = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for the sequence",
	.text = "SELECT EXISTS (SELECT FROM pg_sequence WHERE seqrelid = to_regclass($1))",
	.nparams = 1,
	.params = {"text"},
};

/* What the source has. */
typedef struct SequenceList
{
	const Init *init;
	Spool	   *values;			/* of steep_copy_sequence_sql() */
} SequenceList;

static void
read_values(Session *session, void *arg)
{
	SequenceList *list = arg;
	Spool	   *spool = steep_spool_create("sequences");
	List	   *names = NIL;
	const char *relids = steep_peer_value(session->peer,
										  steep_copy_relids_sql(SITE_PEER),
										  &list->init->tables);
	char	  **row;

	steep_peer_rows(session->peer, steep_copy_sequences_sql(SITE_PEER),
					&relids, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		names = lappend(names, steep_sql_name(row[0], row[1]));
	steep_spool_end(spool);
	if (names != NIL)
		steep_peer_rows(session->peer, steep_copy_sequence_sql(SITE_PEER, names),
						NULL, list->values);
}

/* Move those sequences on that this node has, too. */
void
steep_direct_sequences(StepContext *step)
{
	SequenceList list = {
		.init = steep_init_load(step->job->init_id),
		.values = steep_spool_create("values")
	};
	ListCell   *cell;

	steep_progress_phase("sequences");
	steep_session_look(steep_init_source_address(list.init), read_values, &list);
	foreach(cell, steep_spool_texts(list.values))
	{
		char	  **row = lfirst(cell);
		const char *values[] = {row[0], row[1], row[2], "false"};

		if (steep_books_bool(steep_local_value(&exists, values, NIL)))
			(void) steep_local_none(steep_apply_sequence_sql(), values, NIL);
	}
	steep_spool_end(list.values);
}
