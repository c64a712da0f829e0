/*-------------------------------------------------------------------------
 *
 * helper.c
 *		The workers that run a job's steps, as its slot knows them.
 *
 * Only the leader makes a free place a starting one, so it may conclude from
 * a free place that no step is being run from there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "jobs/slot.h"

static JobSlot *my_slot = NULL;
static uint32 my_generation = 0;
static Helper *my_helper = NULL;
static bool served = false;		/* this helper could ask for a step */

/* Is any helper there, or about to be?  The lock is held. */
bool
steep_helpers_exist(const JobSlot *slot)
{
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
	{
		if (slot->helpers[i].state != HELPER_FREE)
			return true;
	}
	return false;
}

/* Send a signal to the helpers that are there.  The lock is held. */
void
steep_helpers_signal_locked(const JobSlot *slot, int signal)
{
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
	{
		const Helper *helper = &slot->helpers[i];

		if (helper->state == HELPER_RUNNING && helper->pid != MyProcPid)
			kill(helper->pid, signal);
	}
}

/* Send a signal to the helpers that are there. */
void
steep_helpers_signal(JobSlot *slot, int signal)
{
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	steep_helpers_signal_locked(slot, signal);
	LWLockRelease(steep_jobs->lock);
}

/* List the numbers of the helpers that are there, or about to be. */
int
steep_helpers_busy(JobSlot *slot, int *numbers)
{
	int			count = 0;

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
	{
		if (slot->helpers[i].state != HELPER_FREE)
			numbers[count++] = i;
	}
	LWLockRelease(steep_jobs->lock);
	return count;
}

/* Count those that only hold what others need. */
int
steep_helpers_holding(JobSlot *slot)
{
	int			count = 0;

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
		count += slot->helpers[i].holds;
	LWLockRelease(steep_jobs->lock);
	return count;
}

/* Return this process's place and its slot, or NULL if it is no helper. */
JobSlot *
steep_helper_place(Helper **helper)
{
	*helper = my_helper;
	return my_helper ? my_slot : NULL;
}

/*
 * Count the workers that run steps, in the whole cluster, but for those that
 * only hold something: if they counted, two jobs could wait for each other's.
 * Lock held.
 */
static int
count_all(void)
{
	int			count = 0;

	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		const JobSlot *slot = &steep_jobs->slots[i];

		if (slot->state != SLOT_RUNNING && slot->state != SLOT_LOST)
			continue;
		for (int j = 0; j < STEEP_MAX_HELPERS; j++)
			count += (slot->helpers[j].state != HELPER_FREE &&
					  !slot->helpers[j].holds);
	}
	return count;
}

/* Move a helper on.  The lock is held. */
static void
set_state(Helper *helper, HelperState state, pid_t pid)
{
	helper->state = state;
	helper->pid = pid;
	helper->since = GetCurrentTimestamp();
}

/*
 * Keep a place for one more helper of this leader.  Returns its number, or
 * -1 if steep_repl.max_workers are at work already.
 */
int
steep_helper_reserve(JobSlot *slot)
{
	int			place = -1;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	if (count_all() < steep_guc_max_workers)
	{
		for (int i = 0; i < STEEP_MAX_HELPERS && place < 0; i++)
		{
			if (slot->helpers[i].state == HELPER_FREE)
				place = i;
		}
	}
	if (place >= 0)
		set_state(&slot->helpers[place], HELPER_STARTING, 0);
	LWLockRelease(steep_jobs->lock);
	return place;
}

/* Give a place back whose helper never came, or was the leader itself. */
void
steep_helper_release(JobSlot *slot, int helper)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_hold_leave(&slot->hold, &slot->helpers[helper]);
	set_state(&slot->helpers[helper], HELPER_FREE, 0);
	my_helper = NULL;
	steep_slots_wake_all();
	LWLockRelease(steep_jobs->lock);
}

/* Give a place back whose helper ended before it could take it. */
void
steep_helper_absent(JobSlot *slot, int helper)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	if (slot->helpers[helper].state == HELPER_STARTING)
	{
		set_state(&slot->helpers[helper], HELPER_FREE, 0);
		slot->barren++;
	}
	LWLockRelease(steep_jobs->lock);
}

/* This helper has a connection and could ask for a step. */
void
steep_helper_served(void)
{
	if (served || my_helper == NULL || my_slot->leader_pid == MyProcPid)
		return;
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	my_slot->barren = 0;
	LWLockRelease(steep_jobs->lock);
	served = true;
}

/* The leader takes a helper's place itself. */
void
steep_helper_adopt(JobSlot *slot, int helper)
{
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	my_slot = slot;
	my_generation = slot->generation;
	my_helper = &slot->helpers[helper];
	set_state(my_helper, HELPER_RUNNING, MyProcPid);
	LWLockRelease(steep_jobs->lock);
}

/* Leave the place that this process has in a slot.  The lock is held. */
void
steep_helper_free_own(const JobSlot *slot)
{
	if (my_helper == NULL || my_slot != slot)
		return;
	steep_progress_end_step(false);
	steep_hold_leave(&my_slot->hold, my_helper);
	set_state(my_helper, HELPER_FREE, 0);
	my_helper = NULL;
}

/* The helper leaves; the last one of a lost job lets the scout see to it. */
static void
leave_helper(int code, Datum arg)
{
	if (my_helper == NULL)
		return;
	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	steep_helper_free_own(my_slot);
	if (!served)
		my_slot->barren++;
	if (my_slot->state == SLOT_LOST)
		steep_slots_note_database(my_slot->database, 0);
	steep_slots_wake_all();
	LWLockRelease(steep_jobs->lock);
}

/*
 * Take the place this helper was started for, or NULL if it is too late: the
 * leader has gone, or has given up on us.
 */
JobSlot *
steep_helper_attach(const SlotAddress *address)
{
	JobSlot    *slot = &steep_jobs->slots[address->slot];
	Helper	   *helper = &slot->helpers[address->helper];
	bool		wanted = false;

	LWLockAcquire(steep_jobs->lock, LW_EXCLUSIVE);
	if (slot->generation == address->generation &&
		helper->state == HELPER_STARTING)
	{
		wanted = (slot->state == SLOT_RUNNING);
		if (wanted)
			set_state(helper, HELPER_RUNNING, MyProcPid);
		else
		{
			set_state(helper, HELPER_FREE, 0);
			steep_slots_note_database(slot->database, 0);
			steep_slots_wake_all();
		}
	}
	LWLockRelease(steep_jobs->lock);
	if (!wanted)
		return NULL;
	my_slot = slot;
	my_generation = address->generation;
	my_helper = helper;
	before_shmem_exit(leave_helper, 0);
	steep_progress_attach(&slot->progress);
	return slot;
}

/* Is the leader of this helper still there? */
bool
steep_helper_wanted(void)
{
	bool		wanted;

	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	wanted = my_slot->generation == my_generation &&
		my_slot->state == SLOT_RUNNING;
	steep_slots_wake_process(my_slot->leader);
	ConditionVariableBroadcast(&my_slot->hold.changed);
	LWLockRelease(steep_jobs->lock);
	return wanted;
}
