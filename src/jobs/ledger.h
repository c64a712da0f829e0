/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		What the workers write down about jobs and steps.
 *
 * All of these need a transaction and an active snapshot, and act as the
 * extension's owner under pinned settings while they last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LEDGER_H
#define STEEP_REPL_LEDGER_H

#include "jobs/books.h"
#include "jobs/operation.h"

/* How a job stands. */
typedef struct Review
{
	bool		exists;			/* and is running */
	bool		cancel;			/* somebody wants it ended */
	int64		failed;			/* id of a step that failed, or 0 */
	int64		claimable;		/* steps that could start now */
	int64		running;
	int64		unfinished;		/* pending, running or failed */
	double		wait;			/* seconds to the next attempt; -1 = none */
	uint64		weight_total;
	uint64		weight_done;
	uint64		rows;
	uint64		bytes;
} Review;

/* the scout's */
extern Job *steep_ledger_give_up(const char *live, const char *lost,
								 JobStatus *status, JobError *error);
extern void steep_ledger_recover(const char *live, const char *lost);
extern Job *steep_ledger_next_pending(const char *skip);
extern bool steep_ledger_outlook(double *wait);
extern char *steep_ledger_owner_problem(const Job *job);

/* the leader's */
extern Job *steep_ledger_claim_job(int64 id);
extern bool steep_ledger_review(int64 id, const char *busy, Review *review);
extern void steep_ledger_note_fruit(int64 id);
extern void steep_ledger_step_error(int64 step, JobError *error);
extern bool steep_ledger_finish(const Job *job, JobStatus status,
								const JobError *error);
extern void steep_ledger_call_end(const Job *job, JobStatus status,
								  const JobError *error);

/* the helper's */
extern Job *steep_ledger_running_job(int64 id);
extern StepContext *steep_ledger_claim_step(Job *job, int helper);
extern void steep_ledger_complete_step(const StepContext *step, uint64 rows,
									   uint64 bytes);
extern void steep_ledger_fail_step(const StepContext *step, JobStatus status,
								   const JobError *error);

#endif							/* STEEP_REPL_LEDGER_H */
