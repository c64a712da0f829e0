/*-------------------------------------------------------------------------
 *
 * merge_steps.c
 *		What steps a merge consists of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/merge.h"

static const Statement stale_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find tables with stale rows",
	.text = "SELECT t.table_name FROM steep_repl.merge_tables t\n"
	"WHERE t.merge_id = $1 AND EXISTS\n"
	"  (SELECT FROM steep_repl.merge_rows r\n"
	"   WHERE r.table_id = t.id AND r.state = 'stale'\n"
	"     AND (r.category <> 'conflict' OR NOT $2))\n"
	"ORDER BY t.seq",
	.nparams = 2,
	.params = {"text", "bool"},
};

static const Statement list_changes = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "count what is planned",
	.text = "SELECT table_name, changes, rows, sum(changes) OVER ()\n"
	"FROM steep_repl.planned_changes($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement add_settle_steps = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "have earlier steps settled",
	.text = "SELECT steep_repl.add_settle_steps($1, $2)",
	.nparams = 2,
	.params = {"int8", "text"},
};

static const Statement summarize = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "say what the merge is",
	.text = "SELECT jsonb_strip_nulls(jsonb_build_object('peer', peer, 'tables', tables,\n"
	"  'strategy', strategy, 'dry_run', dry_run, 'reverts', reverts))\n"
	"FROM steep_repl.merge_audit_log WHERE merge_id = $1",
	.nparams = 1,
	.params = {"text"},
};

/* The columns of list_changes. */
enum
{
	CHANGES_TABLE,
	CHANGES_ROWS,
	CHANGES_OF,
	CHANGES_ALL
};

/* Append a step to a list. */
static List *
add(List *steps, const char *kind, int stage, const char *target, uint64 weight)
{
	StepSpec   *step = palloc0(sizeof(StepSpec));

	step->kind = kind;
	step->stage = stage;
	step->target = target;
	step->weight = Max(weight, 1);
	return lappend(steps, step);
}

/* Write down how rows that move are handled. */
static char *
round_params(int round, int replans, bool limited)
{
	return psprintf("{\"round\": %d, \"replans\": %d, \"limited\": %d}",
					round, replans, limited);
}

/* Append the step that applies what is planned, all at once or in batches. */
static List *
add_apply(List *steps, const MergeOptions *options, const char *params,
		  uint64 weight)
{
	steps = add(steps, options->by_batch ? "split" : "apply",
				MERGE_STAGE_APPLY, NULL, weight);
	((StepSpec *) llast(steps))->params = params;
	((StepSpec *) llast(steps))->twofold = !options->by_batch;
	return steps;
}

/* Append the steps that come after all rows are written. */
static List *
add_last(List *steps, bool sequences, List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		if (sequences)
			steps = add(steps, "sequences", MERGE_STAGE_SEQUENCES,
						lfirst(cell), 1);
		steps = add(steps, "verify", MERGE_STAGE_VERIFY, lfirst(cell), 1);
	}
	((StepSpec *) llast(steps))->params = "{\"last\": 1}";
	return steps;
}

/* Submit a job of a merge; returns its number. */
static int64
enqueue(const char *id, const char *event, List *steps)
{
	JobSpec		spec = {.operation = MERGE_OPERATION,.merge_id = id,.parallel = 1};

	spec.event = event;
	spec.summary = steep_merge_ask(&summarize, &id)[0];
	return steep_job_enqueue(&spec, steps);
}

/*
 * Submit the job of a merge: plan each of the tables, named parents first,
 * by the step "plan" or "revert"; weights are the tables' rows, or NULL.
 */
void
steep_merge_enqueue(const char *id, const MergeOptions *options,
					const char *plan, List *tables, const uint64 *weights,
					bool dry_run)
{
	bool		reverts = strcmp(plan, "revert") == 0;
	char	   *snapshots = steep_merge_snapshot_params(options);
	List	   *steps = NIL;
	uint64		weight = 0;
	ListCell   *cell;

	foreach(cell, tables)
	{
		uint64		rows = weights ? weights[foreach_current_index(cell)] : 1;

		steps = add(steps, plan, MERGE_STAGE_PLAN, lfirst(cell), rows);
		((StepSpec *) llast(steps))->params = snapshots;
		weight += rows;
	}
	if (!dry_run && options->await_replication && !reverts)
	{
		steps = add(steps, "recheck", MERGE_STAGE_APPLY, NULL, weight);
		((StepSpec *) llast(steps))->params =
			round_params(1, MERGE_REPLANS + 1, true);
	}
	else if (!dry_run)
		steps = add_apply(steps, options,
						  round_params(1, reverts ? 0 : MERGE_REPLANS, !reverts),
						  weight);
	if (!dry_run)
		steps = add_last(steps, options->sequences && !reverts, tables);
	(void) enqueue(id, reverts ? "revert" : "start", steps);
}

