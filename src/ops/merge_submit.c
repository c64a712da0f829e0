/*-------------------------------------------------------------------------
 *
 * merge_submit.c
 *		The SQL function that submits a merge.
 *
 * A merge is checked on both nodes when it is submitted, so that what the
 * caller got wrong is an error of his call and not of a worker's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/options.h"
#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/merge.h"
#include "ops/merge_echo.h"
#include "ops/tables.h"
#include "run/server.h"

PG_FUNCTION_INFO_V1(steep_repl_start_merge);

static const Statement new_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the merge",
	.text = "SELECT m.id, 'steep_repl_' || m.id\n"
	"FROM (SELECT steep_repl.new_merge($1, $2, $3, $4, $5, $6, $7) AS id) m",
	.nparams = 7,
	.params = {"text[]", "text", "boolean", "jsonb", "text", "text", "oid"},
};

static const Statement add_table = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record a table of the merge",
	.text = "SELECT steep_repl.add_merge_table($1, $2, $3, $4, $5)",
	.nparams = 5,
	.params = {"text", "int4", "text", "text", "text[]"},
};

/* A merge that is being submitted. */
typedef struct Submission
{
	PeerAddress *address;
	List	   *pairs;			/* parents first, once checked */
	const char *strategy;		/* of tables that have none of their own */
	const char **strategies;	/* in the order of pairs, or NULL */
	bool		dry_run;
	Jsonb	   *options;
	const char *id;				/* once recorded */
} Submission;

/* Refuse a peer that cannot take part in a merge. */
static void
check_peer(const Session *session)
{
	const char *label = steep_peer_label(session->peer);

	if (session->way != DIGEST_NATIVE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" cannot be merged with", label),
				 errdetail("A merge leaves a marker in the peer's steep_repl."),
				 errhint("Install the same version of steep_repl on the peer, and GRANT USAGE ON SCHEMA steep_repl and EXECUTE on its functions to the role.")));
	if (session->there->standby || session->there->read_only)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("peer \"%s\" is read only", label),
				 errdetail(session->there->standby ?
						   "It is a standby." :
						   "Its default_transaction_read_only is on."),
				 errhint("Connect to a node that takes writes.")));
	if (strcmp(session->here->identifier, session->there->identifier) == 0 &&
		strcmp(session->here->database, session->there->database) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("peer \"%s\" is this very database", label),
				 errhint("Give the connection of the other node.")));
}

/* Refuse a peer whose role may not leave markers there. */
static void
check_markers(const Session *session)
{
	if (strcmp(steep_peer_value(session->peer, steep_merge_may_mark_sql(), NULL), "t") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to mark batches on peer \"%s\"",
					steep_peer_label(session->peer)),
			 errhint("GRANT EXECUTE on steep_repl.claim_batch, batch_result, finish_batch and tag_writes to the role that connects there.")));
}

/* Warn that triggers and foreign keys will fire on one node. */
static void
warn_of_triggers(const Session *session, Site site)
{
	const Statement *ask = steep_merge_may_replicate_sql(site);
	char	   *may = site == SITE_LOCAL ? steep_local_value(ask, NULL, NIL) :
		steep_peer_value(session->peer, ask, NULL);

	if (strcmp(may, "t") != 0)
		ereport(WARNING,
				(errmsg("triggers will fire %s", steep_session_place(session, site)),
				 errdetail("The role may not set session_replication_role."),
				 errhint("GRANT SET ON PARAMETER session_replication_role to the role.")));
}

/* Refuse a table that is asked for twice. */
static void
check_distinct(List *pairs)
{
	ListCell   *a;
	ListCell   *b;

	foreach(a, pairs)
	{
		foreach(b, pairs)
		{
			if (a != b && strcmp(steep_merge_table(lfirst(a)),
								 steep_merge_table(lfirst(b))) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("table \"%s\" is listed twice",
								steep_merge_table(lfirst(a))),
						 errhint("Name each table once.")));
		}
	}
}

/* Check the merge on both nodes, and order its tables. */
static void
check_merge(Submission *merge)
{
	Jsonb	   *keys = steep_options_object(merge->options, "primary_keys");
	Session    *session = steep_session_begin(merge->address);

	PG_TRY();
	{
		check_peer(session);
		check_markers(session);
		if (!merge->dry_run)
		{
			warn_of_triggers(session, SITE_LOCAL);
			warn_of_triggers(session, SITE_PEER);
		}
		merge->pairs = steep_tables_expand(session, merge->pairs);
		check_distinct(merge->pairs);
		steep_session_read(session);
		steep_tables_check(session, merge->pairs, keys);
		steep_merge_check_pairs(session, merge->pairs);
		if (!steep_options_allow_echo(merge->options))
			steep_merge_foresee_echo(session, merge->pairs, merge->dry_run);
		merge->pairs = steep_fkgraph_order(merge->pairs,
										   steep_merge_foreign_keys(session, SITE_LOCAL,
																	merge->pairs));
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}

/* Say that the option "strategies" is no good. */
static void
report_strategies(const char *table, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"strategies\" names table \"%s\", %s", table,
					problem),
			 errhint("Name each table once, as in the list of tables.")));
}

