/*-------------------------------------------------------------------------
 *
 * merge_walk.c
 *		Walk the rows of a merge in chunks.
 *
 * While the peer works on a chunk the next one can be cut, so there are two
 * at a time, each in a memory context of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "ops/merge_walk.h"

/* Start to walk what a cut, or a spool, is about. */
static ChunkWalk *
begin(void)
{
	ChunkWalk  *walk = palloc0(sizeof(ChunkWalk));

	walk->caller = CurrentMemoryContext;
	for (int i = 0; i < WALK_CHUNKS; i++)
		walk->contexts[i] = AllocSetContextCreate(walk->caller,
												  "steep_repl merge chunk",
												  ALLOCSET_DEFAULT_SIZES);
	return walk;
}

/*
 * Walk what a statement cuts.  Its first column is the number of the last
 * decision of a chunk, null at the end, from which the next one goes on: that
 * is parameter "after".
 */
ChunkWalk *
steep_merge_walk_cut(const Statement *cut, const char *const *values, int after)
{
	ChunkWalk  *walk = begin();

	walk->cut = cut;
	memcpy(walk->values, values, cut->nparams * sizeof(char *));
	walk->values[after] = walk->after;
	strlcpy(walk->after, values[after], sizeof(walk->after));
	return walk;
}

/* Walk the decisions on a table, from "after" to "until", that a cut takes. */
ChunkWalk *
steep_merge_walk_decisions(const Merge *merge, const TablePair *pair,
						   const Statement *cut, const char *after,
						   const char *until)
{
	const char *values[] = {
		pair->record, after, until, steep_merge_chunk_rows(merge, pair)
	};

	return steep_merge_walk_cut(cut, values, 1);
}

/* Walk the rows of a spool, each of which is a chunk. */
ChunkWalk *
steep_merge_walk_spool(Spool *spool)
{
	ChunkWalk  *walk = begin();

	walk->spool = spool;
	return walk;
}

/* Cut the next chunk, or learn that there is none. */
static char **
cut_chunk(ChunkWalk *walk)
{
	char	  **chunk;

	if (walk->spool)
		return steep_spool_next(walk->spool);
	chunk = steep_merge_ask(walk->cut, walk->values);
	if (chunk == NULL || chunk[0] == NULL)
		return NULL;
	strlcpy(walk->after, chunk[0], sizeof(walk->after));
	return chunk;
}

/* Cut the next chunk now, unless that is done or there is none. */
void
steep_merge_walk_ahead(ChunkWalk *walk)
{
	MemoryContext context = walk->contexts[!walk->turn];
	MemoryContext current;

	if (walk->ahead || walk->ended)
		return;
	MemoryContextReset(context);
	current = MemoryContextSwitchTo(context);
	walk->chunk = cut_chunk(walk);
	walk->ahead = true;
	walk->ended = walk->chunk == NULL;
	MemoryContextSwitchTo(current);
}

/*
 * Go on to the next chunk, or return NULL if there is none.
 *
 * The current memory context becomes that of the chunk, which goes when the
 * chunk after it is cut.
 */
char	  **
steep_merge_walk_next(ChunkWalk *walk)
{
	steep_merge_walk_ahead(walk);
	if (walk->ended)
		return NULL;
	walk->ahead = false;
	walk->turn = !walk->turn;
	MemoryContextSwitchTo(walk->contexts[walk->turn]);
	return walk->chunk;
}

/* End a walk, in the memory context in which it began. */
void
steep_merge_walk_end(ChunkWalk *walk)
{
	MemoryContextSwitchTo(walk->caller);
	for (int i = 0; i < WALK_CHUNKS; i++)
		MemoryContextDelete(walk->contexts[i]);
	pfree(walk);
}