/*
 * Submit a job that applies what a merge has planned, once it has found out
 * what became of the steps of its earlier jobs.
 */
void
steep_merge_enqueue_apply(const char *id, const MergeOptions *options,
						  List *tables, int round)
{
	List	   *steps = add_apply(NIL, options, round_params(round, 0, false), 1);
	const char *values[] = {NULL, id};

	steps = add_last(steps, options->sequences, tables);
	values[0] = steep_books_number(enqueue(id, "apply", steps));
	(void) steep_merge_book(&add_settle_steps, values, NIL);
}

/* Refuse to apply a plan that changes more than it may. */
static void
report_limit(const char *id, const char *what, const char *limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("merge would change %s", what),
			 errdetail("The option %s. Nothing was written; the plan is kept.", limit),
			 errhint("Look at steep_repl.merge_summary('%s'); steep_repl.apply_merge('%s') applies it nevertheless.",
					 id, id)));
}

/* Check how much a merge would change, unless somebody has looked at it. */
void
steep_merge_check_limits(const StepContext *step)
{
	const Merge *merge = steep_merge_load(step->job->merge_id);
	const MergeOptions *options = merge->options;
	const char *values[] = {merge->id};
	Spool	   *tables;
	Books		books;
	char	  **row;

	if (steep_merge_param(step, "limited", 0) == 0 ||
		(options->max_changes < 0 && options->max_change_percent < 0))
		return;
	tables = steep_spool_create("tables");
	books = steep_books_open();
	steep_local_rows(&list_changes, values, NIL, tables);
	steep_books_close(books);
	while ((row = steep_spool_next(tables)) != NULL)
	{
		double		changes = strtod(row[CHANGES_ROWS], NULL);
		double		rows = row[CHANGES_OF] ? strtod(row[CHANGES_OF], NULL) : 0;

		if (options->max_changes >= 0 &&
			strtod(row[CHANGES_ALL], NULL) > options->max_changes)
			report_limit(merge->id, psprintf("%s rows", row[CHANGES_ALL]),
						 psprintf("max_changes is " INT64_FORMAT,
								  options->max_changes));
		if (options->max_change_percent >= 0 &&
			changes * 100 > options->max_change_percent * rows)
			report_limit(merge->id,
						 psprintf("%s of %.0f rows of table \"%s\"",
								  row[CHANGES_ROWS], rows, row[CHANGES_TABLE]),
						 psprintf("max_change_percent is %g",
								  options->max_change_percent));
	}
	steep_spool_end(tables);
}

/*
 * Have the tables with stale rows planned and applied again, if they may be;
 * "limited" if what is planned has not been counted yet.
 */
void
steep_merge_plan_again(StepContext *step, bool limited)
{
	const MergeOptions *options = steep_merge_load(step->job->merge_id)->options;
	const char *values[] = {
		step->job->merge_id, options->local_snapshot ? "true" : "false"
	};
	Spool	   *tables = steep_spool_create("tables");
	int			replans = (int) steep_merge_param(step, "replans", 0);
	int			round = (int) steep_merge_param(step, "round", 1) + 1;
	StepSpec	spec = {.weight = 1};
	Books		books = steep_books_open();
	char	  **row;

	steep_local_rows(&stale_tables, values, NIL, tables);
	steep_books_close(books);
	if (tables->nrows > 0 && replans > 0)
	{
		spec.params = round_params(round, replans - 1, limited);
		spec.stage = step->stage + 1;
		spec.kind = "replan";
		while ((row = steep_spool_next(tables)) != NULL)
		{
			spec.target = row[0];
			steep_job_add_step(step, &spec);
		}
		spec.stage = step->stage + 2;
		spec.kind = options->by_batch ? "split" : "apply";
		spec.twofold = !options->by_batch;
		spec.target = NULL;
		steep_job_add_step(step, &spec);
	}
	steep_spool_end(tables);
}
