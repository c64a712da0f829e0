/*-------------------------------------------------------------------------
 *
 * merge.h
 *		A merge: what was asked for, and the steps it consists of.
 *
 *	1			plan, a step a table: compare, and decide each row
 *	2			apply, one step: write what was decided, on both nodes
 *	3, 4, …		replan and apply, if rows moved meanwhile; and again
 *	sequences	a step a table
 *	verify		a step a table
 *
 * With atomicity "batch", stage 2 is split, which adds a stage for each batch
 * and one that looks for rows that moved.  A merge that undoes another starts
 * with revert instead of plan, and one that was planned before with apply; if
 * it may be applied on the peer already, with settle.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_H
#define STEEP_REPL_MERGE_H

#include "utils/array.h"

#include "base/options.h"
#include "generate/merge_sql.h"
#include "jobs/operation.h"
#include "ops/merge_options.h"
#include "ops/session.h"

#define MERGE_OPERATION "bidirectional_merge"

#define MERGE_STAGE_PLAN 1
#define MERGE_STAGE_APPLY 2
#define MERGE_STAGE_SEQUENCES 2000000000
#define MERGE_STAGE_VERIFY 2000000001
#define MERGE_REPLANS 3			/* how often rows that moved are planned again */

typedef struct Merge
{
	const char *id;
	const char *server;			/* by which the peer is reached */
	bool		private_server; /* it is ours */
	const char *peer;			/* for people, without secrets */
	bool		dry_run;
	bool		reverts;		/* it undoes another */
	bool		backwards;		/* tables come before their parents */
	const char *identity;		/* of the peer, or NULL */
	const MergeOptions *options;
	const char *lock_timeout;	/* ms */
	int			batch_size;		/* rows of one statement */
} Merge;

/* What one node's triggers check, which may not fire. */
typedef struct Constraints
{
	List	   *keys;			/* ForeignKeys from and to the tables */
	List	   *exclusions;		/* Exclusions of the tables */
} Constraints;

/* What steep_merge_keys_chunk_sql() cuts. */
enum
{
	CHUNK_LAST,					/* number of the last decision */
	CHUNK_NUMBERS,				/* of all of them, an array */
	CHUNK_LOCAL,				/* list of number, digest and key here */
	CHUNK_PEER					/* the same on the peer */
};

#define CHUNK_WHOLE "9223372036854775807"	/* up to the last decision */

/* merge.c */
extern Merge *steep_merge_load(const char *id);
extern List *steep_merge_pairs(Session *session, const Merge *merge,
							   const char *table);
extern void steep_merge_check_pairs(const Session *session, List *pairs);
extern const char *steep_merge_table(const TablePair *pair);
extern int64 steep_merge_param(const StepContext *step, const char *name,
							   int64 missing);
extern char *steep_merge_chunk_rows(const Merge *merge, const TablePair *pair);
extern uint64 steep_merge_book(const Statement *statement,
							   const char *const *values, List *with);
extern char **steep_merge_ask(const Statement *statement,
							  const char *const *values);

/* merge_peer.c */
extern void steep_merge_check_peer(const Session *session);
extern char *steep_merge_identity(const Session *session);
extern void steep_merge_check_identity(const Session *session, const char *id,
									   const char *identity);
extern Session *steep_merge_connect(const Merge *merge);
extern void steep_merge_keep(const Merge *merge, Session *session);

/* merge_constraints.c */
extern List *steep_merge_foreign_keys(Session *session, Site site,
									  List *pairs);
extern Constraints *steep_merge_constraints(Session *session, Site site,
											List *pairs);
extern List *steep_merge_statements(const TablePair *pair,
									const Constraints *here,
									const Constraints *there);

/* How a merge stands; the columns of steep_repl.find_merge(). */
enum
{
	FOUND_MAY,
	FOUND_JOB,
	FOUND_BUSY,
	FOUND_STATUS,
	FOUND_PLANNED,
	FOUND_CHANGES,
	FOUND_APPLIED,
	FOUND_ROUND,
	FOUND_SERVER,
	FOUND_CONNINFO,
	FOUND_IDENTITY,
	FOUND_OPTIONS,
	FOUND_DOUBT
};

/* merge_report.c */
extern Datum steep_merge_record(const char *id);
extern char **steep_merge_find(const char *id);

/* merge_submit.c */
extern const char *steep_merge_submit(PeerAddress *address, ArrayType *tables,
									  const char *strategy, Jsonb *options);
extern char *steep_merge_record_new(const PeerAddress *address,
									const char *tables, const char *strategy,
									bool dry_run, Jsonb *options,
									const char *skew, const char *reverts,
									const char *identity);

/* merge_resume.c */
extern char **steep_merge_take(const char *id);
extern void steep_merge_check_settled(const char *id, char **found);
extern MergeOptions *steep_merge_options(char **found);

/* merge_settle.c */
extern void steep_merge_forget_batches(Session *session, const char *id);

/* merge_statements.c */
extern void steep_merge_record_statements(Session *session,
										  const Merge *merge,
										  TablePair *pair);

/* merge_snapshot.c */
extern char *steep_merge_snapshot_params(const MergeOptions *options);
extern void steep_merge_begin_step(StepContext *step);
extern void steep_merge_take_snapshot(void);
extern void steep_merge_read_peer(Session *session, const Merge *merge);

/* merge_await.c */
extern void steep_merge_let_pass(const Session *session, const Merge *merge);

/* merge_sequences.c */
extern void steep_merge_check_sequences(Session *session, List *pairs);
extern List *steep_merge_sequence_statements(Session *session,
											 TablePair *pair);

/* merge_time.c */
extern char *steep_merge_settle_times(Session *session, List *pairs,
									  TableOptions *tables);

/* merge_steps.c */
extern void steep_merge_enqueue(const char *id, const MergeOptions *options,
								const char *plan, List *tables,
								const uint64 *weights, bool dry_run);
extern void steep_merge_enqueue_apply(const char *id,
									  const MergeOptions *options,
									  List *tables, int round);
extern void steep_merge_check_limits(const StepContext *step);
extern void steep_merge_plan_again(StepContext *step, bool limited);

/* the steps */
extern void steep_merge_plan(StepContext *step);
extern void steep_merge_replan(StepContext *step);
extern void steep_merge_revert(StepContext *step);
extern void steep_merge_settle(StepContext *step);
extern void steep_merge_apply(StepContext *step);
extern void steep_merge_split(StepContext *step);
extern void steep_merge_batch(StepContext *step);
extern void steep_merge_again(StepContext *step);
extern void steep_merge_recheck(StepContext *step);
extern void steep_merge_sequences(StepContext *step);
extern void steep_merge_verify(StepContext *step);

/* merge_operation.c */
extern const Operation steep_merge_operation;

#endif							/* STEEP_REPL_MERGE_H */
