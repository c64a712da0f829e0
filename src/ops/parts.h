/*-------------------------------------------------------------------------
 *
 * parts.h
 *		Tables that are copied, cut into what one step each copies.
 *
 * A chunk is a table or a range of its blocks: a large table has several, so
 * that it keeps all workers busy.  The last of them has no end, so it does not
 * matter how the table grows until the database snapshot is taken.  A part is
 * what one step copies: a chunk of a large table, or several small tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PARTS_H
#define STEEP_REPL_PARTS_H

#include "ops/snapshot.h"

typedef struct Chunk
{
	const SnapshotTable *table;
	int			number;			/* in its table, from 1 on */
	int64		first;			/* block; 0 = the table's first */
	int64		last;			/* block after it; 0 = no end */
} Chunk;

typedef struct Part
{
	List	   *chunks;			/* Chunk */
	int64		bytes;			/* about */
	const char *target;			/* for people */
} Part;

extern List *steep_parts_cut(List *tables, int parts);

#endif							/* STEEP_REPL_PARTS_H */
