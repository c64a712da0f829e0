/*-------------------------------------------------------------------------
 *
 * hold.c
 *		A database snapshot that one step of a job holds for the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "jobs/books.h"
#include "jobs/hold.h"

#define LOOK_MS 1000			/* the most between two looks */

static const Statement others_done = {
	.site = SITE_LOCAL,
	.purpose = "see whether the others are done",
	.text = "SELECT NOT EXISTS (SELECT FROM steep_repl.work_steps\n"
	"  WHERE job_id = $1 AND stage = $2 AND id <> $3\n"
	"    AND status IN ('pending', 'running', 'failed'))",
	.nparams = 3,
	.params = {"bigint", "int", "bigint"},
};

static Hold *
my_hold(Helper **helper)
{
	JobSlot    *slot = steep_helper_place(helper);

	if (slot == NULL)
		elog(ERROR, "not in a step of a job");
	return &slot->hold;
}

/* Move on, and tell everybody. */
static void
set_state(Hold *hold, HoldState state)
{
	hold->state = state;
	ConditionVariableBroadcast(&hold->changed);
}

/*
 * From now on this worker only holds what others need.
 *
 * The leader can't: nobody would start the others.
 */
void
steep_hold_begin(void)
{
	Helper	   *helper;
	JobSlot    *slot = steep_helper_place(&helper);

	if (slot == NULL || slot->leader_pid == MyProcPid)
		elog(ERROR, "only a helper can hold a snapshot");
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	helper->holds = true;
	slot->hold.state = HOLD_NONE;
	steep_slots_wake_process(slot->leader);
	LWLockRelease(steep_jobs->lock);
}

/* Let the others have the snapshot that has been exported by this name. */
void
steep_hold_publish(const char *snapshot)
{
	Helper	   *helper;
	Hold	   *hold = my_hold(&helper);

	BecomeLockGroupLeader();
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	strlcpy(hold->snapshot, snapshot, sizeof(hold->snapshot));
	hold->holder = MyProc;
	hold->holder_pid = MyProcPid;
	set_state(hold, HOLD_READY);
	LWLockRelease(steep_jobs->lock);
}

/* Have all other steps of the stage been done? */
bool
steep_hold_is_over(const StepContext *step)
{
	const char *values[] = {
		steep_books_number(step->job->id), steep_books_number(step->stage),
		steep_books_number(step->id)
	};
	char	  **row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_books_row(&others_done, values);
	PopActiveSnapshot();
	return steep_books_bool(row[0]);
}

/* Wait until all is done; asks whenever a step of the job has ended. */
void
steep_hold_keep(bool (*done) (void *arg), void *arg)
{
	uint32		event = WaitEventExtensionNew("SteepReplHold");
	Helper	   *helper;
	Hold	   *hold = my_hold(&helper);

	ConditionVariablePrepareToSleep(&hold->changed);
	while (!done(arg))
		(void) ConditionVariableTimedSleep(&hold->changed, LOOK_MS, event);
	ConditionVariableCancelSleep();
}

/* Nobody needs it any more. */
void
steep_hold_end(void)
{
	Helper	   *helper;
	Hold	   *hold = my_hold(&helper);

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	helper->holds = false;
	set_state(hold, HOLD_NONE);
	LWLockRelease(steep_jobs->lock);
}

/* A worker leaves, maybe one that should have held on.  The lock is held. */
void
steep_hold_leave(Hold *hold, Helper *helper)
{
	if (helper->holds)
		hold->state = HOLD_LOST;
	helper->holds = false;
	ConditionVariableBroadcast(&hold->changed);
}

/* Has it gone before its end? */
bool
steep_hold_is_lost(JobSlot *slot)
{
	bool		lost;

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	lost = slot->hold.state == HOLD_LOST;
	LWLockRelease(steep_jobs->lock);
	return lost;
}

/* An error that does not end the job, which is about to start over. */
void
steep_hold_report_lost(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_ADMIN_SHUTDOWN),
			 errmsg("the snapshot has gone with the worker that held it")));
}

static Hold
read_hold(Hold *hold)
{
	Hold		copy;

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	copy = *hold;
	LWLockRelease(steep_jobs->lock);
	return copy;
}

/* Wait until the snapshot is there. */
static Hold
await_hold(Hold *hold)
{
	uint32		event = WaitEventExtensionNew("SteepReplSnapshot");
	Hold		copy;

	ConditionVariablePrepareToSleep(&hold->changed);
	for (;;)
	{
		copy = read_hold(hold);
		if (copy.state != HOLD_NONE)
			break;
		(void) ConditionVariableTimedSleep(&hold->changed, LOOK_MS, event);
	}
	ConditionVariableCancelSleep();
	return copy;
}

/* Wait for the snapshot and return its name, to import it elsewhere. */
char *
steep_hold_await(void)
{
	Helper	   *helper;
	Hold		hold = await_hold(my_hold(&helper));

	if (hold.state != HOLD_READY)
		steep_hold_report_lost();
	return pstrdup(hold.snapshot);
}

/*
 * Read the rest of this transaction from the snapshot that is held.
 *
 * A worker stays in the lock group for its life; it has the same holder
 * then, since the job's workers don't outlive who holds.
 */
void
steep_hold_join(void)
{
	Helper	   *helper;
	Hold		hold = await_hold(my_hold(&helper));

	if (hold.state != HOLD_READY ||
		(MyProc->lockGroupLeader != hold.holder &&
		 !BecomeLockGroupMember(hold.holder, hold.holder_pid)))
		steep_hold_report_lost();
	XactIsoLevel = XACT_REPEATABLE_READ;
	XactReadOnly = true;
	PG_TRY();
	{
		ImportSnapshot(hold.snapshot);
	}
	PG_CATCH();
	{
		FlushErrorState();
		steep_hold_report_lost();
	}
	PG_END_TRY();
}
