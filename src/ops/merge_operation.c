/*-------------------------------------------------------------------------
 *
 * merge_operation.c
 *		A merge, as the workers run it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/progress.h"
#include "ops/merge.h"
#include "run/server.h"

static const Statement mark_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark the merge",
	.text = "SELECT steep_repl.mark_merge($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "text"},
};

static const Statement count_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "count the tables",
	.text = "SELECT count(*) FROM steep_repl.merge_tables WHERE merge_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement give_up_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "give up what waits",
	.text = "SELECT steep_repl.give_up_merge($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

/* The steps of a merge, by their kind. */
static const struct
{
	const char *kind;
	void		(*run) (StepContext *step);
}			steps[] =

{
	{"plan", steep_merge_plan},
	{"replan", steep_merge_replan},
	{"revert", steep_merge_revert},
	{"settle", steep_merge_settle},
	{"apply", steep_merge_apply},
	{"split", steep_merge_split},
	{"batch", steep_merge_batch},
	{"again", steep_merge_again},
	{"recheck", steep_merge_recheck},
	{"sequences", steep_merge_sequences},
	{"verify", steep_merge_verify},
};

static void
mark(const char *id, const char *status, const char *error)
{
	const char *values[] = {id, status, error};

	(void) steep_merge_book(&mark_merge, values, NIL);
}

static void
start(const Job *job)
{
	const char *values[] = {job->merge_id};

	mark(job->merge_id, "running", NULL);
	steep_progress_tables(atoi(steep_merge_ask(&count_tables, values)[0]), 0);
}

static void
run_step(StepContext *step)
{
	for (size_t i = 0; i < lengthof(steps); i++)
	{
		if (strcmp(step->kind, steps[i].kind) == 0)
		{
			steps[i].run(step);
			return;
		}
	}
	elog(ERROR, "unknown step \"%s\" of a merge", step->kind);
}

/* Record how the merge ended; its own server is no longer needed. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	Merge	   *merge = steep_merge_load(job->merge_id);

	mark(job->merge_id, steep_job_status_name(status),
		 error ? steep_job_error_text(error) : NULL);
	if (merge->private_server)
		steep_server_drop(merge->server);
}

/* End a merge whose conflicts nobody is going to resolve. */
static bool
give_up(const char *id, Oid caller)
{
	const char *values[] = {id, psprintf("%u", caller)};

	return steep_merge_ask(&give_up_merge, values)[0] != NULL;
}

const Operation steep_merge_operation = {
	.name = MERGE_OPERATION,
	.label = "merge",
	.start = start,
	.begin_step = steep_merge_begin_step,
	.run_step = run_step,
	.end = end,
	.give_up = give_up,
};
