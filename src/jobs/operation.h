/*-------------------------------------------------------------------------
 *
 * operation.h
 *		What an operation is to the workers that run it.
 *
 * An operation is a name in steep_repl.work_queue and the functions below.
 * The workers know nothing else of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_OPERATION_H
#define STEEP_REPL_OPERATION_H

typedef enum JobStatus
{
	JOB_PENDING,
	JOB_RUNNING,
	JOB_COMPLETE,
	JOB_FAILED,
	JOB_CANCELLED
} JobStatus;

/* A row of steep_repl.work_queue. */
typedef struct Job
{
	int64		id;
	const char *operation;
	const char *merge_id;		/* or NULL */
	const char *snapshot_id;	/* or NULL */
	const char *init_id;		/* or NULL */
	const char *params;			/* jsonb as text; never a secret */
	Oid			owner;			/* who submitted it */
	const char *owner_name;		/* his name then */
	int			parallel;		/* most steps at once */
	int			attempt;		/* 1 = first */
} Job;

/* A row of steep_repl.work_steps, while it runs. */
typedef struct StepContext
{
	Job		   *job;
	int64		id;
	int			stage;			/* stages run one after the other */
	const char *kind;			/* the operation's own word: "plan", … */
	const char *target;			/* what it works on, or NULL */
	const char *params;			/* jsonb as text; never a secret */
	int			attempt;		/* 1 = first; a step may run again after it
								 * committed, if the record was lost */
	uint64		weight;			/* its share of the job's progress */
	bool		in_doubt;		/* the peer may have committed in an earlier
								 * attempt; the operation clears it when it
								 * finds that it has not */
	bool		settle;			/* do not do the step; only find out whether
								 * the peer has committed, and if so finish it
								 * here */
	bool		decided;		/* set by the operation, with a call of
								 * HOLD_CANCEL_INTERRUPTS(): the peer may have
								 * committed, so a cancel comes too late */
	void	   *result;			/* the operation's own, from run_step to
								 * record_step */
} StepContext;

/* Why a job or a step failed; fields may be NULL. */
typedef struct JobError
{
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
	const char *context;
} JobError;

typedef struct Operation
{
	const char *name;			/* work_queue.operation */
	const char *label;			/* "op" in NOTIFY: merge, snapshot, init */
	bool		holds;			/* one of its steps holds what others need, as
								 * in hold.h: the leader waits for a helper
								 * before it runs any itself */

	/*
	 * The job begins, for the first time or again after a crash.  Runs as the
	 * extension's owner, once the job is marked running: marks the
	 * operation's own record, restores steep_progress_tables().  May be NULL.
	 */
	void		(*start) (const Job *job);

	/*
	 * A step's transaction has begun and holds no snapshot yet: the place to
	 * choose its isolation level or import a snapshot.  May be NULL.
	 */
	void		(*begin_step) (StepContext *step);

	/*
	 * Do the step, as the job's owner, under the pinned settings and an
	 * active snapshot.  The transaction commits when it returns.
	 */
	void		(*run_step) (StepContext *step);

	/*
	 * The step ran in a read-only transaction, which has committed.  Runs as
	 * the extension's owner, in the transaction that marks it complete: the
	 * place to write down its result.  May be NULL.
	 */
	void		(*record_step) (StepContext *step);

	/*
	 * All steps are complete.  Runs as the job's owner, in the transaction
	 * that marks the job complete.  May be NULL.
	 */
	void		(*finish) (const Job *job);

	/*
	 * The job has ended, however it did: complete, failed, cancelled.  Runs
	 * as the extension's owner, in the transaction that marks it so, in a
	 * worker or in the session of who cancels; static book-keeping only.
	 * "error" is NULL unless it failed.  Its own error becomes a warning. May
	 * be NULL.
	 */
	void		(*end) (const Job *job, JobStatus status,
						const JobError *error);

	/*
	 * Somebody wants the operation ended that has this id.  If it has no job
	 * any more, but waits for a person, end it if the caller may, and return
	 * true.  Runs as the extension's owner.  May be NULL.
	 */
	bool		(*give_up) (const char *id, Oid caller);
} Operation;

extern void steep_operations_set(const Operation *const *table);
extern const Operation *steep_operation_find(const char *name);
extern bool steep_operations_give_up(const char *id, Oid caller);
extern const char *steep_job_status_name(JobStatus status);
extern char *steep_job_error_text(const JobError *error);

#endif							/* STEEP_REPL_OPERATION_H */
