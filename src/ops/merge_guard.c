/*-------------------------------------------------------------------------
 *
 * merge_guard.c
 *		Hold the tables of a merge still, and check that they are as planned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "base/sqltext.h"
#include "ops/merge_write.h"

static const Statement recorded_statements = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the planned statements",
	.text = "SELECT string_agg(statement, E'\\n' ORDER BY seq)\n"
	"FROM steep_repl.merge_statements\n"
	"WHERE merge_id = $1 AND table_name = $2 AND phase = 'apply'",
	.nparams = 2,
	.params = {"text", "text"},
};

/* Hold both nodes' tables still while their shape is checked and used. */
static void
lock_tables(Apply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);

		(void) steep_local_none(steep_merge_guard_sql(SITE_LOCAL, pair), NULL, NIL);
		steep_peer_none(apply->session->peer,
						steep_merge_guard_sql(SITE_PEER, pair), NULL);
	}
}

/* Refuse to apply a plan to tables of another shape than planned. */
static void
check_shape(Apply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);
		const char *values[] = {apply->merge->id, steep_merge_table(pair)};
		char	  **planned = steep_merge_ask(&recorded_statements, values);
		List	   *texts = NIL;
		ListCell   *statement;

		foreach(statement, steep_merge_statements(pair, apply->here, apply->there))
			texts = lappend(texts, unconstify(char *, ((Statement *) lfirst(statement))->text));
		if (planned == NULL || planned[0] == NULL ||
			strcmp(planned[0], steep_sql_join(texts, "\n")) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" has changed since the merge was planned",
							steep_merge_table(pair)),
					 errdetail("Its columns, keys or constraints are others now; nothing was written."),
					 errhint("Start a new merge.")));
	}
}

/* Lock both nodes' tables, then read what they and their constraints are. */
void
steep_merge_guard_tables(Apply *apply)
{
	lock_tables(apply);
	/* our snapshot is older than the lock that we may have waited for */
	PushActiveSnapshot(GetLatestSnapshot());
	apply->pairs = steep_merge_pairs(apply->session, apply->merge, apply->table);
	apply->here = steep_merge_constraints(apply->session, SITE_LOCAL, apply->pairs);
	apply->there = steep_merge_constraints(apply->session, SITE_PEER, apply->pairs);
	check_shape(apply);
	PopActiveSnapshot();
}
