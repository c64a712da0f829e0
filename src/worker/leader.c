/*-------------------------------------------------------------------------
 *
 * leader.c
 *		The worker that leads one job from its claim to its end.
 *
 * It runs no step itself as long as a helper can be had, so it is there to
 * hear a cancel and to tell of progress, which NOTIFY does only at a commit,
 * while a step takes hours.  If the server has no place for a single helper
 * it does the steps one by one: slower and silent, but never stuck.
 *
 * If it dies, or any of its own transactions fails, its slot is lost, its
 * helpers are told to leave, and a scout puts the job back into the queue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/testpoint.h"
#include "jobs/hold.h"
#include "worker/worker.h"

#define TURN_MS 1000			/* between two looks */
#define MAX_BARREN 3			/* helpers that end before they could claim */

/* What the leader knows. */
typedef struct Leader
{
	JobSlot    *slot;
	SlotAddress address;
	Job		   *job;
	MemoryContext turn;			/* reset each turn */
	Review		review;
	uint64		weight_at_start;	/* complete when this attempt began */
	bool		fruitful;		/* noted that a step has completed since */
	bool		seeded;			/* the slot knows what was complete */
	BackgroundWorkerHandle *handles[STEEP_MAX_HELPERS];
} Leader;

/* Record how the job ended, tell everybody, and give the slot back. */
static void
end_job(Leader *leader, JobStatus status, const JobError *error)
{
	steep_worker_begin(leader->turn);
	TEST_POINT("job_end");
	(void) steep_ledger_finish(leader->job, status, error);
	steep_worker_commit(leader->turn);
	TEST_POINT("job_ended");
	if (error != NULL && error->message != NULL)
		steep_progress_error(error->message);
	steep_announce(leader->slot, leader->turn, status);
	steep_slot_finish();
}

/* Tell the operation that its job begins, as the extension's owner. */
static void
call_start(Leader *leader)
{
	const Operation *operation = steep_operation_find(leader->job->operation);

	if (operation->start == NULL)
		return;
	steep_worker_begin(leader->turn);
	{
		Books		books = steep_books_open();

		operation->start(leader->job);
		steep_books_close(books);
	}
	steep_worker_commit(leader->turn);
}

/* Let the operation do what is left, and record that the job is complete. */
static void
call_finish(Leader *leader)
{
	const Operation *operation = steep_operation_find(leader->job->operation);

	steep_worker_begin(leader->turn);
	TEST_POINT("job_finish");
	if (operation->finish != NULL)
		operation->finish(leader->job);
	(void) steep_ledger_finish(leader->job, JOB_COMPLETE, NULL);
	steep_worker_commit(leader->turn);
	TEST_POINT("job_ended");
}

/* Die, so that the job is tried again. */
static void
start_over(const Leader *leader)
{
	ereport(ERROR,
			(errcode(ERRCODE_OPERATOR_INTERVENTION),
			 errmsg("job " INT64_FORMAT " is to be tried again",
					leader->job->id)));
}

/*
 * Call the operation; if that fails for good the job does, and if it may go
 * better another time the leader dies of it and the job is tried again.
 */
static bool
guarded(Leader *leader, void (*call) (Leader *leader))
{
	JobError   *volatile error = NULL;

	PG_TRY();
	{
		call(leader);
	}
	PG_CATCH();
	{
		error = steep_worker_take_error(leader->turn);
	}
	PG_END_TRY();
	if (error == NULL)
		return true;
	if (steep_worker_is_transient(error))
		start_over(leader);
	end_job(leader, JOB_FAILED, error);
	return false;
}

/* Forget helpers that ended before they attached. */
static void
reap_helpers(Leader *leader)
{
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
	{
		pid_t		pid;

		if (leader->handles[i] == NULL ||
			GetBackgroundWorkerPid(leader->handles[i], &pid) != BGWH_STOPPED)
			continue;
		pfree(leader->handles[i]);
		leader->handles[i] = NULL;
		steep_helper_absent(leader->slot, i);
	}
}

