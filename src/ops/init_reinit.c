/*-------------------------------------------------------------------------
 *
 * init_reinit.c
 *		Reinits: some tables of a node that follows another are copied again.
 *
 * The subscription's own workers do it, with a snapshot of the source for
 * each table and the changes since then, while it goes on with the other
 * tables.  The step "reset" empties the tables, marks them as to be copied and
 * ends the workers, which have them in mind as ready, all in one transaction:
 * it commits whole, or nothing has happened but that workers were restarted.
 *
 * It bears an origin, so that the emptying is not sent to a node that
 * replicates from this one and asks for what has none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/guc.h"
#include "base/image.h"
#include "base/option_values.h"
#include "base/options.h"
#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/echo_sql.h"
#include "generate/reinit_sql.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init.h"
#include "ops/snapshot.h"
#include "run/origin.h"
#include "run/subscription.h"

PG_FUNCTION_INFO_V1(steep_repl_start_reinit);

static const Statement find_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find what the node follows",
	.text = "SELECT init_id FROM steep_repl.find_synchronized_init($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Option scopes[] = {
	{
		.name = "tables",
		.check = steep_option_names,
		.hint = "Write {\"tables\": [\"schema.table\", ...]}.",
	},
	{
		.name = "schema",
		.check = steep_option_name,
		.hint = "Write {\"schema\": \"name\"}.",
	},
	{
		.name = "full",
		.check = steep_option_flag,
		.hint = "Write {\"full\": true}.",
	},
};

/* What is to be copied again. */
typedef struct Scope
{
	const char *subscription;
	const char *names;			/* text[], or NULL */
	const char *schema;			/* or NULL */
} Scope;

/* Read the one thing that a scope says. */
static Scope
read_scope(Jsonb *json, const char *subscription)
{
	Scope		scope = {.subscription = subscription};
	List	   *names;
	JsonbValue	full;

	steep_options_check_known(json, scopes, lengthof(scopes));
	if (JB_ROOT_COUNT(json) != 1 ||
		(getKeyJsonValueFromContainer(&json->root, "full", 4, &full) != NULL &&
		 !full.val.boolean))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p_scope must say one thing"),
				 errhint("Write {\"tables\": [\"schema.table\", ...]}, {\"schema\": \"name\"} or {\"full\": true}.")));
	names = steep_init_qualify(steep_snapshot_tables_option(json));
	scope.names = names ? steep_sql_array(names) : NULL;
	scope.schema = steep_options_text(json, "schema");
	return scope;
}

/* List the tables that a scope stands for: rows of steep_reinit_tables_sql(). */
static List *
list_tables(const Scope *scope)
{
	const char *values[] = {scope->subscription, scope->names, scope->schema};
	Spool	   *spool = steep_spool_create("tables");
	List	   *tables;

	steep_local_rows(steep_reinit_tables_sql(), values, NIL, spool);
	tables = steep_spool_texts(spool);
	steep_spool_end(spool);
	return tables;
}

/* Refuse names that are not replicated, and a scope that has no tables. */
static void
check_scope(const Scope *scope, List *tables)
{
	const char *values[] = {scope->subscription, scope->names};
	char	   *missing = scope->names ?
		steep_local_value(steep_reinit_missing_sql(), values, NIL) : NULL;

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" is not replicated by subscription \"%s\"",
						missing, scope->subscription),
				 errhint("pg_subscription_rel lists those that are.")));
	if (tables == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("subscription \"%s\" replicates no such tables",
						scope->subscription),
				 errhint("pg_subscription_rel lists those that it does.")));
}

/* Refuse to empty a table that others refer to: that would empty them, too. */
static void
check_outside(List *tables)
{
	List	   *relids = NIL;
	const char *values[1];
	char	  **outside;
	ListCell   *cell;

	foreach(cell, tables)
	{
		char	  **table = lfirst(cell);

		relids = lappend(relids, table[REINIT_RELID]);
		if (!steep_books_bool(table[REINIT_MAY]))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table \"%s\"",
							table[REINIT_NAME]),
					 errhint("GRANT TRUNCATE on the table to the role.")));
	}
	values[0] = steep_sql_array(relids);
	outside = steep_local_row(steep_reinit_outside_sql(), values, NIL);
	if (outside == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("table \"%s\" cannot be copied again without table \"%s\"",
					outside[OUTSIDE_PARENT], outside[OUTSIDE_CHILD]),
			 errdetail("The latter refers to it by foreign key \"%s\", and to empty one would empty the other.",
					   outside[OUTSIDE_CONSTRAINT]),
			 errhint("Name both tables in p_scope.")));
}

/*
 * Refuse tables that the source gets back from this node, whatever the origin
 * of the change: it would be emptied.
 */
static void
check_echo(Session *session, void *arg)
{
	List	   *tables = arg;
	List	   *schemas = NIL;
	List	   *plain = NIL;
	const char *names[2];
	const char *subscriptions;
	Spool	   *spool = steep_spool_create("fed");
	char	  **fed;
	ListCell   *cell;

	foreach(cell, tables)
	{
		char	  **table = lfirst(cell);

		schemas = lappend(schemas, table[REINIT_SCHEMA]);
		plain = lappend(plain, table[REINIT_TABLE]);
	}
	names[0] = steep_sql_array(schemas);
	names[1] = steep_sql_array(plain);
	subscriptions = steep_peer_value(session->peer,
									 steep_echo_subscriptions_sql(SITE_PEER,
																  session->there->version),
									 names);
	if (subscriptions != NULL)
		steep_local_rows(steep_echo_slots_sql(SITE_LOCAL), &subscriptions, NIL,
						 spool);
	while (subscriptions != NULL && (fed = steep_spool_next(spool)) != NULL)
	{
		if (strcmp(fed[2], "none") == 0 && steep_origin_may_tag())
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" would be emptied on the source, too",
						steep_sql_name(fed[3], fed[4])),
				 errdetail("Subscription \"%s\" there gets what is done here.", fed[0]),
				 errhint("Give it origin = none, and the role here EXECUTE on pg_replication_origin_session_setup, or disable and drop it first.")));
	}
	steep_spool_end(spool);
}

