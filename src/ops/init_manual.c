/*-------------------------------------------------------------------------
 *
 * init_manual.c
 *		The SQL function that completes an init of which the user has copied the
 *		rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/pg_lsn.h"

#include "base/sqltext.h"
#include "generate/slot_sql.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_manual.h"
#include "ops/schema.h"
#include "ops/snapshot.h"

PG_FUNCTION_INFO_V1(steep_repl_complete_init);

static const char *const known_options[] = {
	"publication", "subscription", "schema", "lsn", NULL
};

static const Statement adopt_slot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "take the slot over from a failed init",
	.text = "SELECT steep_repl.adopt_slot($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "text"},
};

/* What is checked, and what of it is known. */
typedef struct Completion
{
	Init		init;
	PreparedSlot *slot;			/* NULL if it was not prepared here */
} Completion;

/* Refuse a slot from which the subscription can't begin. */
static void
check_slot(Session *session, const Init *init)
{
	const char *values[] = {
		init->slot, init->publication, steep_init_text(init, "lsn")
	};
	char	  **row = steep_peer_row(session->peer, steep_slot_facts_sql(),
									 values);
	const char *label = steep_peer_label(session->peer);

	if (row == NULL || !steep_books_bool(row[SLOT_FACT_FITS]))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("node \"%s\" has no slot \"%s\" for this database",
						label, init->slot),
				 errhint("Create it with steep_repl.prepare_init() before you take the backup.")));
	if (steep_books_bool(row[SLOT_FACT_ACTIVE]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("slot \"%s\" on node \"%s\" is in use", init->slot, label),
				 errhint("Each copy needs a slot of its own.")));
	if (steep_books_bool(row[SLOT_FACT_LOST]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot \"%s\" on node \"%s\" is lost", init->slot, label),
				 errdetail("The source has removed log that was not sent yet: max_slot_wal_keep_size."),
				 errhint("Prepare another, and take another backup.")));
	if (!steep_books_bool(row[SLOT_FACT_PUBLICATION]))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("publication \"%s\" does not exist on node \"%s\"",
						init->publication, label),
				 errhint("Name the one that was there before the slot in the option \"publication\".")));
	if (!steep_books_bool(row[SLOT_FACT_REACHES]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slot \"%s\" does not reach back to %s", init->slot,
						values[2]),
				 errdetail("It starts at %s, and the log of the source ends at %s.",
						   row[SLOT_FACT_START], row[SLOT_FACT_END]),
				 errhint("Use a backup that ends after the slot was created.")));
}

/* Look at the source, and whether what is here can follow it. */
static void
check(Session *session, void *arg)
{
	Completion *completion = arg;
	Init	   *init = &completion->init;
	List	   *tables;

	steep_session_check_other(session);
	check_slot(session, init);
	tables = steep_init_find_tables(session, NIL, init->publication);
	init->tables = steep_init_table_names(tables);
	steep_init_check_target(init, tables);
}

static DriftMode
drift_mode(const Init *init)
{
	const char *mode = steep_init_text(init, "schema");

	if (mode != NULL && strcmp(mode, "auto") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a manual init creates no tables"),
				 errdetail("They would lack the rows that they have on the source."),
				 errhint("Set the option \"schema\" to \"strict\" or \"manual\".")));
	return steep_drift_mode(mode ? mode : "strict");
}

/* A slot that was read from may be ahead of what a restored backup has. */
static void
check_unused(const Init *init)
{
	ListCell   *cell;

	foreach(cell, steep_init_left_objects(init->node, NULL))
	{
		const InitObject *object = lfirst(cell);

		if (strcmp(object->kind, "subscription") == 0 &&
			steep_local_value(steep_subscription_exists_sql(), &object->name,
							  NIL) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("node \"%s\" has already read from a slot",
							init->node),
					 errdetail("An init that has failed had made subscription \"%s\".",
							   object->name),
					 errhint("Call steep_repl.cancel_init(%s), prepare another slot, and take another backup.",
							 steep_sql_literal(init->node))));
	}
}

/* Take over the slot, and the publication if it is ours. */
static void
record_objects(const Completion *completion)
{
	const Init *init = &completion->init;
	const char *values[] = {init->source, init->slot, init->publication};

	(void) steep_books_none(&adopt_slot, values, NIL);
	steep_init_record_object(init, init->source, "slot", init->slot);
	if (completion->slot != NULL && completion->slot->published)
		steep_init_record_object(init, init->source, "publication",
								 init->publication);
	steep_init_record_object(init, init->node, "subscription",
							 init->subscription);
}

/* Find the slot, if it was prepared here, by the caller. */
static PreparedSlot *
find_prepared(const Init *init)
{
	PreparedSlot *slot = steep_manual_find_slot(init->slot);

	if (slot == NULL || strcmp(slot->node, init->source) != 0)
		return NULL;
	steep_manual_check_may(slot);
	if (strcmp(slot->status, "failed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot \"%s\" could not be prepared", slot->name),
				 slot->error ? errdetail_internal("%s", slot->error) : 0,
				 errhint("steep_repl.cancel_init(%s) removes what there is of it.",
						 steep_sql_literal(slot->node))));
	return slot;
}

/* Read the arguments. */
static Completion *
read_arguments(FunctionCallInfo fcinfo)
{
	Completion *completion = palloc0(sizeof(Completion));
	Init	   *init = &completion->init;
	const char *name;

	init->node = steep_node_argument(fcinfo, 0);
	init->source = steep_node_argument(fcinfo, 1);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the slot must not be null"),
				 errhint("steep_repl.prepare_init() has returned it.")));
	init->slot = text_to_cstring(PG_GETARG_TEXT_PP(2));
	init->method = steep_init_method("manual");
	init->options = PG_ARGISNULL(3) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(3);
	steep_snapshot_check_options(init->options, known_options);
	steep_init_check_options(init->options);
	completion->slot = find_prepared(init);
	name = steep_init_text(init, "publication");
	init->publication = name ? name : completion->slot ?
		completion->slot->publication : init->slot;
	name = steep_init_text(init, "subscription");
	init->subscription = name ? name : steep_init_object_name(init->node);
	return completion;
}

/*
 * complete_init(p_target_node text, p_source_node text, p_slot_name text,
 *				 p_options jsonb)
 */
Datum
steep_repl_complete_init(PG_FUNCTION_ARGS)
{
	Completion *completion = read_arguments(fcinfo);
	Init	   *init = &completion->init;
	PeerAddress *address = steep_init_source_address(init);
	InitState	state;

	steep_job_check();
	steep_init_check_here(init->node);
	state = steep_init_lock(init->node);
	steep_init_check_move(init->node, state, NODE_PREPARING);
	check_unused(init);
	steep_session_look(address, check, completion);
	steep_drift_settle(address, steep_init_tables(init), drift_mode(init));
	steep_init_new(init, "init");
	record_objects(completion);
	if (completion->slot != NULL)
		steep_manual_end_slot(init->slot, "used", init->id);
	steep_init_move(init->node, state, NODE_PREPARING,
					GetUserNameFromId(GetUserId(), false), init->id, NULL);
	steep_init_enqueue(init);
	PG_RETURN_DATUM(steep_init_node_record(init->node));
}

/* The rows are here: all that is left to do is to follow the source. */
void
steep_init_plan_manual(List **steps)
{
	steep_init_plan_step(steps, INIT_STAGE_SUBSCRIBE, "subscribe");
	steep_init_plan_step(steps, INIT_STAGE_CATCHUP, "catchup");
}
