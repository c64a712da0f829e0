/*-------------------------------------------------------------------------
 *
 * snapshot_operation.c
 *		The writing of a snapshot, as the workers run it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/snapshot.h"

#define MOST_STARTS 5			/* of a job, which starts over each time */

static const Statement last_error = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read why the job starts over",
	.text = "SELECT error_message FROM steep_repl.work_steps\n"
	"WHERE job_id = $1 AND error_message IS NOT NULL ORDER BY id DESC LIMIT 1",
	.nparams = 1,
	.params = {"bigint"},
};

static const Statement forget_work = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "start over",
	.text = "SELECT steep_repl.forget_snapshot_work($1, $2)",
	.nparams = 2,
	.params = {"text", "bigint"},
};

/* The steps, by their kind. */
static const struct
{
	const char *kind;
	void		(*begin) (StepContext *step);	/* or NULL */
	void		(*run) (StepContext *step);
	void		(*record) (StepContext *step);	/* or NULL */
}			steps[] =

{
	{"directory", NULL, steep_snapshot_make_directory, NULL},
	{"plan", NULL, steep_snapshot_plan, NULL},
	{"hold", steep_snapshot_begin_hold, steep_snapshot_hold, steep_snapshot_record_hold},
	{"data", steep_snapshot_begin_data, steep_snapshot_data, steep_snapshot_record_data},
	{"finalize", NULL, steep_snapshot_finalize, NULL},
};

static int
find_kind(const StepContext *step)
{
	for (int i = 0; i < (int) lengthof(steps); i++)
	{
		if (strcmp(step->kind, steps[i].kind) == 0)
			return i;
	}
	elog(ERROR, "unknown step \"%s\" of a snapshot", step->kind);
	return -1;
}

/* Remove what an earlier start has left, and make all steps pending again. */
static void
start_over(const Job *job)
{
	const char *id[] = {steep_books_number(job->id)};
	const char *values[] = {job->snapshot_id, id[0]};
	FileSnapshot *snapshot = steep_snapshot_load(job->snapshot_id);

	if (job->attempt > MOST_STARTS)
	{
		char	  **row = steep_local_row(&last_error, id, NIL);

		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("snapshot was started %d times and never came to its end",
						MOST_STARTS),
				 row ? errdetail("The last error was: %s.", row[0]) : 0,
				 errhint("The server log says why its workers ended.")));
	}
	if (!steep_snapshot_remove(snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("directory \"%s\" still holds half of the snapshot",
						snapshot->path)));
	(void) steep_local_none(&forget_work, values, NIL);
}

static void
start(const Job *job)
{
	if (job->attempt > 1)
		start_over(job);
	steep_snapshot_mark(job->snapshot_id, "running", NULL, false);
}

/*
 * A worker that reads may belong to a lock group, so it can't have parallel
 * workers of its own.
 */
static void
begin_step(StepContext *step)
{
	void		(*begin) (StepContext *step) = steps[find_kind(step)].begin;

	SetConfigOption("max_parallel_workers_per_gather", "0", PGC_USERSET,
					PGC_S_SESSION);
	if (begin != NULL)
		begin(step);
}

static void
run_step(StepContext *step)
{
	steps[find_kind(step)].run(step);
}

static void
record_step(StepContext *step)
{
	void		(*record) (StepContext *step) = steps[find_kind(step)].record;

	if (record != NULL)
		record(step);
}

/* Record how it ended; half a snapshot is removed. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	bool		left = status != JOB_COMPLETE &&
		!steep_snapshot_remove(steep_snapshot_load(job->snapshot_id));

	steep_snapshot_mark(job->snapshot_id, steep_job_status_name(status),
						error, left);
}

const Operation steep_snapshot_operation = {
	.name = SNAPSHOT_GENERATE,
	.label = "snapshot",
	.holds = true,
	.start = start,
	.begin_step = begin_step,
	.run_step = run_step,
	.record_step = record_step,
	.end = end,
};
