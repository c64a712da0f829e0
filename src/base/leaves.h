/*-------------------------------------------------------------------------
 *
 * leaves.h
 *		A table as an array of leaves.
 *
 * A row belongs to the leaf that the digest of its key names: its low half
 * modulo the number of leaves.  The bits above those name one of the leaf's
 * LEAF_PARTS parts.  A leaf holds how many rows it has and the sum of their
 * digests, each half modulo 2^64; a sum, because with an exclusive or two
 * equal mistakes would cancel.  The sum of the low halves each times the
 * number of its part tells, when only one part differs, which it is.
 *
 * As a bytea, little-endian: version (4 bytes), number of leaves (4), number
 * of rows (8), and for each leaf its rows (4), sum of low halves (8), sum of
 * high halves (8), and sum of low halves times parts (8).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LEAVES_H
#define STEEP_REPL_LEAVES_H

#define LEAVES_HEADER_BYTES 16
#define LEAF_BYTES 28

/* Where in those bytes the sums are. */
#define LEAF_LOW 4
#define LEAF_HIGH 12
#define LEAF_PART_SUM 20

#define LEAF_PARTS 256			/* a power of two */

#endif							/* STEEP_REPL_LEAVES_H */
