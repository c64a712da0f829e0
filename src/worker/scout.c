/*-------------------------------------------------------------------------
 *
 * scout.c
 *		The worker that looks into one database for jobs.
 *
 * It connects as the bootstrap superuser, since it comes for the jobs of all
 * roles, but runs nothing except our own static book-keeping, as the
 * extension's owner, and only after it has made sure that the extension is
 * there and stays there for as long as it looks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/pinned.h"
#include "base/testpoint.h"
#include "worker/worker.h"

/* The jobs of this database that have slots. */
typedef struct Slots
{
	int64	   *live;			/* somebody works on them */
	int			nlive;
	int64	   *lost;			/* nobody does any more */
	int			nlost;
} Slots;

static void
leave(int code, Datum arg)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	if (steep_jobs->scout_pid == MyProcPid)
		steep_jobs->scout_pid = 0;
	LWLockRelease(steep_jobs->lock);
}

/* Be the only scout, or false. */
static bool
enter(void)
{
	bool		mine;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	mine = (steep_jobs->scout_pid == 0);
	if (mine)
		steep_jobs->scout_pid = MyProcPid;
	LWLockRelease(steep_jobs->lock);
	if (mine)
		before_shmem_exit(leave, 0);
	return mine;
}

/*
 * Begin a transaction; false if the extension is not there: a schema of that
 * name could be anybody's.
 */
static bool
begin(MemoryContext context)
{
	steep_worker_begin(context);
	if (steep_books_hold_extension())
		return true;
	steep_worker_commit(context);
	return false;
}

/* End jobs that are not to be tried again, one transaction each. */
static bool
give_up(const char *live, const char *lost, MemoryContext context)
{
	JobStatus	status;
	JobError	error;
	Job		   *job;

	if (!begin(context))
		return false;
	job = steep_ledger_give_up(live, lost, &status, &error);
	if (job != NULL)
		steep_ledger_call_end(job, status, &error);
	steep_worker_commit(context);
	return job != NULL;
}

/* See to the jobs whose workers have gone. */
static void
recover(MemoryContext context)
{
	Slots		slots;
	const char *live;
	const char *lost;

	steep_slots_ids(&slots.live, &slots.nlive, &slots.lost, &slots.nlost);
	live = steep_books_list(slots.live, slots.nlive);
	lost = steep_books_list(slots.lost, slots.nlost);
	while (give_up(live, lost, context))
		CHECK_FOR_INTERRUPTS();
	if (begin(context))
	{
		TEST_POINT("scout_recover");
		steep_ledger_recover(live, lost);
		steep_worker_commit(context);
	}
	steep_slots_forget_lost(slots.lost, slots.nlost);
}

/* Fail a job that can't run as its owner; false if it can. */
static bool
fail_ownerless(const Job *job)
{
	JobError	error = {.sqlstate = "28000"};

	error.message = steep_ledger_owner_problem(job);
	if (error.message == NULL)
		return false;
	error.hint = "A job runs as the role that submitted it, which must be able to log in.";
	(void) steep_ledger_finish(job, JOB_FAILED, &error);
	return true;
}

/*
 * Give slots to pending jobs, the oldest first.  Returns true if there are
 * more of them than slots.
 */
static bool
reserve_slots(MemoryContext context)
{
	Slots		slots;
	Job		   *job = NULL;
	bool		full = false;

	while (!full && begin(context))
	{
		steep_slots_ids(&slots.live, &slots.nlive, &slots.lost, &slots.nlost);
		job = steep_ledger_next_pending(steep_books_list(slots.live,
														 slots.nlive));
		if (job != NULL && !fail_ownerless(job))
			full = !steep_slot_reserve(job);
		steep_worker_commit(context);
		CHECK_FOR_INTERRUPTS();
		if (job == NULL)
			break;
	}
	return full;
}

/* Say what there is to do here later. */
static void
report(bool more, MemoryContext context)
{
	TimestampTz next = DT_NOEND;
	bool		any = false;
	double		wait;

	if (begin(context))
	{
		any = steep_ledger_outlook(&wait);
		if (any && wait >= 0)
			next = GetCurrentTimestamp() + (TimestampTz) (wait * 1e6) + 1000;
		steep_worker_commit(context);
	}
	steep_slots_scouted(any, more, next);
}

void
steep_scout_main(Datum arg)
{
	MemoryContext context;
	bool		more;

	steep_worker_signals();
	if (!enter())
		return;
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	steep_pin_session();
	context = AllocSetContextCreate(TopMemoryContext, "steep_repl scout",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	recover(context);
	more = reserve_slots(context);
	report(more, context);
}
