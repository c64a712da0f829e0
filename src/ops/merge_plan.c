/*-------------------------------------------------------------------------
 *
 * merge_plan.c
 *		Compare a table, and decide each row that differs.
 *
 * Decisions are data: what is applied later is what merge_decisions shows,
 * with both sides' rows as they were.  Rows are read, and keys compared, as
 * the job's owner; only ready decisions are recorded as the owner of the
 * extension, so no function of a user's ever runs with his rights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "base/sqltext.h"
#include "base/testpoint.h"
#include "jobs/progress.h"
#include "ops/compare.h"
#include "ops/merge_walk.h"

static const Statement clear_plan = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget an unfinished plan",
	.text = "SELECT steep_repl.clear_plan($1)",
	.nparams = 1,
	.params = {"int8"},
};

static const Statement table_rule = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the strategy",
	.text = "SELECT strategy, modified_column FROM steep_repl.merge_tables\n"
	"WHERE id = $1",
	.nparams = 1,
	.params = {"int8"},
};

static const Statement record_decisions = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record decisions",
	.text = "INSERT INTO steep_repl.merge_rows\n"
	"  (table_id, seq, round, key, peer_key, category, resolution, resolved_by,\n"
	"   state, local_digest, remote_digest, local_image, remote_image)\n"
	"SELECT $1, $2 + row_number() OVER (), $3, key, peer_key, category, resolution,\n"
	"       resolved_by, state, local_digest, remote_digest, local_image, remote_image\n"
	"FROM decided",
	.nparams = 3,
	.params = {"int8", "int8", "int4"},
};

static const Statement record_plan = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the counts",
	.text = "SELECT steep_repl.record_plan($1, $2, c.local_only, c.remote_only, $3, c.conflict)\n"
	"FROM steep_repl.count_plan($1) c",
	.nparams = 3,
	.params = {"int8", "text[]", "int8"},
};

static const Statement forget_stale = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget stale decisions",
	.text = "SELECT steep_repl.forget_stale($1, $2)",
	.nparams = 2,
	.params = {"int8", "int8[]"},
};

/* What planning one table takes. */
typedef struct Plan
{
	Merge	   *merge;
	Session    *session;
	TablePair  *pair;
	DecisionRule rule;
	int			round;
	int64		last;			/* number of the last decision */
} Plan;

/* Say how conflicts of a strategy are decided that time does not decide. */
static const char *
winner_of(const char *strategy, const char *tie)
{
	if (strcmp(strategy, "manual") == 0)
		return NULL;
	if (strcmp(strategy, "last-modified") == 0)
		return strcmp(tie, "manual") == 0 ? NULL : tie;
	return strcmp(strategy, "prefer-remote") == 0 ? "remote" : "local";
}

/* Read how the rows of a table are decided. */
static DecisionRule
read_rule(const Merge *merge, const TablePair *pair)
{
	const char *values[] = {pair->record};
	char	  **row = steep_merge_ask(&table_rule, values);
	const MergeOptions *options = merge->options;

	return (DecisionRule)
	{
		.strategy = row[0],
			.by_time = strcmp(row[0], "last-modified") == 0,
			.time_column = row[1],
			.winner = winner_of(row[0], options->tie),
			.inserts = options->inserts,
			.updates = options->updates,
			.to_local = options->to_local,
			.to_peer = options->to_remote,
	};
}

/* Append the decisions to our own table. */
static void
record(Plan *plan, Spool *decided)
{
	const char *values[] = {
		plan->pair->record, psprintf(INT64_FORMAT, plan->last),
		psprintf("%d", plan->round)
	};

	if (decided->nrows == 0)
		return;
	steep_merge_book(&record_decisions, values, list_make1(decided));
	plan->last += decided->nrows;
	steep_progress_add_rows(decided->nrows);
	steep_progress_add_units(decided->nrows);
}

/* Have the peer read its rows of a list of keys. */
static void
send_keys(const Plan *plan, const char *peer_keys)
{
	steep_peer_send(plan->session->peer,
					steep_merge_read_sql(SITE_PEER, plan->pair, &plan->rule),
					&peer_keys);
}

/* Read our rows of a list of keys, and those that the peer was asked for. */
static List *
read_rows(const Plan *plan, const char *local_keys)
{
	Spool	   *here = steep_spool_create("local_rows");
	Spool	   *there = steep_spool_create("peer_rows");

	steep_local_rows(steep_merge_read_sql(SITE_LOCAL, plan->pair, &plan->rule),
					 &local_keys, NIL, here);
	steep_peer_collect(plan->session->peer, there);
	return list_make2(here, there);
}

/* Decide the rows of both sides. */
static void
decide(Plan *plan, List *rows)
{
	Spool	   *decided = steep_spool_create("decided");

	steep_local_rows(steep_merge_decide_sql(plan->pair, &plan->rule), NULL,
					 rows, decided);
	record(plan, decided);
	steep_spool_end(linitial(rows));
	steep_spool_end(lsecond(rows));
	steep_spool_end(decided);
}

/*
 * Every row that differs must have been decided: it was read back by its key
 * from the snapshots in which it differed.  Only a row that takes part on one
 * node, by a column that is not merged, may turn out to be equal.
 */
static void
check_complete(const Plan *plan, const Spool *differences)
{
	if (plan->last == differences->nrows || plan->pair->where != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("could not read the rows of table \"%s\" that differ",
					steep_merge_table(plan->pair)),
			 errdetail("%lld rows differ, %lld were found by their keys.",
					   (long long) differences->nrows,
					   (long long) plan->last),
			 errhint("Check the unique indexes of the table on both nodes with amcheck.")));
}

