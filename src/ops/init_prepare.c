/*-------------------------------------------------------------------------
 *
 * init_prepare.c
 *		The steps of an init that come before its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init.h"
#include "ops/schema.h"
#include "ops/tables.h"

/* Record which tables this init will create, and which it will fill. */
static void
record_tables(const Init *init)
{
	ListCell   *cell;

	foreach(cell, steep_init_tables(init))
	{
		const char *name = lfirst(cell);
		bool		exists = steep_tables_find(name) != NULL;

		if (!exists)
			steep_init_record_object(init, init->node, "table", name);
		else if (init->method->empty && !steep_init_flag(init, "force"))
			steep_init_record_object(init, init->node, "rows", name);
	}
}

/* Publish the tables, unless a publication is named. */
static void
publish(Session *session, void *arg)
{
	const Init *init = arg;

	steep_session_check_other(session);
	if (steep_init_text(init, "publication") != NULL)
		return;
	/* an attempt before this one may have committed there, and not here */
	steep_peer_none(session->peer,
					steep_publication_drop_sql(init->publication), NULL);
	steep_peer_none(session->peer,
					steep_publication_create_sql(init->publication,
												 steep_init_tables(init)),
					NULL);
}

/* Record what will be made here, and publish the tables there. */
void
steep_init_prepare(StepContext *step)
{
	Init	   *init = steep_init_load(step->job->init_id);

	steep_progress_phase("preparing");
	steep_progress_tables(list_length(steep_init_tables(init)), 0);
	record_tables(init);
	steep_session_look(steep_init_source_address(init), publish, init);
	steep_init_move(init->node, NODE_PREPARING, NODE_COPYING,
					step->job->owner_name, NULL, NULL);
}

/* Create what is missing here, or refuse it, as the option "schema" says. */
void
steep_init_schema(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	const char *mode = steep_init_text(init, "schema");

	steep_progress_phase("schema");
	steep_drift_settle(steep_init_source_address(init), steep_init_tables(init),
					   steep_drift_mode(mode ? mode : "auto"));
}

static void
create_slot(Session *session, void *arg)
{
	const Init *init = arg;
	const char *name[] = {init->slot};

	/* one of an attempt before this one is too old */
	(void) steep_peer_row(session->peer, steep_slot_drop_sql(), name);
	steep_init_record_lsn(init, steep_peer_value(session->peer,
												 steep_slot_create_sql(), name));
}

/* Create the slot, from which the subscription will read. */
void
steep_init_slot(StepContext *step)
{
	Init	   *init = steep_init_load(step->job->init_id);

	steep_session_look(steep_init_source_address(init), create_slot, init);
}
