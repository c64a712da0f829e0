/*-------------------------------------------------------------------------
 *
 * view.c
 *		The jobs at work, as other sessions see and stop them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"

#include "jobs/slot.h"

/* Find the slot of a job of this database, or NULL.  The lock is held. */
static JobSlot *
find_slot(int64 job)
{
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];

		if (slot->state != SLOT_FREE && slot->job == job &&
			slot->database == MyDatabaseId)
			return slot;
	}
	return NULL;
}

/*
 * Ask a running job to end.
 *
 * The leader repeats the signal until its helpers have heard it.
 */
void
steep_slots_cancel(int64 job)
{
	JobSlot    *slot;

	if (steep_jobs == NULL)
		return;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	slot = find_slot(job);
	if (slot != NULL)
	{
		pg_atomic_write_u32(&slot->cancel, 1);
		steep_helpers_signal_locked(slot, SIGINT);
		steep_slots_wake_process(slot->leader);
	}
	LWLockRelease(steep_jobs->lock);
}

/* Does a job of this database have a slot? */
bool
steep_slots_have(int64 job)
{
	bool		found;

	if (steep_jobs == NULL)
		return false;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	found = find_slot(job) != NULL;
	LWLockRelease(steep_jobs->lock);
	return found;
}

/* Work out how far a job is. */
void
steep_slot_view(JobSlot *slot, ProgressView *view)
{
	double		running = 0;

	steep_progress_read(&slot->progress, view);
	for (int i = 0; i < STEEP_MAX_HELPERS; i++)
		steep_progress_add_step_view(&slot->helpers[i].progress, &running,
									 view);
	steep_progress_finish_view(&slot->progress, running, view);
}

/*
 * Copy what is known of this database's jobs at work.  "views" has room for
 * all slots; returns how many were filled.
 */
int
steep_slots_read(SlotView *views)
{
	int			count = 0;

	if (steep_jobs == NULL)
		return 0;
	LWLockAcquire(steep_jobs->lock, LW_SHARED);
	for (int i = 0; i < steep_jobs->nslots; i++)
	{
		JobSlot    *slot = &steep_jobs->slots[i];
		SlotView   *view = &views[count];

		if (slot->state == SLOT_FREE || slot->database != MyDatabaseId)
			continue;
		view->job = slot->job;
		view->owner = slot->owner;
		view->state = slot->state;
		view->leader_pid = slot->leader_pid;
		view->helpers = 0;
		for (int j = 0; j < STEEP_MAX_HELPERS; j++)
			view->helpers += (slot->helpers[j].state == HELPER_RUNNING);
		steep_slot_view(slot, &view->progress);
		count++;
	}
	LWLockRelease(steep_jobs->lock);
	return count;
}