/*
 * Decide the rows of all batches.  While we decide those of one, the peer
 * reads those of the next.
 */
static void
decide_batches(Plan *plan, ChunkWalk *walk)
{
	char	  **batch = steep_merge_walk_next(walk);

	send_keys(plan, batch[BATCH_THERE]);
	while (batch != NULL)
	{
		List	   *rows;

		TEST_POINT("merge-plan-batch");
		rows = read_rows(plan, batch[BATCH_HERE]);
		batch = steep_merge_walk_next(walk);
		if (batch != NULL)
			send_keys(plan, batch[BATCH_THERE]);
		decide(plan, rows);
	}
}

/* Decide all rows that differ, a batch at a time. */
static void
decide_differences(Plan *plan, Spool *differences)
{
	const char *values[] = {steep_merge_chunk_rows(plan->merge, plan->pair)};
	Spool	   *batches = steep_spool_create("batches");
	ChunkWalk  *walk;

	if (differences->nrows == 0)
		return;
	steep_progress_units(differences->nrows);
	steep_local_rows(steep_merge_batches_sql(plan->pair), values,
					 list_make1(differences), batches);
	walk = steep_merge_walk_spool(batches);
	decide_batches(plan, walk);
	steep_merge_walk_end(walk);
	steep_spool_end(batches);
}

/* Record what the images consist of, and how the table differed. */
static void
record_counts(const Plan *plan, const Counts *counts)
{
	List	   *names = NIL;
	ListCell   *cell;
	const char *values[] = {
		plan->pair->record, NULL, psprintf(INT64_FORMAT, counts->match)
	};

	foreach(cell, plan->pair->columns)
		names = lappend(names, ((ColumnInfo *) lfirst(cell))->name);
	values[1] = steep_sql_array(names);
	steep_merge_book(&record_plan, values, NIL);
}

/* Prepare to plan one table. */
static Plan *
make_plan(Merge *merge, Session *session, const char *table, int round)
{
	Plan	   *plan = palloc0(sizeof(Plan));

	plan->merge = merge;
	plan->session = session;
	plan->pair = linitial(steep_merge_pairs(session, merge, table));
	plan->rule = read_rule(merge, plan->pair);
	plan->round = round;
	return plan;
}

static void
plan_table(Merge *merge, Session *session, const char *table)
{
	Plan	   *plan;
	Spool	   *differences;
	Counts		counts = {0};
	const char *values[1];

	steep_merge_read_peer(session, merge);
	plan = make_plan(merge, session, table, 1);
	values[0] = plan->pair->record;
	steep_merge_book(&clear_plan, values, NIL);
	differences = steep_compare_differences(session, plan->pair, NULL, &counts);
	decide_differences(plan, differences);
	check_complete(plan, differences);
	counts.match += differences->nrows - plan->last;	/* they turned out equal */
	steep_spool_end(differences);
	record_counts(plan, &counts);
	steep_merge_record_statements(session, merge, plan->pair);
}

/* Decide the next rows that a cut takes anew; false if there is none. */
static bool
replan_chunk(Plan *plan, const Statement *cut)
{
	const char *values[] = {
		plan->pair->record, "0", CHUNK_WHOLE,
		steep_merge_chunk_rows(plan->merge, plan->pair)
	};
	char	  **chunk = steep_merge_ask(cut, values);
	const char *stale[] = {plan->pair->record, chunk ? chunk[CHUNK_NUMBERS] : NULL};

	if (chunk == NULL)
		return false;
	plan->last = strtoll(steep_merge_ask(&forget_stale, stale)[0], NULL, 10);
	send_keys(plan, chunk[CHUNK_PEER]);
	decide(plan, read_rows(plan, chunk[CHUNK_LOCAL]));
	return true;
}

/*
 * Decide the rows of the stale decisions anew, by what is there now; if the
 * merge is planned from snapshots, only rows that only one node has.
 */
static void
replan_table(Merge *merge, Session *session, const char *table, int round)
{
	bool		one_sided = merge->options->local_snapshot != NULL;
	Plan	   *plan;
	const Statement *cut;

	steep_merge_let_pass(session, merge);
	PushActiveSnapshot(GetTransactionSnapshot());
	steep_session_read(session);
	plan = make_plan(merge, session, table, round);
	plan->rule.updates &= !one_sided;
	cut = steep_merge_keys_chunk_sql(plan->pair, one_sided ?
									 CUT_STALE_ONE_SIDED : CUT_STALE);
	while (replan_chunk(plan, cut))
		continue;
	PopActiveSnapshot();
}

/* Plan or replan the step's table. */
static void
run(StepContext *step, bool anew)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);

	steep_progress_phase("plan");
	steep_progress_table(step->target);
	PG_TRY();
	{
		if (anew)
			plan_table(merge, session, step->target);
		else
			replan_table(merge, session, step->target,
						 (int) steep_merge_param(step, "round", 1));
		steep_merge_keep(merge, session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Step "plan": compare the target and decide each row that differs. */
void
steep_merge_plan(StepContext *step)
{
	steep_merge_take_snapshot();
	run(step, true);
}

/* Step "replan": decide the target's rows that moved before they were written. */
void
steep_merge_replan(StepContext *step)
{
	run(step, false);
}
