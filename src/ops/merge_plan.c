/*-------------------------------------------------------------------------
 *
 * merge_plan.c
 *		Compare a table, and decide each row that differs.
 *
 * Decisions are data: what is applied later is what merge_decisions says,
 * with both sides' rows as they were.  Rows are read, and keys compared, as
 * the job's owner; only ready decisions are recorded as the owner of the
 * extension, so no function of a user's ever runs with his rights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/testpoint.h"
#include "generate/overlap_sql.h"
#include "jobs/progress.h"
#include "ops/compare.h"
#include "ops/merge.h"

static const Statement clear_plan = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget an unfinished plan",
	.text = "SELECT steep_repl.clear_plan($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

static const Statement table_strategy = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the strategy",
	.text = "SELECT strategy FROM steep_repl.merge_tables\n"
	"WHERE merge_id = $1 AND table_name = $2",
	.nparams = 2,
	.params = {"text", "text"},
};

static const Statement record_decisions = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record decisions",
	.text = "INSERT INTO steep_repl.merge_decisions\n"
	"  (merge_id, table_name, seq, round, key, category, resolution,\n"
	"   resolved_by, state, local_row, remote_row, local_digest, remote_digest)\n"
	"SELECT $1, $2, $3 + row_number() OVER (), $4, key, category, resolution,\n"
	"       $5, 'planned', local_row, remote_row, local_digest, remote_digest\n"
	"FROM decided",
	.nparams = 5,
	.params = {"text", "text", "int8", "int4", "text"},
};

static const Statement record_plan = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the counts",
	.text = "SELECT steep_repl.record_plan($1, $2, $3, $4, $5, $6)",
	.nparams = 6,
	.params = {"text", "text", "int8", "int8", "int8", "int8"},
};

static const Statement record_statement = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the statements",
	.text = "SELECT steep_repl.add_merge_statement($1, $2, $3, $4, $5, $6)",
	.nparams = 6,
	.params = {"text", "text", "int4", "text", "text", "text"},
};

static const Statement forget_stale = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget stale decisions",
	.text = "SELECT steep_repl.forget_stale($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "int8[]"},
};

/* What planning one table takes. */
typedef struct Plan
{
	Merge	   *merge;
	Session    *session;
	TablePair  *pair;
	const char *table;			/* as merge_tables names it */
	const char *strategy;
	const char *winner;			/* of a conflict: local or remote */
	int			round;
	int64		last;			/* number of the last decision */
} Plan;

/* Which side wins a conflict? */
static const char *
winner_of(const char *strategy)
{
	return strcmp(strategy, "prefer-remote") == 0 ? "remote" : "local";
}

/* Append the decisions to merge_decisions. */
static void
record(Plan *plan, Spool *decided)
{
	const char *values[] = {
		plan->merge->id, plan->table, psprintf(INT64_FORMAT, plan->last),
		psprintf("%d", plan->round), plan->strategy
	};

	if (decided->nrows == 0)
		return;
	steep_merge_book(&record_decisions, values, list_make1(decided));
	plan->last += decided->nrows;
	steep_progress_add_rows(decided->nrows);
	steep_progress_add_units(decided->nrows);
}

/* Read both sides' rows of two lists of keys, and decide them. */
static void
decide(Plan *plan, const char *local_keys, const char *peer_keys)
{
	const char *values[] = {plan->winner};
	Spool	   *here = steep_spool_create("local_rows");
	Spool	   *there = steep_spool_create("peer_rows");
	Spool	   *decided = steep_spool_create("decided");

	steep_peer_send(plan->session->peer,
					steep_merge_read_sql(SITE_PEER, plan->pair), &peer_keys);
	steep_local_rows(steep_merge_read_sql(SITE_LOCAL, plan->pair), &local_keys,
					 NIL, here);
	steep_peer_collect(plan->session->peer, there);
	steep_local_rows(steep_merge_decide_sql(plan->pair), values,
					 list_make2(here, there), decided);
	record(plan, decided);
	steep_spool_end(here);
	steep_spool_end(there);
	steep_spool_end(decided);
}

/*
 * Every row that differs must have been decided: it was read back by its key
 * from the snapshots in which it differed.
 */
static void
check_complete(const Plan *plan, const Spool *differences)
{
	if (plan->last == differences->nrows)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("could not read the rows of table \"%s\" that differ",
					plan->table),
			 errdetail("%lld rows differ, %lld were found by their keys.",
					   (long long) differences->nrows,
					   (long long) plan->last),
			 errhint("Check the unique indexes of the table on both nodes with amcheck.")));
}

