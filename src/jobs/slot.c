/*-------------------------------------------------------------------------
 *
 * slot.c
 *		The jobs at work, in shared memory.
 *
 * slot.h tells a slot's life.  A process that attaches leaves by a callback
 * that was registered before it connected to a database, so it runs after
 * the rollback: when others see the slot lost, no lock of the job is held.
 * After a crash of any process the postmaster starts over with empty slots,
 * and the scouts find the jobs that were running by their rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "jobs/slot.h"

JobShared  *steep_jobs = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static JobSlot *my_slot = NULL; /* this process leads it */

static Size
shared_size(void)
{
	return add_size(offsetof(JobShared, slots),
					mul_size(steep_guc_max_jobs, sizeof(JobSlot)));
}

static void
request_shared(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche("steep_repl", 1);
}

static void
init_slot(JobSlot *slot)
{
	pg_atomic_init_u32(&slot->cancel, 0);
	ConditionVariableInit(&slot->hold.changed);
	steep_progress_init(&slot->progress);
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
		steep_progress_step_init(&slot->helpers[i].progress);
}

static void
startup_shared(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	steep_jobs = ShmemInitStruct("steep_repl jobs", shared_size(), &found);
	if (!found)
	{
		memset(steep_jobs, 0, shared_size());
		steep_jobs->lock = &GetNamedLWLockTranche("steep_repl")->lock;
		pg_atomic_init_u64(&steep_jobs->beat, 0);
		ConditionVariableInit(&steep_jobs->ended);
		steep_jobs->nslots = steep_guc_max_jobs;
		for (int i = 0; i < steep_jobs->nslots; i++)
			init_slot(&steep_jobs->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Ask for shared memory while the library is being preloaded. */
void
steep_slots_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_shared;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shared;
}

/* Tell the launcher's pid, or 0 if it is not running. */
pid_t
steep_slots_launcher_pid(void)
{
	pid_t		pid;

	if (steep_jobs == NULL)
		return 0;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	pid = steep_jobs->launcher_pid;
	LWLockRelease(steep_jobs->lock);
	return pid;
}

/* The launcher is alive. */
void
steep_slots_beat(void)
{
	pg_atomic_write_u64(&steep_jobs->beat, GetCurrentTimestamp());
}

/* Tell when the launcher was last alive, or 0. */
TimestampTz
steep_slots_last_beat(void)
{
	return steep_jobs ? pg_atomic_read_u64(&steep_jobs->beat) : 0;
}

/* Wake a process, if it is there.  The lock is held. */
void
steep_slots_wake_process(PGPROC *process)
{
	if (process != NULL)
		SetLatch(&process->procLatch);
}

/* Note that a database is to be looked at.  The lock is held. */
void
steep_slots_note_database(Oid database, TimestampTz when)
{
	JobDatabase *place = NULL;

	for (int i = 0; i < STEEP_MAX_DATABASES; i++)
	{
		JobDatabase *this = &steep_jobs->databases[i];

		if (this->oid == database)
		{
			this->scout_at = Min(this->scout_at, when);
			return;
		}
		if (place == NULL && !OidIsValid(this->oid))
			place = this;
	}
	if (place == NULL)
	{
		steep_jobs->look_everywhere = true;
		return;
	}
	place->oid = database;
	place->scout_at = when;
	place->more = false;
}

/*
 * A scout has looked at this database: does it have jobs at all, are there
 * more than fit into slots, and when is the next look due?
 *
 * What was noted while it looked still counts.
 */
void
steep_slots_scouted(bool any, bool more, TimestampTz next)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_jobs->scout_done = true;
	if (any)
		steep_slots_note_database(MyDatabaseId, next);
	for (int i = 0; i < STEEP_MAX_DATABASES; i++)
	{
		JobDatabase *this = &steep_jobs->databases[i];

		if (this->oid != MyDatabaseId)
			continue;
		this->more = more;
		if (!any && TIMESTAMP_IS_NOEND(this->scout_at))
			this->oid = InvalidOid;
	}
	LWLockRelease(steep_jobs->lock);
}

/* Have the launcher look at a database, at once or later. */
void
steep_slots_wake(Oid database, TimestampTz when)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_slots_note_database(database, when);
	steep_slots_wake_process(steep_jobs->launcher);
	LWLockRelease(steep_jobs->lock);
}

/* Wake everybody who may wait for a slot or a worker.  The lock is held. */
void
steep_slots_wake_all(void)
{
	steep_slots_wake_process(steep_jobs->launcher);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		if (steep_jobs->slots[i].state == SLOT_RUNNING)
			steep_slots_wake_process(steep_jobs->slots[i].leader);
	}
}

