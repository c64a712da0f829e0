/*-------------------------------------------------------------------------
 *
 * leafdiff.c
 *		Compare the leaves of two nodes.
 *
 * Where one part of a leaf differs its sums tell which: they differ by some d,
 * and the sums of digests times parts by d * part.  So the bitmap of the rows
 * to look at can be finer than the leaves.
 *
 * The peer's leaves are bytes from elsewhere: nothing in them is believed
 * before it is checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"

#include "base/bytes.h"
#include "base/compat.h"
#include "base/digest.h"
#include "base/leaves.h"

#define ROWS_PER_BIT 4			/* of the bitmap, if leaves have so many parts */

/* The leaves of one side, where they lie in the bytea. */
typedef struct LeafArray
{
	int			nleaves;		/* 0 if the side has no rows */
	int64		rows;
	const char *leaves;			/* LEAF_BYTES each */
} LeafArray;

typedef struct LeafDiff
{
	int64		local_rows;
	int64		peer_rows;
	int			leaves;			/* 0 if neither side has a row */
	int			differing;		/* leaves that differ */
	int64		local_suspects; /* about how many rows the bitmap names */
	int64		peer_suspects;
	bytea	   *bitmap;			/* for in_leaves(), of the leaves or of parts
								 * of them; NULL if leaves is 0 */
} LeafDiff;

PG_FUNCTION_INFO_V1(steep_repl_compare_leaves);

static void
reject(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("invalid leaf digests"),
			 errdetail_internal("%s", detail)));
}

static inline uint32
leaf_rows(const LeafArray *array, int leaf)
{
	return array->nleaves == 0 ? 0 :
		get32(array->leaves + (Size) leaf * LEAF_BYTES);
}

/* Raise an error unless the leaves hold as many rows as their header says. */
static void
check_rows(const LeafArray *array)
{
	uint64		rows = 0;

	for (int i = 0; i < array->nleaves; i++)
		rows += leaf_rows(array, i);
	if (rows != (uint64) array->rows)
		reject("The rows of the leaves do not add up.");
}

/* Read and check the leaves of one side; NULL stands for no rows. */
static LeafArray
read_leaves(const bytea *bytes)
{
	LeafArray	array = {0};
	const char *p;
	Size		length;

	if (bytes == NULL)
		return array;
	p = VARDATA_ANY(bytes);
	length = VARSIZE_ANY_EXHDR(bytes);
	if (length < LEAVES_HEADER_BYTES)
		reject("The header is incomplete.");
	if (get32(p) != DIGEST_VERSION)
		reject("The digest version is another.");
	if (!digest_leaves_valid(get32(p + 4)))
		reject("The number of leaves is not a power of two in range.");
	array.nleaves = (int) get32(p + 4);
	array.rows = (int64) get64(p + 8);
	array.leaves = p + LEAVES_HEADER_BYTES;
	if (length != LEAVES_HEADER_BYTES + (Size) array.nleaves * LEAF_BYTES)
		reject("The length does not fit the number of leaves.");
	check_rows(&array);
	return array;
}

/* Do both sides hold the same in this leaf? */
static inline bool
leaf_equal(const LeafArray *local, const LeafArray *peer, int leaf)
{
	Size		offset = (Size) leaf * LEAF_BYTES;

	if (local->nleaves == 0 || peer->nleaves == 0)
		return leaf_rows(local, leaf) == leaf_rows(peer, leaf);
	return memcmp(local->leaves + offset, peer->leaves + offset,
				  LEAF_BYTES) == 0;
}

/* What one of the sums of a leaf is here, less what it is on the peer. */
static inline uint64
sums_differ_by(const LeafArray *local, const LeafArray *peer, int leaf, int sum)
{
	Size		offset = (Size) leaf * LEAF_BYTES + sum;

	return (local->nleaves > 0 ? get64(local->leaves + offset) : 0) -
		(peer->nleaves > 0 ? get64(peer->leaves + offset) : 0);
}

/* The number by which an odd number is multiplied to get 1, modulo 2^64. */
static inline uint64
inverse(uint64 odd)
{
	uint64		result = odd;	/* right in the lowest 3 bits */

	for (int bits = 3; bits < 64; bits *= 2)
		result *= 2 - odd * result;
	return result;
}

/*
 * If one part alone makes a leaf differ, return its number, else -1.
 *
 * Where several parts differ, the quotient may be any number of 64 bits.  By
 * chance it is one of a part once in 2^56 times; a row that differs could then
 * be missed beside others of its leaf.
 */
