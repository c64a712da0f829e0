/*-------------------------------------------------------------------------
 *
 * merge_walk.h
 *		Walk the rows of a merge in chunks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_WALK_H
#define STEEP_REPL_MERGE_WALK_H

#include "ops/merge.h"

#define WALK_CHUNKS 2			/* this one, and the next */

typedef struct ChunkWalk
{
	const Statement *cut;		/* what cuts chunks, */
	Spool	   *spool;			/* or what holds them */
	const char *values[STATEMENT_MAX_PARAMS];	/* of the cut */
	char		after[32];		/* number of the last decision so far */
	char	  **chunk;			/* the last that was cut */
	bool		ahead;			/* it is the next one */
	bool		ended;			/* there is none any more */
	MemoryContext contexts[WALK_CHUNKS];	/* of this chunk, and of the next */
	int			turn;
	MemoryContext caller;
} ChunkWalk;

extern ChunkWalk *steep_merge_walk_cut(const Statement *cut,
									   const char *const *values, int after);
extern ChunkWalk *steep_merge_walk_decisions(const Merge *merge,
											 const TablePair *pair,
											 const Statement *cut,
											 const char *after,
											 const char *until);
extern ChunkWalk *steep_merge_walk_spool(Spool *spool);
extern void steep_merge_walk_ahead(ChunkWalk *walk);
extern char **steep_merge_walk_next(ChunkWalk *walk);
extern void steep_merge_walk_end(ChunkWalk *walk);

#endif							/* STEEP_REPL_MERGE_WALK_H */