/* Move a slot on.  The lock is held. */
void
steep_slot_set_state(JobSlot *slot, SlotState state)
{
	slot->state = state;
	slot->since = GetCurrentTimestamp();
}

/*
 * Keep a slot for a pending job of this database; false if none is free.
 * A job that has a slot already is left alone.
 */
bool
steep_slot_reserve(const Job *job)
{
	const Operation *operation = steep_operation_find(job->operation);
	JobSlot    *place = NULL;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < steep_jobs->nslots && place == NULL; i++)
	{
		if (steep_jobs->slots[i].state == SLOT_FREE)
			place = &steep_jobs->slots[i];
	}
	if (place != NULL)
	{
		place->generation++;
		place->database = MyDatabaseId;
		place->job = job->id;
		place->owner = job->owner;
		place->leader = NULL;
		place->leader_pid = 0;
		place->barren = 0;
		place->hold.state = HOLD_NONE;
		pg_atomic_write_u32(&place->cancel, 0);
		steep_progress_reset(&place->progress, job->operation,
							 operation ? operation->label : job->operation,
							 job->merge_id ? job->merge_id :
							 job->snapshot_id ? job->snapshot_id :
							 job->init_id ? job->init_id : "");
		steep_slot_set_state(place, SLOT_RESERVED);
		steep_slots_wake_process(steep_jobs->launcher);
	}
	LWLockRelease(steep_jobs->lock);
	return place != NULL;
}

/*
 * List the jobs of this database that have a slot: those that somebody works
 * on, and those whose workers have all gone.
 */
void
steep_slots_ids(int64 **live, int *nlive, int64 **lost, int *nlost)
{
	*live = palloc(steep_jobs->nslots * sizeof(int64));
	*lost = palloc(steep_jobs->nslots * sizeof(int64));
	*nlive = *nlost = 0;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		const JobSlot *slot = &steep_jobs->slots[i];

		if (slot->state == SLOT_FREE || slot->database != MyDatabaseId)
			continue;
		if (slot->state == SLOT_LOST && !steep_helpers_exist(slot))
			(*lost)[(*nlost)++] = slot->job;
		else
			(*live)[(*nlive)++] = slot->job;
	}
	LWLockRelease(steep_jobs->lock);
}

/* Free a slot and tell everybody.  The lock is held. */
void
steep_slot_free(JobSlot *slot)
{
	slot->leader = NULL;
	slot->leader_pid = 0;
	steep_slot_set_state(slot, SLOT_FREE);
	steep_slots_wake_all();
	ConditionVariableBroadcast(&steep_jobs->ended);
}

/* Free the slots of jobs that are back in the queue. */
void
steep_slots_forget_lost(const int64 *lost, int nlost)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];

		for (int j = 0; j < nlost; j++)
		{
			if (slot->state == SLOT_LOST && slot->job == lost[j] &&
				slot->database == MyDatabaseId)
				steep_slot_free(slot);
		}
	}
	LWLockRelease(steep_jobs->lock);
}

/* The leader leaves; unless it has finished the job, the job is lost. */
static void
leave_slot(int code, Datum arg)
{
	if (my_slot == NULL)
		return;
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_helper_free_own(my_slot);
	if (my_slot->state == SLOT_RUNNING)
	{
		my_slot->leader = NULL;
		my_slot->leader_pid = 0;
		steep_slot_set_state(my_slot, SLOT_LOST);
		steep_helpers_signal_locked(my_slot, SIGTERM);
		steep_slots_note_database(my_slot->database, 0);
		steep_slots_wake_all();
	}
	LWLockRelease(steep_jobs->lock);
	my_slot = NULL;
}

/* Take the slot this leader was started for, or NULL if it is too late. */
JobSlot *
steep_slot_attach(const SlotAddress *address)
{
	JobSlot    *slot = &steep_jobs->slots[address->slot];
	bool		mine;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	mine = slot->generation == address->generation &&
		slot->state == SLOT_STARTING;
	if (mine)
	{
		slot->leader = MyProc;
		slot->leader_pid = MyProcPid;
		steep_slot_set_state(slot, SLOT_RUNNING);
	}
	LWLockRelease(steep_jobs->lock);
	if (!mine)
		return NULL;
	my_slot = slot;
	before_shmem_exit(leave_slot, 0);
	steep_progress_attach(&slot->progress);
	return slot;
}

/* The leader has recorded how the job ended: give its slot back. */
void
steep_slot_finish(void)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_slot_free(my_slot);
	LWLockRelease(steep_jobs->lock);
	my_slot = NULL;
}