static int
find_part(const LeafArray *local, const LeafArray *peer, int leaf)
{
	uint64		low = sums_differ_by(local, peer, leaf, LEAF_LOW);
	uint64		product = sums_differ_by(local, peer, leaf, LEAF_PART_SUM);
	uint64		part;
	int			even;

	if (low == 0)
		return -1;
	even = pg_rightmost_one_pos64(low);
	part = (product >> even) * inverse(low >> even);
	part &= PG_UINT64_MAX >> even;
	return part < LEAF_PARTS && low * part == product ? (int) part : -1;
}

/* Choose how many bits of the bitmap a leaf gets. */
static int
count_parts(const LeafDiff *diff)
{
	int64		rows = Max(diff->local_rows, diff->peer_rows) / diff->leaves;
	int			parts = 1;

	while (parts < Min(LEAF_PARTS, DIGEST_MAX_LEAVES / diff->leaves) &&
		   rows / parts >= ROWS_PER_BIT)
		parts *= 2;
	return parts;
}

/* How many of a leaf's rows to expect in one of so many parts? */
static inline int64
rows_in_part(int64 rows, int parts)
{
	return Min(rows, rows / parts + 1);
}

/* Mark the rows to look at in a leaf that differs. */
static void
add_suspects(LeafDiff *diff, const LeafArray *local, const LeafArray *peer,
			 int leaf, int parts)
{
	char	   *bitmap = VARDATA(diff->bitmap);
	int			part = parts > 1 ? find_part(local, peer, leaf) : -1;

	for (int i = 0; i < parts; i++)
	{
		int			bit = leaf + i * diff->leaves;

		if (part < 0 || i == part % parts)
			bitmap[bit / BITS_PER_BYTE] |= 1 << (bit % BITS_PER_BYTE);
	}
	if (part < 0)
		parts = 1;
	diff->differing++;
	diff->local_suspects += rows_in_part(leaf_rows(local, leaf), parts);
	diff->peer_suspects += rows_in_part(leaf_rows(peer, leaf), parts);
}

/*
 * Compare the leaves of two sides, results of digest_leaves().
 *
 * Either may be NULL, which means a table without rows; neither may be
 * toasted.  The bitmap is allocated in the current context.  Raises
 * ERRCODE_PROTOCOL_VIOLATION if the bytes of a side are not leaves, or if
 * the sides have different numbers of them.
 */
static LeafDiff
compare(const bytea *local, const bytea *peer)
{
	LeafArray	ours = read_leaves(local);
	LeafArray	theirs = read_leaves(peer);
	LeafDiff	diff = {
		.local_rows = ours.rows,
		.peer_rows = theirs.rows,
		.leaves = Max(ours.nleaves, theirs.nleaves)
	};
	int			parts;
	Size		size;

	if (diff.leaves == 0)
		return diff;
	if (ours.nleaves > 0 && theirs.nleaves > 0 &&
		ours.nleaves != theirs.nleaves)
		reject("The two sides have different numbers of leaves.");
	parts = count_parts(&diff);
	size = VARHDRSZ + (Size) diff.leaves * parts / BITS_PER_BYTE;
	diff.bitmap = palloc0(size);
	SET_VARSIZE(diff.bitmap, size);
	for (int i = 0; i < diff.leaves; i++)
	{
		if (!leaf_equal(&ours, &theirs, i))
			add_suspects(&diff, &ours, &theirs, i, parts);
	}
	return diff;
}

/* compare_leaves(local bytea, peer bytea): the LeafDiff as a row. */
Datum
steep_repl_compare_leaves(PG_FUNCTION_ARGS)
{
	bytea	   *local = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0);
	bytea	   *peer = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	LeafDiff	diff = compare(local, peer);
	TupleDesc	tupdesc;
	Datum		values[7];
	bool		nulls[7] = {0};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(diff.local_rows);
	values[1] = Int64GetDatum(diff.peer_rows);
	values[2] = Int32GetDatum(diff.leaves);
	values[3] = Int32GetDatum(diff.differing);
	values[4] = Int64GetDatum(diff.local_suspects);
	values[5] = Int64GetDatum(diff.peer_suspects);
	values[6] = PointerGetDatum(diff.bitmap);
	nulls[6] = diff.bitmap == NULL;
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}