/* Return the names of tables, as an array. */
static char *
names_of(List *tables)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, tables)
	{
		char	  **table = lfirst(cell);

		if (table[REINIT_STATE] != NULL)
			names = lappend(names, table[REINIT_NAME]);
	}
	return steep_sql_array(names);
}

/* Find the init by which a node follows its source. */
static Init *
find_followed(const char *node)
{
	char	  **row = steep_books_row(&find_init, &node);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" does not follow another", node),
				 errdetail("No init of it has come to its end."),
				 errhint("Call steep_repl.start_init().")));
	return steep_init_load(row[0]);
}

/* Submit the job. */
static void
enqueue(const Init *init)
{
	JobSpec		job = {
		.operation = INIT_REINIT,
		.init_id = init->id,
		.parallel = 1,
	};
	List	   *steps = NIL;

	steep_init_plan_step(&steps, INIT_STAGE_PREPARE, "reset");
	steep_init_plan_step(&steps, INIT_STAGE_COPY, "copy");
	steep_init_plan_step(&steps, INIT_STAGE_CATCHUP, "catchup");
	(void) steep_job_enqueue(&job, steps);
}

/* start_reinit(p_node_id text, p_scope jsonb) */
Datum
steep_repl_start_reinit(PG_FUNCTION_ARGS)
{
	const char *node = steep_node_argument(fcinfo, 0);
	InitState	state;
	Init	   *init;
	Scope		scope;
	List	   *tables;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("p_scope must not be null"),
				 errhint("Write {\"tables\": [\"schema.table\", ...]}, {\"schema\": \"name\"} or {\"full\": true}.")));
	steep_job_check();
	state = steep_init_lock(node);
	steep_init_check_move(node, state, NODE_REINITIALIZING);
	init = find_followed(node);
	scope = read_scope(PG_GETARG_JSONB_P(1), init->subscription);
	tables = list_tables(&scope);
	check_scope(&scope, tables);
	check_outside(tables);
	steep_session_look(steep_init_source_address(init), check_echo, tables);
	init->options = PG_GETARG_JSONB_P(1);
	init->tables = names_of(tables);
	steep_init_new(init, "reinit");
	steep_init_move(node, state, NODE_REINITIALIZING,
					GetUserNameFromId(GetUserId(), false), init->id, NULL);
	enqueue(init);
	PG_RETURN_DATUM(steep_init_node_record(node));
}

/*
 * Empty tables, once nobody uses them, but none that inherits from them and is
 * not among them.  A partitioned table has no rows of its own, and is there
 * only with all of its partitions.
 */
static void
empty(List *tables)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, tables)
	{
		char	  **table = lfirst(cell);

		names = lappend(names, table[REINIT_STATE] == NULL ? table[REINIT_NAME] :
						psprintf("ONLY %s", table[REINIT_NAME]));
	}
	(void) set_config_option("lock_timeout",
							 psprintf("%d", steep_guc_lock_timeout),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
							 true, ERROR, false);
	(void) steep_origin_tag();
	(void) steep_local_none(steep_reinit_truncate_sql(names), NULL, NIL);
}

/* End the workers, so that others start that know what is to be copied. */
static void
restart_workers(const char *subscription)
{
	char	   *left = steep_local_value(steep_reinit_stop_sql(), &subscription,
										 NIL);

	if (strcmp(left, "0") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("workers of subscription \"%s\" do not end",
						subscription),
				 errhint("See in pg_stat_activity what they wait for, and start the reinit again.")));
}

/* Leave out tables that the subscription has not copied yet anyway. */
static List *
list_ready(const Init *init)
{
	Scope		scope = {
		.subscription = init->subscription,
		.names = init->tables,
	};
	List	   *ready = NIL;
	ListCell   *cell;

	foreach(cell, list_tables(&scope))
	{
		char	  **table = lfirst(cell);

		if (table[REINIT_STATE] == NULL || table[REINIT_STATE][0] == 'r')
			ready = lappend(ready, table);
	}
	return ready;
}

/* Have tables copied again: all in one transaction. */
void
steep_init_reset(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	Oid			subscription = (Oid) steep_books_integer(steep_local_value(steep_subscription_exists_sql(),
																		   &init->subscription, NIL));
	List	   *tables = list_ready(init);
	ListCell   *cell;

	steep_progress_phase("resetting");
	if (tables == NIL)
		return;
	check_outside(tables);
	empty(tables);
	foreach(cell, tables)
	{
		char	  **table = lfirst(cell);

		if (table[REINIT_STATE] != NULL)
			steep_subscription_copy_again(subscription,
										  (Oid) steep_books_integer(table[REINIT_RELID]));
	}
	TEST_POINT("reinit-reset");
	restart_workers(init->subscription);
}
