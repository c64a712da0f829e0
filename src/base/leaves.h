/*-------------------------------------------------------------------------
 *
 * leaves.h
 *		A table as an array of leaves, and how two of them differ.
 *
 * A row belongs to the leaf that the digest of its key names: its low half
 * modulo the number of leaves.  A leaf holds how many rows it has and the sum
 * of their digests, each half modulo 2^64; a sum, because with an exclusive
 * or two equal mistakes would cancel.
 *
 * As a bytea, little-endian: version (4 bytes), number of leaves (4), number
 * of rows (8), and for each leaf its rows (4), sum of low halves (8) and sum
 * of high halves (8).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LEAVES_H
#define STEEP_REPL_LEAVES_H

#define LEAVES_HEADER_BYTES 16
#define LEAF_BYTES 20

typedef struct LeafDiff
{
	int64		local_rows;
	int64		peer_rows;
	int			leaves;			/* 0 if neither side has a row */
	int			differing;		/* leaves that differ */
	int64		local_suspects; /* rows in the leaves that differ */
	int64		peer_suspects;
	bytea	   *bitmap;			/* for in_leaves(); NULL if leaves is 0 */
} LeafDiff;

extern LeafDiff steep_leaves_compare(const bytea *local, const bytea *peer);

#endif							/* STEEP_REPL_LEAVES_H */