/* Decide all rows that differ, a batch at a time. */
static void
decide_differences(Plan *plan, Spool *differences)
{
	const char *values[] = {steep_merge_chunk_rows(plan->merge, plan->pair)};
	Spool	   *batches = steep_spool_create("batches");
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl plan batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	char	  **batch;

	if (differences->nrows == 0)
		return;
	steep_progress_units(differences->nrows);
	steep_local_rows(steep_overlap_batches_sql(plan->pair), values,
					 list_make1(differences), batches);
	caller = MemoryContextSwitchTo(context);
	while ((batch = steep_spool_next(batches)) != NULL)
	{
		TEST_POINT("merge-plan-batch");
		decide(plan, batch[BATCH_LOCAL], batch[BATCH_PEER]);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	steep_spool_end(batches);
}

static void
record_counts(const Plan *plan, const Counts *counts)
{
	const char *values[] = {
		plan->merge->id, plan->table,
		psprintf(INT64_FORMAT, counts->local_only),
		psprintf(INT64_FORMAT, counts->remote_only),
		psprintf(INT64_FORMAT, counts->match),
		psprintf(INT64_FORMAT, counts->conflict)
	};

	steep_merge_book(&record_plan, values, NIL);
}

/* Record the statements that will apply the plan. */
static void
record_statements(const Plan *plan)
{
	List	   *pairs = list_make1(plan->pair);
	List	   *statements;
	ListCell   *cell;

	statements = steep_merge_statements(plan->pair,
										steep_merge_foreign_keys(plan->session, SITE_LOCAL, pairs),
										steep_merge_foreign_keys(plan->session, SITE_PEER, pairs));

	foreach(cell, statements)
	{
		Statement  *statement = lfirst(cell);
		const char *values[] = {
			plan->merge->id, plan->table,
			psprintf("%d", list_cell_number(statements, cell) + 1),
			statement->site == SITE_LOCAL ? "local" : "peer",
			statement->purpose, statement->text
		};

		steep_merge_book(&record_statement, values, NIL);
	}
}

/* Prepare to plan one table. */
static Plan *
make_plan(Merge *merge, Session *session, const char *table, int round)
{
	const char *values[] = {merge->id, table};
	Plan	   *plan = palloc0(sizeof(Plan));

	plan->merge = merge;
	plan->session = session;
	plan->pair = linitial(steep_merge_pairs(session, merge, table));
	plan->table = table;
	plan->strategy = steep_merge_ask(&table_strategy, values)[0];
	plan->winner = winner_of(plan->strategy);
	plan->round = round;
	return plan;
}

static void
plan_table(Merge *merge, Session *session, const char *table)
{
	const char *values[] = {merge->id, table};
	Plan	   *plan;
	Spool	   *differences;
	Counts		counts = {0};

	steep_merge_book(&clear_plan, values, NIL);
	steep_session_read(session);
	plan = make_plan(merge, session, table, 1);
	differences = steep_compare_differences(session, plan->pair, NULL, &counts);
	decide_differences(plan, differences);
	check_complete(plan, differences);
	steep_spool_end(differences);
	record_counts(plan, &counts);
	record_statements(plan);
}

/* Decide the rows of the stale decisions anew. */
static void
replan_table(Merge *merge, Session *session, const char *table, int round)
{
	Plan	   *plan;
	const Statement *cut;

	steep_session_read(session);
	plan = make_plan(merge, session, table, round);
	cut = steep_merge_keys_chunk_sql(plan->pair);
	for (;;)
	{
		const char *values[] = {
			merge->id, table, "stale",
			steep_merge_chunk_rows(merge, plan->pair), "0", NULL
		};
		char	  **chunk = steep_merge_ask(cut, values);
		const char *stale[] = {merge->id, table, chunk ? chunk[CHUNK_NUMBERS] : NULL};

		if (chunk == NULL)
			return;
		plan->last = strtoll(steep_merge_ask(&forget_stale, stale)[0], NULL, 10);
		decide(plan, chunk[CHUNK_LOCAL], chunk[CHUNK_PEER]);
	}
}

/* Connect, plan or replan the step's table, and disconnect. */
static void
run(StepContext *step, int round)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);

	steep_progress_phase("plan");
	steep_progress_table(step->target);
	PG_TRY();
	{
		if (round == 1)
			plan_table(merge, session, step->target);
		else
			replan_table(merge, session, step->target, round);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}

/* Step "plan": compare the target and decide each row that differs. */
void
steep_merge_plan(StepContext *step)
{
	run(step, 1);
}

/* Step "replan": decide the target's rows that moved before they were written. */
void
steep_merge_replan(StepContext *step)
{
	/* stages: apply 2, replan 3, apply 4, replan 5, … */
	run(step, (step->stage - MERGE_STAGE_APPLY + 1) / 2 + 1);
}