/* Find the table that the option "strategies" names. */
static int
find_named(const Submission *merge, const char *name)
{
	ListCell   *cell;

	foreach(cell, merge->pairs)
	{
		if (steep_tables_names(name, lfirst(cell)))
			return foreach_current_index(cell);
	}
	report_strategies(name, "which is not merged");
	return -1;
}

/* Settle the strategy of each table. */
static void
read_strategies(Submission *merge)
{
	Jsonb	   *strategies = steep_options_object(merge->options, "strategies");
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	merge->strategies = palloc0(list_length(merge->pairs) * sizeof(char *));
	if (strategies == NULL)
		return;
	it = JsonbIteratorInit(&strategies->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;
		const char **strategy;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		strategy = &merge->strategies[find_named(merge, name)];
		if (*strategy != NULL)
			report_strategies(name, "which it has named before");
		(void) JsonbIteratorNext(&it, &value, true);
		*strategy = steep_options_strategy(value.type != jbvString ? NULL :
										   pnstrdup(value.val.string.val,
													value.val.string.len));
	}
}

/* Name a pair's key columns, as the text of an array. */
static char *
key_names(const TablePair *pair)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
		names = lappend(names, ((ColumnInfo *) lfirst(cell))->name);
	return steep_sql_array(names);
}

/* Record the merge and its tables in our own tables. */
static void
record_merge(Submission *merge)
{
	List	   *names = NIL;
	ListCell   *cell;
	const char *values[] = {
		NULL, merge->strategy, merge->dry_run ? "true" : "false",
		JsonbToCString(NULL, &merge->options->root, VARSIZE(merge->options)),
		merge->address->label, merge->address->server,
		psprintf("%u", GetUserId())
	};

	foreach(cell, merge->pairs)
		names = lappend(names, unconstify(char *, steep_merge_table(lfirst(cell))));
	values[0] = steep_sql_array(names);
	merge->id = steep_merge_ask(&new_merge, values)[0];
	foreach(cell, merge->pairs)
	{
		TablePair  *pair = lfirst(cell);
		const char *table[] = {
			merge->id,
			psprintf("%d", list_cell_number(merge->pairs, cell) + 1),
			steep_merge_table(pair),
			merge->strategies[foreach_current_index(cell)] ?
			merge->strategies[foreach_current_index(cell)] : merge->strategy,
			key_names(pair)
		};

		(void) steep_merge_book(&add_table, table, NIL);
	}
}

/* Submit the job: plan each table, apply, verify each table. */
static void
enqueue(const Submission *merge)
{
	JobSpec		spec = {
		.operation = MERGE_OPERATION,
		.merge_id = merge->id,
		.parallel = 1,
	};
	StepSpec	apply = {.stage = MERGE_STAGE_APPLY,.kind = "apply"};
	List	   *steps = NIL;
	ListCell   *cell;

	foreach(cell, merge->pairs)
	{
		TablePair  *pair = lfirst(cell);
		StepSpec   *plan = palloc0(sizeof(StepSpec));
		StepSpec   *verify = palloc0(sizeof(StepSpec));

		plan->stage = MERGE_STAGE_PLAN;
		plan->kind = "plan";
		plan->target = steep_merge_table(pair);
		plan->weight = Max(pair->local->rows, 1);
		*verify = *plan;
		verify->stage = MERGE_STAGE_VERIFY;
		verify->kind = "verify";
		verify->weight = 1;
		apply.weight += plan->weight;
		steps = lappend(steps, plan);
		if (!merge->dry_run)
			steps = lappend(steps, verify);
	}
	if (!merge->dry_run)
		steps = lappend(steps, &apply);
	(void) steep_job_enqueue(&spec, steps);
}

/*
 * start_merge(p_peer_connstr text, p_tables text[], p_strategy text,
 *			   p_dry_run boolean, p_options jsonb)
 */
Datum
steep_repl_start_merge(PG_FUNCTION_ARGS)
{
	Submission	merge = {0};

	merge.strategy = steep_options_strategy(PG_ARGISNULL(2) ? NULL :
											text_to_cstring(PG_GETARG_TEXT_PP(2)));
	merge.dry_run = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	merge.options = PG_ARGISNULL(4) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(4);
	steep_options_check(merge.options);
	steep_job_check();
	merge.address = steep_peer_address_parse(PG_ARGISNULL(0) ? NULL :
											 text_to_cstring(PG_GETARG_TEXT_PP(0)));
	merge.pairs = steep_tables_resolve(PG_ARGISNULL(1) ? NULL :
									   PG_GETARG_ARRAYTYPE_P(1));
	check_merge(&merge);
	read_strategies(&merge);

	record_merge(&merge);
	if (merge.address->server == NULL)
		steep_server_create(psprintf("steep_repl_%s", merge.id), merge.address);
	enqueue(&merge);
	PG_RETURN_DATUM(steep_merge_record(merge.id));
}
