/*-------------------------------------------------------------------------
 *
 * apply_operation.c
 *		The applying of a snapshot, as the workers run it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/apply.h"

static const Statement count_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "see how far the apply is",
	.text = "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS\n"
	"  (SELECT FROM steep_repl.snapshot_chunks c\n"
	"   WHERE c.snapshot_id = t.snapshot_id AND c.number = t.number AND NOT c.done)),\n"
	"  coalesce(bool_or(t.created OR EXISTS\n"
	"    (SELECT FROM steep_repl.snapshot_chunks c\n"
	"     WHERE c.snapshot_id = t.snapshot_id AND c.number = t.number AND c.done)), false)\n"
	"FROM steep_repl.snapshot_tables t WHERE t.snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement mark_stopped = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "say what stays",
	.text = "SELECT steep_repl.mark_snapshot($1, $2,\n"
	"  concat_ws(E'\\n', $3, 'NOTE:  What was loaded stays; the tables are in steep_repl.snapshot_tables. '\n"
	"    'Drop or empty them before the snapshot is applied again.'), false)",
	.nparams = 3,
	.params = {"text", "text", "text"},
};

/* The steps, by their kind. */
static const struct
{
	const char *kind;
	void		(*run) (StepContext *step);
}			steps[] =

{
	{"plan", steep_apply_plan},
	{"verify", steep_apply_verify},
	{"schema", steep_apply_schema},
	{"weigh", steep_apply_weigh},
	{"load", steep_apply_load},
	{"index", steep_apply_run},
	{"references", steep_apply_references},
	{"finish", steep_apply_run},
	{"check", steep_apply_check},
	{"digest", steep_apply_digest},
	{"analyze", steep_apply_analyze},
	{"compare", steep_apply_compare},
};

static void
start(const Job *job)
{
	const char *values[] = {job->snapshot_id};
	char	  **row = steep_local_row(&count_tables, values, NIL);

	steep_progress_tables(atoi(row[0]), atoi(row[1]));
	steep_snapshot_mark(job->snapshot_id, "running", NULL, false);
}

static void
run_step(StepContext *step)
{
	for (int i = 0; i < (int) lengthof(steps); i++)
	{
		if (strcmp(step->kind, steps[i].kind) == 0)
		{
			steps[i].run(step);
			return;
		}
	}
	elog(ERROR, "unknown step \"%s\" of an apply", step->kind);
}

/* Record how it ended, and, unless all went well, that rows stay. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	const char *values[] = {
		job->snapshot_id, steep_job_status_name(status),
		error ? steep_job_error_text(error) : NULL
	};

	if (status != JOB_COMPLETE &&
		steep_books_bool(steep_local_row(&count_tables, values, NIL)[2]))
		(void) steep_local_none(&mark_stopped, values, NIL);
	else
		steep_snapshot_mark(job->snapshot_id, values[1], error, false);
}

const Operation steep_apply_operation = {
	.name = SNAPSHOT_APPLY,
	.label = "snapshot",
	.start = start,
	.run_step = run_step,
	.end = end,
};
