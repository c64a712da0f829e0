/*-------------------------------------------------------------------------
 *
 * slot.h
 *		The jobs at work, in shared memory.
 *
 * A slot's life, and who moves it on:
 *
 *	FREE      -> RESERVED	the scout found a pending job
 *	RESERVED  -> STARTING	the launcher asked for a leader
 *	STARTING  -> RUNNING	the leader has attached
 *	RUNNING   -> FREE		the leader has recorded how the job ended
 *	STARTING,
 *	RUNNING   -> LOST		the leader has gone without that
 *	LOST      -> FREE		a scout has put the job back into the queue
 *
 * A helper runs steps for a leader.  All changes are made under one lock, so
 * a pid that is read and signalled under it belongs to the process meant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SLOT_H
#define STEEP_REPL_SLOT_H

#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "jobs/operation.h"
#include "jobs/progress.h"

#define STEEP_MAX_PARALLEL	32
#define STEEP_MAX_HELPERS	(STEEP_MAX_PARALLEL + 1)	/* one may only hold */
#define STEEP_MAX_DATABASES 128
#define STEEP_BEAT_MS	10000	/* the launcher takes a turn at least so often */
#define STEEP_ALIVE_MS	30000	/* it is taken for dead after so long */

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_RESERVED,
	SLOT_STARTING,
	SLOT_RUNNING,
	SLOT_LOST
} SlotState;

typedef enum HelperState
{
	HELPER_FREE,
	HELPER_STARTING,			/* the leader asked for a worker */
	HELPER_RUNNING				/* it has attached */
} HelperState;

/* A worker that runs steps. */
typedef struct Helper
{
	HelperState state;
	pid_t		pid;
	bool		holds;			/* it waits for the others: see hold.h */
	TimestampTz since;			/* of its state */
	StepProgress progress;
} Helper;

typedef enum HoldState
{
	HOLD_NONE,
	HOLD_READY,					/* the snapshot can be imported */
	HOLD_LOST					/* who held it has gone before the end */
} HoldState;

/* What one step of a job holds for the others: see hold.h. */
typedef struct Hold
{
	HoldState	state;
	char		snapshot[NAMEDATALEN];	/* its name */
	PGPROC	   *holder;			/* leads the lock group */
	int			holder_pid;
	ConditionVariable changed;	/* state, or a step has ended */
} Hold;

/* A job at work. */
typedef struct JobSlot
{
	SlotState	state;
	uint32		generation;		/* tells two uses of the slot apart */
	Oid			database;
	int64		job;
	Oid			owner;
	TimestampTz since;			/* of its state */
	PGPROC	   *leader;			/* its latch is how to wake it; NULL = none */
	pid_t		leader_pid;
	pg_atomic_uint32 cancel;	/* not 0 = somebody wants it ended */
	int			barren;			/* helpers in a row that could not claim */
	Hold		hold;
	Helper		helpers[STEEP_MAX_HELPERS];
	Progress	progress;
} JobSlot;

/* A database that has, or may have, jobs. */
typedef struct JobDatabase
{
	Oid			oid;			/* InvalidOid = unused */
	TimestampTz scout_at;		/* when to look, DT_NOEND = at the next poll */
	bool		more;			/* has pending jobs that found no slot */
} JobDatabase;

typedef struct JobShared
{
	LWLock	   *lock;			/* of all but Progress, cancel and beat */
	PGPROC	   *launcher;		/* NULL = not running */
	pid_t		launcher_pid;
	pg_atomic_uint64 beat;		/* when the launcher last took a turn; 0 =
								 * never */
	pid_t		scout_pid;		/* one scout at a time; 0 = none */
	bool		scout_done;		/* the last one has told what it saw */
	bool		look_everywhere;	/* databases[] was full: ask them all */
	ConditionVariable ended;	/* broadcast when a slot becomes free */
	JobDatabase databases[STEEP_MAX_DATABASES];
	int			nslots;
	JobSlot		slots[FLEXIBLE_ARRAY_MEMBER];
} JobShared;

/* A slot as a reader sees it. */
typedef struct SlotView
{
	int64		job;
	Oid			owner;
	SlotState	state;
	pid_t		leader_pid;
	int			helpers;
	ProgressView progress;
} SlotView;

/* How a worker is told its place: bgw_extra. */
typedef struct SlotAddress
{
	int			slot;
	uint32		generation;
	int			helper;			/* -1 = the leader */
} SlotAddress;

extern JobShared *steep_jobs;	/* NULL = not preloaded */

/* slot.c */
extern void steep_slots_init(void);
extern pid_t steep_slots_launcher_pid(void);
extern void steep_slots_beat(void);
extern TimestampTz steep_slots_last_beat(void);
extern void steep_slots_wake(Oid database, TimestampTz when);
extern void steep_slots_scouted(bool any, bool more, TimestampTz next);
extern bool steep_slot_reserve(const Job *job);
extern void steep_slots_ids(int64 **live, int *nlive, int64 **lost,
							int *nlost);
extern void steep_slots_forget_lost(const int64 *lost, int nlost);
extern JobSlot *steep_slot_attach(const SlotAddress *address);
extern void steep_slot_finish(void);

/* slot.c, for who holds the lock */
extern void steep_slots_note_database(Oid database, TimestampTz when);
extern void steep_slots_wake_process(PGPROC *process);
extern void steep_slots_wake_all(void);
extern void steep_slot_free(JobSlot *slot);
extern void steep_slot_set_state(JobSlot *slot, SlotState state);

/* helper.c */
extern int	steep_helper_reserve(JobSlot *slot);
extern void steep_helper_release(JobSlot *slot, int helper);
extern void steep_helper_adopt(JobSlot *slot, int helper);
extern JobSlot *steep_helper_attach(const SlotAddress *address);
extern bool steep_helper_wanted(void);
extern void steep_helper_served(void);
extern void steep_helper_absent(JobSlot *slot, int helper);
extern void steep_helpers_signal(JobSlot *slot, int signal);
extern int	steep_helpers_busy(JobSlot *slot, int *numbers);
extern int	steep_helpers_holding(JobSlot *slot);
extern JobSlot *steep_helper_place(Helper **helper);

/* helper.c, for who holds the lock */
extern bool steep_helpers_exist(const JobSlot *slot);
extern void steep_helpers_signal_locked(const JobSlot *slot, int signal);
extern void steep_helper_free_own(const JobSlot *slot);

/* hold.c, for who holds the lock */
extern void steep_hold_leave(Hold *hold, Helper *helper);

/* view.c */
extern void steep_slots_cancel(int64 job);
extern bool steep_slots_have(int64 job);
extern int	steep_slots_read(SlotView *views);
extern void steep_slot_view(JobSlot *slot, ProgressView *view);

#endif							/* STEEP_REPL_SLOT_H */
