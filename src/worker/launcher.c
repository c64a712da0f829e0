/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		The worker that starts all others.
 *
 * It is connected to no database, so it is in nobody's way.  It looks into
 * databases through scouts, one at a time: into all after a start, because a
 * crash empties the shared memory; into one when a commit there has
 * submitted a job, when a slot of it is lost and when a job is due for
 * another attempt; and, as a safety net, each minute into those that have
 * jobs.  Nothing is connected anywhere while there is nothing to do.
 *
 * Its turns are the heartbeat of this node, kept in shared memory: written to
 * a table it would cost WAL, and a connection, all the time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "worker/worker.h"

#define POLL_MS 60000			/* the safety net */
#define RETRY_MS 5000			/* after the server had no place for a worker */
#define START_LIMIT_MS 60000	/* for a worker nobody watches to attach */
#define RESTART_SECONDS 3

static List *unseen = NIL;		/* databases to look at after a start */
static Oid	scouted = InvalidOid;	/* where the scout is */
static BackgroundWorkerHandle *scout = NULL;
static BackgroundWorkerHandle **leaders = NULL; /* by slot */
static bool exhausted = false;	/* a worker could not be started */

/* Register the launcher while the library is being preloaded. */
void
steep_launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "steep_repl launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "steep_repl launcher");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_SECONDS;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "steep_repl");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "steep_launcher_main");
	RegisterBackgroundWorker(&worker);
}

/* Plan to look into every database. */
static void
look_everywhere(void)
{
	List	   *databases = steep_worker_databases();

	list_free(unseen);
	MemoryContextSwitchTo(TopMemoryContext);
	unseen = list_copy(databases);
}

/* A database has gone: forget its slots and its entry. */
static void
forget_database(Oid database)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STEEP_MAX_DATABASES; i++)
	{
		if (steep_jobs->databases[i].oid == database)
			steep_jobs->databases[i].oid = InvalidOid;
	}
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];

		if (slot->database == database &&
			(slot->state == SLOT_RESERVED ||
			 (slot->state == SLOT_LOST && !steep_helpers_exist(slot))))
			steep_slot_free(slot);
	}
	LWLockRelease(steep_jobs->lock);
}

/* See whether the scout has ended, and has told what it saw. */
static void
reap_scout(void)
{
	pid_t		pid;
	bool		done;

	if (scout == NULL || GetBackgroundWorkerPid(scout, &pid) != BGWH_STOPPED)
		return;
	pfree(scout);
	scout = NULL;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	done = steep_jobs->scout_done;
	LWLockRelease(steep_jobs->lock);
	if (done)
		return;
	if (list_member_oid(steep_worker_databases(), scouted))
		steep_slots_wake(scouted, GetCurrentTimestamp() + RETRY_MS * 1000L);
	else
		forget_database(scouted);
}

/* The slot's leader will not come: leave the job to a scout.  Lock held. */
static void
lose_slot(JobSlot *slot)
{
	steep_slot_set_state(slot, SLOT_LOST);
	steep_slots_note_database(slot->database, 0);
}

/* Find slots whose workers ended, or never began, before they attached. */
static void
reap_slots(void)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];
		pid_t		pid;

		if (slot->state == SLOT_STARTING &&
			(leaders[i] != NULL ?
			 GetBackgroundWorkerPid(leaders[i], &pid) == BGWH_STOPPED :
			 TimestampDifferenceExceeds(slot->since, now, START_LIMIT_MS)))
			lose_slot(slot);
		for (int j = 0; slot->state == SLOT_LOST && j < STEEP_MAX_HELPERS; j++)
		{
			Helper	   *helper = &slot->helpers[j];

			if (helper->state != HELPER_STARTING ||
				!TimestampDifferenceExceeds(helper->since, now, START_LIMIT_MS))
				continue;
			helper->state = HELPER_FREE;
			steep_slots_note_database(slot->database, 0);
		}
	}
	LWLockRelease(steep_jobs->lock);
}

/*
 * Find the slot that has waited longest for a leader, or -1.  As many jobs
 * run at once as there may be helpers: another one would only wait for one.
 */
static int
next_reserved(void)
{
	int			found = -1;
	int			running = 0;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];

		if (slot->state == SLOT_STARTING || slot->state == SLOT_RUNNING)
			running++;
		else if (slot->state == SLOT_RESERVED &&
				 (found < 0 || slot->since < steep_jobs->slots[found].since))
			found = i;
	}
	if (running >= steep_guc_max_workers)
		found = -1;
	if (found >= 0)
		steep_slot_set_state(&steep_jobs->slots[found], SLOT_STARTING);
	LWLockRelease(steep_jobs->lock);
	return found;
}

