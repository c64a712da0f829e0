/*-------------------------------------------------------------------------
 *
 * step.c
 *		Run one step of a job: claim it, do it, record it.
 *
 * The claim is committed first, so that a step is seen to run and a crash
 * counts as an attempt.  What the step did and the record that it is
 * complete commit together, unless the step chose a read-only transaction.
 * A failure is recorded after the rollback, in a transaction of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/pinned.h"
#include "base/testpoint.h"
#include "worker/worker.h"

/* Name the step in the context of its errors. */
static void
add_step_context(void *arg)
{
	const StepContext *step = arg;

	if (step->target != NULL)
		errcontext("step \"%s\" of operation \"%s\" on %s", step->kind,
				   step->job->operation, step->target);
	else
		errcontext("step \"%s\" of operation \"%s\"", step->kind,
				   step->job->operation);
}

/* Say in pg_stat_activity what this worker does. */
static void
report_activity(const StepContext *step)
{
	char	   *text = psprintf("%s: %s %s", step->job->operation, step->kind,
								step->target ? step->target : "");

	pgstat_report_activity(STATE_RUNNING, text);
	pfree(text);
}

static StepContext *
claim(Job *job, int helper, MemoryContext context)
{
	StepContext *step;

	steep_worker_begin(context);
	TEST_POINT("step_claim");
	step = steep_ledger_claim_step(job, helper);
	steep_worker_commit(context);
	return step;
}

/* Write down what a step did that could not do so itself. */
static void
record_result(const Operation *operation, StepContext *step)
{
	Books		books;

	if (operation->record_step == NULL)
		return;
	books = steep_books_open();
	operation->record_step(step);
	steep_books_close(books);
}

static void
record_complete(const StepContext *step)
{
	uint64		rows;
	uint64		bytes;

	steep_progress_step_counts(&rows, &bytes);
	steep_ledger_complete_step(step, rows, bytes);
}

/* Do the step and commit. */
static void
work(const Operation *operation, StepContext *step, MemoryContext context)
{
	bool		read_only;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (operation->begin_step != NULL)
		operation->begin_step(step);
	read_only = XactReadOnly;
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
	TEST_POINT("step_begin");
	TEST_POINT(psprintf("begin %s", step->kind));
	operation->run_step(step);
	TEST_POINT(psprintf("done %s", step->kind));
	TEST_POINT("step_done");
	if (!read_only)
		record_complete(step);
	steep_worker_commit(context);
	if (step->decided)
		RESUME_CANCEL_INTERRUPTS();
	if (read_only)
	{
		steep_worker_begin(context);
		record_result(operation, step);
		record_complete(step);
		steep_worker_commit(context);
	}
}

/* Write down why the step failed, whoever wants to cancel it meanwhile. */
static void
record_failure(JobSlot *slot, const StepContext *step,
			   const JobError *error, MemoryContext context)
{
	JobStatus	status = JOB_FAILED;

	if (pg_atomic_read_u32(&slot->cancel) != 0)
		status = JOB_CANCELLED;
	else if (steep_worker_is_transient(error))
		status = JOB_PENDING;
	HOLD_CANCEL_INTERRUPTS();
	steep_worker_begin(context);
	TEST_POINT("step_fail");
	steep_ledger_fail_step(step, status, error);
	steep_worker_commit(context);
	RESUME_CANCEL_INTERRUPTS();
}

/* Do a step that is ours; return why it failed, or NULL. */
static JobError *
try_step(const Operation *operation, StepContext *step, MemoryContext context)
{
	ErrorContextCallback callback;
	JobError   *volatile error = NULL;

	callback.callback = add_step_context;
	callback.arg = step;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	PG_TRY();
	{
		work(operation, step, context);
	}
	PG_CATCH();
	{
		error_context_stack = callback.previous;
		error = steep_worker_take_error(context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return error;
}

/* Run the job's next step as its helper of this number. */
StepResult
steep_step_run(JobSlot *slot, Job *job, int helper)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "steep_repl step",
												  ALLOCSET_DEFAULT_SIZES);
	StepContext *step;
	JobError   *error = NULL;

	QueryCancelPending = false;
	steep_pin_session();
	step = claim(job, helper, context);
	steep_helper_served();
	if (step != NULL)
	{
		report_activity(step);
		steep_progress_begin_step(&slot->helpers[helper].progress,
								  step->weight);
		error = try_step(steep_operation_find(job->operation), step, context);
		steep_progress_end_step(error == NULL);
		if (error != NULL)
		{
			steep_progress_error(error->message);
			record_failure(slot, step, error, context);
		}
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
	if (step == NULL)
		return STEP_NONE;
	return error == NULL ? STEP_COMPLETE : STEP_FAILED;
}
