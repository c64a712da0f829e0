/*-------------------------------------------------------------------------
 *
 * worker.h
 *		The background workers: launcher, scout, leader, helper.
 *
 *	launcher	one for the cluster, in no database; starts the others
 *	scout		looks into one database, as the bootstrap superuser, for jobs
 *				to start or to take back; gone within milliseconds
 *	leader		one for each running job, connected as its owner; starts
 *				helpers, watches them, tells of progress, ends the job
 *	helper		runs steps of one job, connected as its owner
 *
 * The leader does no work of its own as long as a helper can be had, so it
 * is there to hear a cancel and to send NOTIFY while a step takes hours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_WORKER_H
#define STEEP_REPL_WORKER_H

#include "postmaster/bgworker.h"

#include "jobs/ledger.h"
#include "jobs/slot.h"

typedef enum StepResult
{
	STEP_NONE,					/* none could be claimed */
	STEP_COMPLETE,
	STEP_FAILED					/* it, or the job, may be tried again */
} StepResult;

/* launcher.c */
extern void steep_launcher_register(void);
extern PGDLLEXPORT void steep_launcher_main(Datum arg);

/* databases.c */
extern List *steep_worker_databases(void);

/* scout.c */
extern PGDLLEXPORT void steep_scout_main(Datum arg);

/* leader.c */
extern PGDLLEXPORT void steep_leader_main(Datum arg);

/* announce.c */
extern void steep_announce(JobSlot *slot, MemoryContext context,
						   JobStatus status);

/* helper_main.c */
extern PGDLLEXPORT void steep_helper_main(Datum arg);

/* errand_main.c */
extern PGDLLEXPORT void steep_errand_main(Datum arg);

/* step.c */
extern StepResult steep_step_run(JobSlot *slot, Job *job, int helper);

/* worker.c */
extern bool steep_worker_start(const char *function, const char *type,
							   int64 job, Datum arg,
							   const SlotAddress *address,
							   BackgroundWorkerHandle **handle);
extern void steep_worker_signals(void);
extern SlotAddress steep_worker_address(void);
extern void steep_worker_connect_as(Oid database, Oid role);
extern void steep_worker_connect(const JobSlot *slot);
extern void steep_worker_begin(MemoryContext context);
extern void steep_worker_commit(MemoryContext context);
extern JobError *steep_worker_take_error(MemoryContext context);
extern bool steep_worker_is_transient(const JobError *error);
extern void steep_worker_warn_exhausted(void);
extern void steep_worker_wait(long timeout_ms, const char *event);

/* handlers.c */
extern void steep_handlers_init(void);

#endif							/* STEEP_REPL_WORKER_H */
