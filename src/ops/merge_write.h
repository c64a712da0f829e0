/*-------------------------------------------------------------------------
 *
 * merge_write.h
 *		Lock, check and write the rows of one batch of a merge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_WRITE_H
#define STEEP_REPL_MERGE_WRITE_H

#include "ops/merge.h"

/* One batch, while it is applied. */
typedef struct Apply
{
	Merge	   *merge;
	Session    *session;
	List	   *pairs;			/* parents first */
	List	   *local_keys;		/* ForeignKeys of this node */
	List	   *peer_keys;
	int			round;
	const char *batch;			/* its number, as text */
	bool		forward;		/* the peer has done it before */
	bool		local_replica;	/* no trigger and no foreign key fires here */
	bool		peer_replica;
} Apply;

extern void steep_merge_lock_rows(Apply *apply);
extern void steep_merge_write_rows(Apply *apply);
extern void steep_merge_check_orphans(Apply *apply);

#endif							/* STEEP_REPL_MERGE_WRITE_H */