/* Look at the tables, and take steps back whose helpers have gone. */
static int
review(Leader *leader)
{
	JobSlot    *slot = leader->slot;
	Review	   *now = &leader->review;
	int			numbers[STEEP_MAX_HELPERS];
	int64		busy[STEEP_MAX_HELPERS];
	int			nbusy;

	reap_helpers(leader);
	nbusy = steep_helpers_busy(slot, numbers);
	for (int i = 0; i < nbusy; i++)
		busy[i] = numbers[i];

	steep_worker_begin(leader->turn);
	if (!steep_ledger_review(leader->job->id, steep_books_list(busy, nbusy),
							 now))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job " INT64_FORMAT " is not running any more",
						leader->job->id)));
	if (!leader->seeded)
		leader->weight_at_start = now->weight_done;
	else if (!leader->fruitful && now->weight_done > leader->weight_at_start)
	{
		steep_ledger_note_fruit(leader->job->id);
		leader->fruitful = true;
	}
	steep_worker_commit(leader->turn);

	pg_atomic_write_u64(&slot->progress.weight_total, now->weight_total);
	if (!leader->seeded)
	{
		pg_atomic_write_u64(&slot->progress.weight_done, now->weight_done);
		pg_atomic_write_u64(&slot->progress.rows, now->rows);
		pg_atomic_write_u64(&slot->progress.bytes, now->bytes);
		leader->seeded = true;
	}
	return nbusy;
}

/* Do one step here, since no helper can be had. */
static void
run_inline(Leader *leader, int helper)
{
	steep_helper_adopt(leader->slot, helper);
	pqsignal(SIGINT, StatementCancelHandler);
	(void) steep_step_run(leader->slot, leader->job, helper);
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
	steep_helper_release(leader->slot, helper);
	leader->slot->barren = Min(leader->slot->barren, MAX_BARREN - 1);
	SetLatch(MyLatch);			/* look again at once */
}

/* Start helpers, up to as many as there is work for. */
static void
start_helpers(Leader *leader, int nbusy, int nholding, bool barren)
{
	int			wanted = Min(leader->job->parallel + nholding,
							 leader->review.running + leader->review.claimable);
	bool		alone = nbusy == nholding;
	bool		may_wait = steep_operation_find(leader->job->operation)->holds &&
		nholding == 0;

	for (; nbusy < wanted; nbusy++, alone = false)
	{
		SlotAddress address = leader->address;

		address.helper = steep_helper_reserve(leader->slot);
		if (address.helper < 0)
			return;
		if ((!barren || may_wait) &&
			steep_worker_start("steep_helper_main", "helper",
							   leader->job->id, (Datum) 0, &address,
							   &leader->handles[address.helper]))
			continue;
		if (!barren)
			steep_worker_warn_exhausted();
		if (alone && !may_wait)
			run_inline(leader, address.helper);
		else
			steep_helper_release(leader->slot, address.helper);
		return;
	}
}

/* Wait until a helper or a canceller wakes us, or a step is due. */
static void
wait_turn(const Leader *leader)
{
	long		timeout = TURN_MS;

	if (leader->review.wait >= 0)
		timeout = Min(timeout, (long) (leader->review.wait * 1000) + 1);
	steep_worker_wait(timeout, "SteepReplLeader");
}

/* Say why this library can't run the job as its owner, if so. */
static void
find_problem(const Job *job, JobError *error)
{
	error->sqlstate = "28000";	/* invalid_authorization_specification */
	error->message = steep_ledger_owner_problem(job);
	if (error->message != NULL || steep_operation_find(job->operation) != NULL)
		return;
	error->sqlstate = "0A000";	/* feature_not_supported */
	error->message = psprintf("operation \"%s\" is unknown to this version of steep_repl",
							  job->operation);
}

