/*-------------------------------------------------------------------------
 *
 * merge.h
 *		A merge: what was asked for, and the steps it consists of.
 *
 *	stage 1		plan, a step a table: compare, and decide each row
 *	stage 2		apply, one step: write what was decided, on both nodes
 *	stage 3, 4	replan and apply, if rows moved meanwhile; and again
 *	stage 100	verify, a step a table
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_H
#define STEEP_REPL_MERGE_H

#include "generate/merge_sql.h"
#include "jobs/operation.h"
#include "ops/session.h"

#define MERGE_OPERATION "bidirectional_merge"

#define MERGE_STAGE_PLAN 1
#define MERGE_STAGE_APPLY 2
#define MERGE_STAGE_VERIFY 100
#define MERGE_ROUNDS 4			/* planned once, and three times again */

typedef struct Merge
{
	const char *id;
	const char *server;			/* by which the peer is reached */
	bool		private_server;	/* it is ours */
	const char *peer;			/* for people, without secrets */
	bool		dry_run;
	const char *lock_timeout;	/* ms */
	int			batch_size;		/* rows of one statement */
	bool		allow_echo;		/* subscriptions may send back what it writes */
} Merge;

/* What steep_merge_keys_chunk_sql() cuts. */
enum
{
	CHUNK_LAST,					/* number of the last decision */
	CHUNK_NUMBERS,				/* of all of them, an array */
	CHUNK_LOCAL,				/* list of number, digest and key here */
	CHUNK_PEER					/* the same on the peer */
};

/* merge.c */
extern Merge *steep_merge_load(const char *id);
extern Session *steep_merge_connect(const Merge *merge);
extern List *steep_merge_pairs(Session *session, const Merge *merge,
							   const char *table);
extern void steep_merge_check_pairs(const Session *session, List *pairs);
extern List *steep_merge_statements(const TablePair *pair, List *local_keys,
									List *peer_keys);
extern List *steep_merge_foreign_keys(Session *session, Site site,
									  List *pairs);
extern const char *steep_merge_table(const TablePair *pair);
extern char *steep_merge_chunk_rows(const Merge *merge, const TablePair *pair);
extern uint64 steep_merge_book(const Statement *statement,
							   const char *const *values, List *with);
extern char **steep_merge_ask(const Statement *statement,
							  const char *const *values);

/* merge_report.c */
extern Datum steep_merge_record(const char *id);

/* the steps */
extern void steep_merge_plan(StepContext *step);
extern void steep_merge_replan(StepContext *step);
extern void steep_merge_apply(StepContext *step);
extern void steep_merge_verify(StepContext *step);

/* merge_operation.c */
extern const Operation steep_merge_operation;

#endif							/* STEEP_REPL_MERGE_H */
