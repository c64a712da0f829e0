/*-------------------------------------------------------------------------
 *
 * queue.h
 *		Submit, cancel and await jobs.
 *
 * A job is a row of steep_repl.work_queue with its steps in
 * steep_repl.work_steps.  It starts when the transaction that submits it
 * commits, and runs as the role that submitted it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_QUEUE_H
#define STEEP_REPL_QUEUE_H

#include "nodes/pg_list.h"

#include "jobs/operation.h"

typedef struct JobSpec
{
	const char *operation;		/* a name in the table of operations */
	const char *merge_id;		/* or NULL */
	const char *snapshot_id;	/* or NULL */
	const char *init_id;		/* or NULL */
	const char *params;			/* jsonb as text, or NULL; never a secret */
	const char *event;			/* its name in the audit log; NULL = start */
	const char *summary;		/* jsonb as text, or NULL: what the audit log
								 * says of it; never a secret */
	int			parallel;		/* most steps at once, 1 to 32 */
	int			max_attempts;	/* 0 = 5 */
} JobSpec;

typedef struct StepSpec
{
	int			stage;			/* a stage starts when the one before is
								 * complete */
	const char *kind;			/* the operation's own word */
	const char *target;			/* what it works on, or NULL */
	const char *params;			/* jsonb as text, or NULL; never a secret */
	uint64		weight;			/* rows or bytes it is expected to take, the
								 * same unit in all steps of a job; 0 = 1 */
	bool		twofold;		/* it commits on the peer, then here */
} StepSpec;

extern void steep_job_check(void);
extern void steep_job_check_parallel(int parallel);
extern int64 steep_job_enqueue(const JobSpec *spec, List *steps);
extern void steep_job_add_step(const StepContext *step, const StepSpec *spec);
extern bool steep_job_cancel(const char *id);
extern void steep_job_wake(void);
extern void steep_job_wait(int64 id, int timeout_seconds);

#endif							/* STEEP_REPL_QUEUE_H */