/*
 * Say why the job ends before its steps are complete.  If its owner is gone
 * that is why, whatever a step has tripped over then.
 */
static JobError *
read_failure(Leader *leader)
{
	JobError   *error = palloc0(sizeof(JobError));

	steep_worker_begin(leader->turn);
	find_problem(leader->job, error);
	if (error->message == NULL)
		steep_ledger_step_error(leader->review.failed, error);
	steep_worker_commit(leader->turn);
	return error;
}

/*
 * Start what can be started; false if the owner may not have workers any
 * more and the job has failed of it.
 *
 * Helpers that end before they could claim a step are not replaced for ever:
 * they may not get the connection that the leader still has.
 */
static bool
start_work(Leader *leader, int nbusy)
{
	bool		barren = leader->slot->barren >= MAX_BARREN;
	int			nholding = steep_helpers_holding(leader->slot);
	JobError	error = {0};

	if (barren && nbusy > nholding)
		return true;
	if (barren)
	{
		steep_worker_begin(leader->turn);
		find_problem(leader->job, &error);
		steep_worker_commit(leader->turn);
	}
	if (error.message != NULL)
	{
		end_job(leader, JOB_FAILED, &error);
		return false;
	}
	start_helpers(leader, nbusy, nholding, barren);
	return true;
}

/* Take one turn of the job; false if it has ended. */
static bool
take_turn(Leader *leader)
{
	bool		lost = steep_hold_is_lost(leader->slot);	/* why is known by now */
	int			nbusy = review(leader);
	bool		stop = leader->review.cancel || leader->review.failed != 0;

	if (stop && nbusy > 0)
		steep_helpers_signal(leader->slot, SIGINT);
	else if (leader->review.cancel)
	{
		end_job(leader, JOB_CANCELLED, NULL);
		return false;
	}
	else if (leader->review.failed != 0)
	{
		end_job(leader, JOB_FAILED, read_failure(leader));
		return false;
	}
	else if (lost)
		start_over(leader);
	else if (leader->review.unfinished == 0 && nbusy == 0)
	{
		if (guarded(leader, call_finish))
		{
			steep_announce(leader->slot, leader->turn, JOB_COMPLETE);
			steep_slot_finish();
		}
		return false;
	}
	else if (leader->review.claimable > 0 && !start_work(leader, nbusy))
		return false;
	steep_announce(leader->slot, leader->turn, JOB_RUNNING);
	wait_turn(leader);
	return true;
}

/* Claim the job; false if it is not pending, or may not run as its owner. */
static bool
claim(Leader *leader)
{
	JobError	error = {0};

	steep_worker_begin(TopMemoryContext);
	TEST_POINT("job_claim");
	leader->job = steep_ledger_claim_job(leader->slot->job);
	if (leader->job != NULL)
		find_problem(leader->job, &error);
	if (leader->job != NULL && error.message != NULL)
		(void) steep_ledger_finish(leader->job, JOB_FAILED, &error);
	steep_worker_commit(TopMemoryContext);
	TEST_POINT("job_claimed");
	if (leader->job != NULL && error.message == NULL)
		return true;
	steep_slot_finish();
	return false;
}

void
steep_leader_main(Datum arg)
{
	Leader	   *leader = MemoryContextAllocZero(TopMemoryContext,
												sizeof(Leader));

	leader->address = steep_worker_address();
	steep_worker_signals();
	pqsignal(SIGINT, SIG_IGN);	/* a cancel is for the steps */
	leader->slot = steep_slot_attach(&leader->address);
	if (leader->slot == NULL)
		return;
	steep_worker_connect(leader->slot);
	leader->turn = AllocSetContextCreate(TopMemoryContext, "steep_repl job",
										 ALLOCSET_DEFAULT_SIZES);
	if (!claim(leader) || !guarded(leader, call_start))
		return;
	for (;;)
	{
		MemoryContextReset(leader->turn);
		if (!take_turn(leader))
			return;
	}
}
