/*-------------------------------------------------------------------------
 *
 * init_operation.c
 *		Inits, and their removal, as the workers run them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/apply.h"
#include "ops/init_direct.h"
#include "ops/init_files.h"
#include "ops/init_merge.h"

static const Statement read_state = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the node's state",
	.text = "SELECT init_state FROM steep_repl.find_node($1)",
	.nparams = 1,
	.params = {"text"},
};

/* The steps, by their kind. */
static const struct
{
	const char *kind;
	void		(*run) (StepContext *step);
}			steps[] =

{
	{"clean", steep_init_clean},
	{"clean_source", steep_init_clean_source},
	{"prepare", steep_init_prepare},
	{"schema", steep_init_schema},
	{"slot", steep_init_slot},
	{"subscribe", steep_init_subscribe},
	{"copy", steep_init_copy},
	{"reset", steep_init_reset},
	{"catchup", steep_init_catch_up},
	{"create", steep_direct_create},
	{"plan", steep_direct_plan},
	{"hold", steep_direct_hold},
	{"load", steep_direct_load},
	{"index", steep_apply_run},
	{"references", steep_apply_references},
	{"finish", steep_apply_run},
	{"sequences", steep_direct_sequences},
	{"analyze", steep_apply_analyze},
	{"files_export", steep_files_export},
	{"files_wait", steep_files_wait},
	{"files_load", steep_files_load},
	{"publish_back", steep_init_publish_back},
	{"hold_slots", steep_init_hold_slots},
	{"merge", steep_init_merge},
	{"await_merge", steep_init_await_merge},
	{"subscribe_back", steep_init_subscribe_back},
	{"catchup_both", steep_init_meet},
	{"settle", steep_init_settle},
	{"conclude", steep_init_conclude},
};

/* Those that begin without a snapshot, or record what they did afterwards. */
static const struct
{
	const char *kind;
	void		(*begin) (StepContext *step);
	void		(*record) (StepContext *step);	/* or NULL */
}			hooks[] =

{
	{"hold_slots", steep_init_begin_slots, steep_init_record_slots},
	{"merge", steep_init_begin_merge, NULL},
	{"await_merge", steep_init_begin_wait, NULL},
};

/* The subscription's own workers copy. */
void
steep_init_plan_snapshot(List **steps)
{
	steep_init_plan_step(steps, INIT_STAGE_SCHEMA, "schema");
	steep_init_plan_step(steps, INIT_STAGE_COPY, "slot");
	steep_init_plan_step(steps, INIT_STAGE_SUBSCRIBE, "subscribe");
	steep_init_plan_step(steps, INIT_STAGE_MUTUAL, "copy");
	steep_init_plan_step(steps, INIT_STAGE_CATCHUP, "catchup");
}

static void
start(const Job *job)
{
	const Init *init = steep_init_load(job->init_id);

	steep_progress_tables(list_length(steep_init_tables(init)), 0);
	if (strcmp(job->operation, INIT_CLEAN) == 0)
		return;
	if (job->attempt > 1)
	{
		steep_direct_start_over(job);
		steep_init_start_over_merge(job);
	}
	steep_init_mark(job->init_id, "running", NULL);
}

static void
begin_step(StepContext *step)
{
	for (int i = 0; i < (int) lengthof(hooks); i++)
	{
		if (strcmp(step->kind, hooks[i].kind) == 0)
			hooks[i].begin(step);
	}
}

/* A wire that this worker has kept is for steps that load. */
static void
run_step(StepContext *step)
{
	if (strcmp(step->kind, "load") != 0)
		steep_wire_close_kept();
	for (int i = 0; i < (int) lengthof(steps); i++)
	{
		if (strcmp(step->kind, steps[i].kind) == 0)
		{
			steps[i].run(step);
			return;
		}
	}
	elog(ERROR, "unknown step \"%s\" of an init", step->kind);
}

static void
record_step(StepContext *step)
{
	for (int i = 0; i < (int) lengthof(hooks); i++)
	{
		if (strcmp(step->kind, hooks[i].kind) == 0 && hooks[i].record != NULL)
			hooks[i].record(step);
	}
}

/* Move the node from wherever it is. */
static void
move(const Job *job, const Init *init, InitState to, const JobError *error)
{
	char	  **row = steep_local_row(&read_state, &init->node, NIL);
	InitState	from;

	if (row == NULL)
		return;					/* nobody knows the node any more */
	from = steep_init_state_parse(row[0]);
	if (from != to || to == NODE_FAILED)
		steep_init_move(init->node, from, to, job->owner_name, NULL,
						error ? steep_job_error_text(error) : NULL);
}

/* Record how it ended.  What a cancelled one has made is removed. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	const Init *init = steep_init_load(job->init_id);

	steep_init_mark(init->id, steep_job_status_name(status), error);
	if (status != JOB_COMPLETE)
	{
		steep_files_end(init);
		steep_init_cancel_merge(init->id);
	}
	if (status == JOB_FAILED)
		move(job, init, NODE_FAILED, error);
	else if (status == JOB_CANCELLED)
		steep_init_enqueue_clean(init->id);
}

/* The subscription goes on by itself, whatever becomes of the job. */
static void
end_reinit(const Job *job, JobStatus status, const JobError *error)
{
	static const JobError cancelled = {
		.message = "the reinit was cancelled",
		.detail = "Tables that it has emptied are still copied by the subscription.",
		.hint = "Compare with steep_repl.analyze_overlap(), or call steep_repl.start_reinit() again."
	};
	const Init *init = steep_init_load(job->init_id);

	steep_init_mark(init->id, steep_job_status_name(status), error);
	if (status == JOB_FAILED)
		move(job, init, NODE_FAILED, error);
	else if (status == JOB_CANCELLED)
		move(job, init, NODE_DIVERGED, &cancelled);
}

/* All is removed, or some is left: then the record of it is, too. */
static void
end_clean(const Job *job, JobStatus status, const JobError *error)
{
	static const JobError cancelled = {
		.message = "the removal of what an init has made was cancelled",
		.hint = "steep_repl.leftovers() lists what is left, steep_repl.cancel_init() removes it."
	};
	const Init *init = steep_init_load(job->init_id);

	if (status == JOB_COMPLETE)
		move(job, init, NODE_UNINITIALIZED, NULL);
	else
		move(job, init, NODE_FAILED, error ? error : &cancelled);
}

const Operation steep_init_operation = {
	.name = INIT_START,
	.label = "init",
	.holds = true,
	.start = start,
	.begin_step = begin_step,
	.run_step = run_step,
	.record_step = record_step,
	.end = end,
};

const Operation steep_reinit_operation = {
	.name = INIT_REINIT,
	.label = "init",
	.start = start,
	.run_step = run_step,
	.end = end_reinit,
};

const Operation steep_init_clean_operation = {
	.name = INIT_CLEAN,
	.label = "init",
	.start = start,
	.run_step = run_step,
	.end = end_clean,
};