/* Start leaders for the jobs that have slots. */
static void
start_leaders(void)
{
	int			i;

	while ((i = next_reserved()) >= 0)
	{
		JobSlot    *slot = &steep_jobs->slots[i];
		SlotAddress address = {i, slot->generation, -1};

		if (leaders[i] != NULL)
			pfree(leaders[i]);
		leaders[i] = NULL;
		if (steep_worker_start("steep_leader_main", "leader", slot->job,
							   (Datum) 0, &address, &leaders[i]))
			continue;
		LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
		steep_slot_set_state(slot, SLOT_RESERVED);
		LWLockRelease(steep_jobs->lock);
		exhausted = true;
		return;
	}
}

/*
 * Choose a database to look into, or InvalidOid.  One with more jobs than
 * slots waits until all its slots are at work.
 */
static Oid
next_database(void)
{
	static int	turn = 0;		/* so that none waits for ever */
	TimestampTz now = GetCurrentTimestamp();
	Oid			found = InvalidOid;
	bool		reserved = false;
	bool		free = false;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		reserved |= (steep_jobs->slots[i].state == SLOT_RESERVED);
		free |= (steep_jobs->slots[i].state == SLOT_FREE);
	}
	for (int i = 0; i < STEEP_MAX_DATABASES && !OidIsValid(found); i++)
	{
		JobDatabase *database;

		turn = (turn + 1) % STEEP_MAX_DATABASES;
		database = &steep_jobs->databases[turn];
		if (OidIsValid(database->oid) &&
			(database->scout_at <= now ||
			 (database->more && free && !reserved)))
		{
			database->scout_at = DT_NOEND;
			database->more = false;
			found = database->oid;
		}
	}
	LWLockRelease(steep_jobs->lock);
	if (OidIsValid(found) || unseen == NIL)
		return found;
	found = linitial_oid(unseen);
	unseen = list_delete_first(unseen);
	return found;
}

/* Send a scout, unless one is on its way. */
static void
start_scout(void)
{
	if (scout != NULL)
		return;
	scouted = next_database();
	if (!OidIsValid(scouted))
		return;
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_jobs->scout_done = false;
	LWLockRelease(steep_jobs->lock);
	if (steep_worker_start("steep_scout_main", "scout", 0,
						   ObjectIdGetDatum(scouted), NULL, &scout))
		return;
	exhausted = true;
	steep_slots_wake(scouted, GetCurrentTimestamp() + RETRY_MS * 1000L);
}

/* Look into all databases known to have jobs. */
static void
poll_databases(void)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STEEP_MAX_DATABASES; i++)
		steep_jobs->databases[i].scout_at = 0;
	LWLockRelease(steep_jobs->lock);
}

/* How long there is nothing to do, in milliseconds, unless we are woken. */
static long
idle_time(TimestampTz poll_at)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = Min(poll_at, now + STEEP_BEAT_MS * 1000L);

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	for (int i = 0; i < STEEP_MAX_DATABASES && scout == NULL; i++)
	{
		if (OidIsValid(steep_jobs->databases[i].oid))
			next = Min(next, steep_jobs->databases[i].scout_at);
	}
	LWLockRelease(steep_jobs->lock);
	if (exhausted)
		next = Min(next, now + RETRY_MS * 1000L);
	return TimestampDifferenceMilliseconds(now, next);
}

static void
leave(int code, Datum arg)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_jobs->launcher = NULL;
	steep_jobs->launcher_pid = 0;
	LWLockRelease(steep_jobs->lock);
}

/* Be known as the launcher. */
static void
enter(void)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_jobs->launcher = MyProc;
	steep_jobs->launcher_pid = MyProcPid;
	steep_slots_beat();
	steep_jobs->look_everywhere = true;
	LWLockRelease(steep_jobs->lock);
	before_shmem_exit(leave, 0);
	leaders = MemoryContextAllocZero(TopMemoryContext,
									 steep_jobs->nslots * sizeof(*leaders));
}

/* Was it asked to look into all databases? */
static bool
take_look_everywhere(void)
{
	bool		result;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	result = steep_jobs->look_everywhere;
	steep_jobs->look_everywhere = false;
	LWLockRelease(steep_jobs->lock);
	return result;
}

void
steep_launcher_main(Datum arg)
{
	MemoryContext context;
	TimestampTz poll_at = GetCurrentTimestamp() + POLL_MS * 1000L;

	steep_worker_signals();
	pqsignal(SIGINT, SIG_IGN);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	enter();
	context = AllocSetContextCreate(TopMemoryContext, "steep_repl launcher",
									ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		steep_slots_beat();
		exhausted = false;
		if (take_look_everywhere())
			look_everywhere();
		if (GetCurrentTimestamp() >= poll_at)
		{
			poll_databases();
			poll_at = GetCurrentTimestamp() + POLL_MS * 1000L;
		}
		reap_scout();
		reap_slots();
		start_leaders();
		start_scout();
		if (exhausted)
			steep_worker_warn_exhausted();
		steep_worker_wait(idle_time(poll_at), "SteepReplLauncher");
	}
}
