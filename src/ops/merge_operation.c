/*-------------------------------------------------------------------------
 *
 * merge_operation.c
 *		A merge, as the workers run it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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

/* The steps of a merge, by their kind. */
static const struct
{
	const char *kind;
	void		(*run) (StepContext *step);
}			steps[] =
{
	{"plan", steep_merge_plan},
	{"replan", steep_merge_replan},
	{"apply", steep_merge_apply},
	{"verify", steep_merge_verify},
};

static void
mark(const char *id, const char *status, const char *error)
{
	const char *values[] = {id, status, error};

	(void) steep_merge_book(&mark_merge, values, NIL);
}

/* Say all there is to say of an error: message, detail, hint. */
static char *
describe(const JobError *error)
{
	return psprintf("%s%s%s%s%s", error->message,
					error->detail ? "\nDETAIL:  " : "",
					error->detail ? error->detail : "",
					error->hint ? "\nHINT:  " : "",
					error->hint ? error->hint : "");
}

static void
start(const Job *job)
{
	mark(job->merge_id, "running", NULL);
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
		 error ? describe(error) : NULL);
	if (merge->private_server)
		steep_server_drop(merge->server);
}

const Operation steep_merge_operation = {
	.name = MERGE_OPERATION,
	.label = "merge",
	.start = start,
	.run_step = run_step,
	.end = end,
};
