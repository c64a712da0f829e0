/*-------------------------------------------------------------------------
 *
 * progress.h
 *		How far a job is, in shared memory.
 *
 * Step handlers call the verbs below from anywhere, also in the middle of a
 * long transaction: they cost a few instructions and no SQL.  Outside a step
 * they do nothing, so code that also runs in a session needs no check.
 *
 * Counters are atomics.  The texts have several writers (the workers of one
 * job), which take turns by a spinlock, and readers that never make a writer
 * wait: they copy and look whether the change count moved meanwhile, as
 * pg_stat_activity does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PROGRESS_H
#define STEEP_REPL_PROGRESS_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/spin.h"

#define PROGRESS_TABLE_SIZE 264 /* "%I.%I" is at most 257 bytes */
#define PROGRESS_ERROR_SIZE 512

/* What changes seldom, and is read as a whole. */
typedef struct ProgressTexts
{
	char		operation[NAMEDATALEN];
	char		label[NAMEDATALEN]; /* what NOTIFY calls the operation */
	char		external_id[128];	/* merge or snapshot id, or "" */
	char		phase[NAMEDATALEN];
	char		table[PROGRESS_TABLE_SIZE]; /* quoted, cut at a character */
	char		error[PROGRESS_ERROR_SIZE]; /* of the last attempt, or "" */
	TimestampTz started_at;
} ProgressTexts;

/* One job. */
typedef struct Progress
{
	slock_t		mutex;			/* among writers of the texts only */
	pg_atomic_uint32 changecount;	/* odd while a writer is at work */
	ProgressTexts texts;
	pg_atomic_uint64 weight_total;	/* of all steps known so far */
	pg_atomic_uint64 weight_done;	/* of the complete ones */
	pg_atomic_uint64 rows;		/* of the complete ones */
	pg_atomic_uint64 bytes;		/* of the complete ones */
	pg_atomic_uint32 tables_total;
	pg_atomic_uint32 tables_completed;
	pg_atomic_uint64 lag;		/* bytes of WAL to catch up, plus 1; 0 = unknown */
} Progress;

/* One step that runs now; added to its job's counters when it completes. */
typedef struct StepProgress
{
	pg_atomic_uint64 weight;	/* its share of the job; 0 = no step */
	pg_atomic_uint64 units_total;
	pg_atomic_uint64 units_done;
	pg_atomic_uint64 rows;
	pg_atomic_uint64 bytes;
} StepProgress;

/* What a reader gets. */
typedef struct ProgressView
{
	ProgressTexts texts;
	double		percent;		/* 0 to 100 */
	uint64		rows;
	uint64		bytes;
	uint32		tables_total;
	uint32		tables_completed;
	int			eta_seconds;	/* -1 = unknown */
	int64		lag;			/* bytes; -1 = unknown */
} ProgressView;

/* for step handlers */
extern void steep_progress_phase(const char *phase);
extern void steep_progress_table(const char *quoted_name);
extern void steep_progress_tables(uint32 total, uint32 completed);
extern void steep_progress_table_done(void);
extern void steep_progress_lag(int64 bytes);
extern void steep_progress_units(uint64 total);
extern void steep_progress_set_units(uint64 done, uint64 total);
extern void steep_progress_add_units(uint64 n);
extern void steep_progress_add_rows(uint64 n);
extern void steep_progress_add_bytes(uint64 n);

/* for the workers */
extern void steep_progress_init(Progress *progress);
extern void steep_progress_step_init(StepProgress *step);
extern void steep_progress_reset(Progress *progress, const char *operation,
								 const char *label, const char *external_id);
extern void steep_progress_attach(Progress *progress);
extern void steep_progress_begin_step(StepProgress *step, uint64 weight);
extern void steep_progress_end_step(bool complete);
extern void steep_progress_step_counts(uint64 *rows, uint64 *bytes);
extern void steep_progress_error(const char *message);
extern void steep_progress_read(Progress *progress, ProgressView *view);
extern void steep_progress_add_step_view(StepProgress *step,
										 double *weight, ProgressView *view);
extern void steep_progress_finish_view(Progress *progress, double running,
									   ProgressView *view);
extern char *steep_progress_json(const ProgressView *view,
								 const char *status);

#endif							/* STEEP_REPL_PROGRESS_H */
