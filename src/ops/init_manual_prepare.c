/*-------------------------------------------------------------------------
 *
 * init_manual_prepare.c
 *		The SQL function that prepares a slot for an init.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/pinned.h"
#include "base/sqltext.h"
#include "generate/subscription_sql.h"
#include "jobs/errand.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/init_manual.h"
#include "ops/snapshot.h"
#include "ops/tables.h"

PG_FUNCTION_INFO_V1(steep_repl_prepare_init);

#define LOOK_MS 100				/* between two looks */

static const char *const known_options[] = {"tables", "publication", NULL};

/* Look at another node, and at its tables. */
static void
check_there(Session *session, void *arg)
{
	Init	   *init = arg;

	steep_session_check_other(session);
	steep_init_check_source(session, init);
	init->tables = steep_init_table_names(steep_init_find_tables(session,
																 init->asked,
																 steep_init_text(init, "publication")));
}

/* Name the tables of this node that the caller asks for. */
static char *
name_asked(ArrayType *asked)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, steep_tables_expand(NULL, steep_tables_resolve(asked)))
	{
		const RelInfo *rel = ((TablePair *) lfirst(cell))->local;

		names = lappend(names, steep_sql_name(rel->schema, rel->name));
	}
	return steep_sql_array(names);
}

/* Name the tables of this node that a publication has, or all of users. */
static char *
name_all(const char *publication)
{
	Statement	list = *steep_publish_tables_sql();
	const char *values[] = {NULL, NULL, publication};
	Spool	   *spool = steep_spool_create("tables");
	List	   *names = NIL;
	char	  **row;

	list.site = SITE_LOCAL;
	steep_local_rows(&list, values, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		names = lappend(names, steep_sql_name(row[PUBLISH_TABLE_SCHEMA],
											  row[PUBLISH_TABLE_NAME]));
	steep_spool_end(spool);
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("this node has no tables to publish"),
				 errhint("Name others in the option \"tables\".")));
	return steep_sql_array(names);
}

/* Look at this node's tables. */
static void
check_here(Init *init, ArrayType *asked)
{
	int			pinned;

	if (asked != NULL)
	{
		init->tables = name_asked(asked);
		return;
	}
	pinned = steep_pin_begin(PIN_ALWAYS);
	init->tables = name_all(steep_init_text(init, "publication"));
	steep_pin_end(pinned);
}

/* Write what the job has to do. */
static char *
write_params(const Init *init)
{
	StringInfoData json;
	const char *separator = "";
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"slot\": ");
	escape_json(&json, init->slot);
	appendStringInfoString(&json, ", \"node\": ");
	escape_json(&json, init->node);
	appendStringInfoString(&json, ", \"publication\": ");
	escape_json(&json, init->publication);
	appendStringInfo(&json, ", \"published\": %s, \"tables\": [",
					 steep_init_text(init, "publication") ? "false" : "true");
	foreach(cell, steep_init_tables(init))
	{
		appendStringInfoString(&json, separator);
		escape_json(&json, lfirst(cell));
		separator = ", ";
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/*
 * Is the slot being prepared already, maybe by a call of ours that was
 * interrupted?  Then it is waited for.
 */
static bool
is_under_way(const Init *init)
{
	const PreparedSlot *slot = steep_manual_find_slot(init->slot);

	if (slot == NULL || strcmp(slot->status, "dropped") == 0 ||
		strcmp(slot->status, "used") == 0)
		return false;
	if (!slot->may || strcmp(slot->status, "preparing") != 0 ||
		strcmp(slot->node, init->node) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("slot \"%s\" is %s already", init->slot, slot->status),
				 errhint("Use it with steep_repl.complete_init(), remove it with steep_repl.cancel_init(%s), or choose another name.",
						 steep_sql_literal(slot->node))));
	return true;
}

/* Wait until the slot is there; the job goes on if we are interrupted. */
static void
await_slot(const Init *init)
{
	uint32		event = WaitEventExtensionNew("SteepReplPrepare");
	const PreparedSlot *slot;

	while ((slot = steep_manual_find_slot(init->slot)) != NULL &&
		   strcmp(slot->status, "preparing") == 0)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (slot == NULL || strcmp(slot->status, "failed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slot \"%s\" could not be prepared", init->slot),
				 slot && slot->error ? errdetail_internal("%s", slot->error) : 0,
				 errhint("steep_repl.cancel_init(%s) removes what there is of it.",
						 steep_sql_literal(init->node))));
}

/* Read the arguments. */
static Init *
read_arguments(FunctionCallInfo fcinfo)
{
	Init	   *init = palloc0(sizeof(Init));
	const char *publication;

	init->node = init->source = steep_node_argument(fcinfo, 0);
	init->method = steep_init_method("manual");
	init->options = PG_ARGISNULL(2) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(2);
	steep_snapshot_check_options(init->options, known_options);
	steep_init_check_options(init->options);
	init->slot = PG_ARGISNULL(1) ? steep_init_object_name(init->node) :
		text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReplicationSlotValidateName(init->slot, ERROR);
	publication = steep_init_text(init, "publication");
	init->publication = publication ? publication : init->slot;
	return init;
}

/* prepare_init(p_node_id text, p_slot_name text, p_options jsonb) */
Datum
steep_repl_prepare_init(PG_FUNCTION_ARGS)
{
	Init	   *init = read_arguments(fcinfo);
	const RegisteredNode *node = steep_node_find(init->node);
	ArrayType  *asked = steep_snapshot_tables_option(init->options);

	steep_job_check();
	if (!is_under_way(init))
	{
		if (node->local)
			check_here(init, asked);
		else
		{
			init->asked = steep_init_qualify(asked);
			steep_session_look(steep_node_address(node), check_there, init);
		}
		steep_errand_run(INIT_HOLD, write_params(init));
	}
	await_slot(init);
	PG_RETURN_DATUM(steep_manual_slot_record(init->slot));
}
