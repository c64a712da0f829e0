/*-------------------------------------------------------------------------
 *
 * leafdiff.c
 *		Compare the leaves of two nodes.
 *
 * The peer's leaves are bytes from elsewhere: nothing in them is believed
 * before it is checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "base/bytes.h"
#include "base/compat.h"
#include "base/digest.h"
#include "base/leaves.h"

/* The leaves of one side, where they lie in the bytea. */
typedef struct LeafArray
{
	int			nleaves;		/* 0 if the side has no rows */
	int64		rows;
	const char *leaves;			/* LEAF_BYTES each */
} LeafArray;

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

/*
 * Compare the leaves of two sides, results of digest_leaves().
 *
 * Either may be NULL, which means a table without rows; neither may be
 * toasted.  The bitmap is allocated in the current context.  Raises
 * ERRCODE_PROTOCOL_VIOLATION if the bytes of a side are not leaves, or if
 * the sides have different numbers of them.
 */
LeafDiff
steep_leaves_compare(const bytea *local, const bytea *peer)
{
	LeafArray	ours = read_leaves(local);
	LeafArray	theirs = read_leaves(peer);
	LeafDiff	diff = {
		.local_rows = ours.rows,
		.peer_rows = theirs.rows,
		.leaves = Max(ours.nleaves, theirs.nleaves)
	};

	if (diff.leaves == 0)
		return diff;
	if (ours.nleaves > 0 && theirs.nleaves > 0 &&
		ours.nleaves != theirs.nleaves)
		reject("The two sides have different numbers of leaves.");
	diff.bitmap = palloc0(VARHDRSZ + diff.leaves / BITS_PER_BYTE);
	SET_VARSIZE(diff.bitmap, VARHDRSZ + diff.leaves / BITS_PER_BYTE);
	for (int i = 0; i < diff.leaves; i++)
	{
		if (leaf_equal(&ours, &theirs, i))
			continue;
		diff.differing++;
		diff.local_suspects += leaf_rows(&ours, i);
		diff.peer_suspects += leaf_rows(&theirs, i);
		VARDATA(diff.bitmap)[i / BITS_PER_BYTE] |= 1 << (i % BITS_PER_BYTE);
	}
	return diff;
}

/* compare_leaves(local bytea, peer bytea): the LeafDiff as a row. */
Datum
steep_repl_compare_leaves(PG_FUNCTION_ARGS)
{
	bytea	   *local = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0);
	bytea	   *peer = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	LeafDiff	diff = steep_leaves_compare(local, peer);
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
