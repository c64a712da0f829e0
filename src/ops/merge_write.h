/*-------------------------------------------------------------------------
 *
 * merge_write.h
 *		Lock, check and write the rows of one batch of a merge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_WRITE_H
#define STEEP_REPL_MERGE_WRITE_H

#include "ops/merge_walk.h"

/* One batch, while it is applied. */
typedef struct Apply
{
	StepContext *step;
	Merge	   *merge;
	Session    *session;
	const char *table;			/* the only one, or NULL: all */
	List	   *pairs;			/* parents first */
	Constraints *here;			/* of this node */
	Constraints *there;			/* of the peer */
	const char *batch;			/* its number, as text */
	const char *after;			/* its decisions: after this one, */
	const char *until;			/* up to this one */
	int			round;
	int			replans;		/* rows that move may be planned as often
								 * again */
	bool		forward;		/* the peer has done it before */
	bool		moved;			/* a row of the batch is left out */
	bool		may_retreat;	/* nothing need be written in this round */
	bool		local_replica;	/* no trigger and no foreign key fires here */
	bool		peer_replica;
	bool		local_tagged;	/* what is written here is not sent on */
	bool		peer_tagged;
} Apply;

/* merge_apply.c */
extern Apply *steep_merge_prepare(StepContext *step);
extern void steep_merge_claim_batch(Apply *apply);
extern bool steep_merge_finish_batch(Apply *apply);
extern bool steep_merge_apply_batch(Apply *apply);
extern void steep_merge_mark_round(const Apply *apply);

/* merge_batch.c */
extern void steep_merge_mark_batch(const Apply *apply, bool written);

/* merge_guard.c */
extern void steep_merge_guard_tables(Apply *apply);

/* merge_write.c */
extern ChunkWalk *steep_merge_walk_batch(const Apply *apply,
										 const TablePair *pair,
										 const Statement *cut);
extern void steep_merge_lock_rows(Apply *apply);
extern void steep_merge_write_rows(Apply *apply);

/* merge_exclusions.c */
extern void steep_merge_check_exclusions(Apply *apply);

/* merge_references.c */
extern bool steep_merge_check_references(Apply *apply);

#endif							/* STEEP_REPL_MERGE_WRITE_H */
