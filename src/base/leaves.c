/*-------------------------------------------------------------------------
 *
 * leaves.c
 *		The aggregate that digests a table into an array of leaves.
 *
 * The state is an array indexed by leaf: no hash table, no sort, and two of
 * them are combined by adding, so the server runs it in parallel.
 *
 * The array is larger than the processor's nearest caches and rows hit it at
 * random, so adding a row at once would wait for memory longer than it takes
 * to digest it.  A few rows are kept pending while their leaves arrive.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/pg_bitutils.h"

#include "base/compat.h"
#include "base/digest.h"
#include "base/hash.h"
#include "base/leaves.h"

typedef struct Leaf
{
	uint64		rows;
	uint64		low;			/* sum of the digests' low halves */
	uint64		high;
	uint64		parts;			/* sum of the low halves, each times its part */
} Leaf;

/* A row that is not yet added to its leaf. */
typedef struct PendingRow
{
	Leaf	   *leaf;			/* NULL if there is no row */
	uint64		part;
	Hash		digest;
} PendingRow;

#define PENDING_ROWS 8			/* a power of two */

typedef struct LeavesState
{
	int			nleaves;
	int			part_shift;		/* where a key's digest names the part */
	int			nkeys;			/* columns of the key; 0 in what was combined */
	uint32		nadded;			/* modulo PENDING_ROWS: place of the next */
	PendingRow	pending[PENDING_ROWS];
	Leaf		leaves[FLEXIBLE_ARRAY_MEMBER];
} LeavesState;

/* Arguments of the transition function. */
#define ARG_STATE 0
#define ARG_LEAVES 1
#define ARG_NKEYS 2
#define ARG_COLUMNS 3

PG_FUNCTION_INFO_V1(steep_repl_digest_leaves_add);
PG_FUNCTION_INFO_V1(steep_repl_digest_leaves_combine);
PG_FUNCTION_INFO_V1(steep_repl_digest_leaves_serialize);
PG_FUNCTION_INFO_V1(steep_repl_digest_leaves_deserialize);
PG_FUNCTION_INFO_V1(steep_repl_digest_leaves_result);

/* The size of a state; below 1 GB even with the most leaves. */
static inline Size
state_size(int nleaves)
{
	return offsetof(LeavesState, leaves) + nleaves * sizeof(Leaf);
}

/* The context of the aggregate, which the state has to live in. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Make an empty state. */
static LeavesState *
make_state(MemoryContext context, int nleaves, int nkeys)
{
	LeavesState *state = MemoryContextAllocZero(context, state_size(nleaves));

	state->nleaves = nleaves;
	state->part_shift = pg_leftmost_one_pos32(nleaves);
	state->nkeys = nkeys;
	return state;
}

/* Make the state of the first row, or raise an error about the arguments. */
static LeavesState *
first_state(MemoryContext context, int nleaves, int nkeys, int ncolumns)
{
	if (!digest_leaves_valid(nleaves))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of leaves: %d", nleaves),
				 errdetail("It must be a power of two between %d and %d.",
						   DIGEST_MIN_LEAVES, DIGEST_MAX_LEAVES)));
	if (nkeys < 1 || nkeys > ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of key columns: %d", nkeys),
				 errdetail("It must be between 1 and the number of columns, %d.",
						   ncolumns)));
	return make_state(context, nleaves, nkeys);
}

/* Find the state that a row is added to. */
static inline LeavesState *
current_state(FunctionCallInfo fcinfo, CanonicalRow *row)
{
	LeavesState *state;

	if (PG_ARGISNULL(ARG_LEAVES) || PG_ARGISNULL(ARG_NKEYS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("number of leaves and of key columns must not be null")));
	if (unlikely(PG_ARGISNULL(ARG_STATE)))
		return first_state(aggregate_context(fcinfo),
						   PG_GETARG_INT32(ARG_LEAVES),
						   PG_GETARG_INT32(ARG_NKEYS), row->ncolumns);
	state = (LeavesState *) PG_GETARG_POINTER(ARG_STATE);
	if (state->nleaves != PG_GETARG_INT32(ARG_LEAVES) ||
		state->nkeys != PG_GETARG_INT32(ARG_NKEYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of leaves and of key columns must be the same for every row")));
	return state;
}

/* Add the row that is pending in a place, if there is one. */
static inline void
add_pending(PendingRow *place)
{
	if (place->leaf == NULL)
		return;
	place->leaf->rows++;
	place->leaf->low += place->digest.low64;
	place->leaf->high += place->digest.high64;
	place->leaf->parts += place->digest.low64 * place->part;
	place->leaf = NULL;
}

/* Add every pending row, before the leaves are read. */
static void
add_all_pending(LeavesState *state)
{
	for (int i = 0; i < PENDING_ROWS; i++)
		add_pending(&state->pending[i]);
}

/* Add one row (the transition function). */
Datum
steep_repl_digest_leaves_add(PG_FUNCTION_ARGS)
{
	CanonicalRow *row = digest_columns(fcinfo, ARG_COLUMNS);
	LeavesState *state = current_state(fcinfo, row);
	const NullableDatum *values = &fcinfo->args[ARG_COLUMNS];
	PendingRow *place = &state->pending[state->nadded++ % PENDING_ROWS];
	uint64		key;
	char	   *end;

	add_pending(place);
	end = steep_canonical_write(row, values, 0, state->nkeys, row->buffer);
	key = hash_bytes(row->buffer, end - row->buffer).low64;
	end = steep_canonical_write(row, values, state->nkeys, row->ncolumns, end);
	place->digest = hash_bytes(row->buffer, end - row->buffer);
	place->leaf = &state->leaves[key & (state->nleaves - 1)];
	place->part = (key >> state->part_shift) & (LEAF_PARTS - 1);
	__builtin_prefetch(place->leaf, 1);
	PG_RETURN_POINTER(state);
}

/* Write one leaf as leaves.h describes it. */
static inline char *
put_leaf(char *p, const Leaf *leaf)
{
	if (unlikely(leaf->rows > PG_UINT32_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a leaf holds too many rows"),
				 errhint("Use more leaves.")));
	p = put32(p, (uint32) leaf->rows);
	return put64(put64(put64(p, leaf->low), leaf->high), leaf->parts);
}

/* Write a state as leaves.h describes it. */
static bytea *
write_state(LeavesState *state)
{
	Size		size = VARHDRSZ + LEAVES_HEADER_BYTES +
		(Size) state->nleaves * LEAF_BYTES;
	bytea	   *result = palloc(size);
	uint64		rows = 0;
	char	   *p = VARDATA(result);

	add_all_pending(state);
	SET_VARSIZE(result, size);
	for (int i = 0; i < state->nleaves; i++)
		rows += state->leaves[i].rows;
	p = put32(put32(p, DIGEST_VERSION), state->nleaves);
	p = put64(p, rows);
	for (int i = 0; i < state->nleaves; i++)
		p = put_leaf(p, &state->leaves[i]);
	return result;
}

/* Add one leaf, as put_leaf() wrote it. */
static inline void
add_leaf(Leaf *leaf, const char *p)
{
	leaf->rows += get32(p);
	leaf->low += get64(p + LEAF_LOW);
	leaf->high += get64(p + LEAF_HIGH);
	leaf->parts += get64(p + LEAF_PART_SUM);
}

/*
 * Add a worker's leaves, which are still as they were written, to ours; both
 * are processes of one server.
 */
Datum
steep_repl_digest_leaves_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	LeavesState *state = NULL;
	const char *p;
	int			nleaves;

	if (!PG_ARGISNULL(0))
		state = (LeavesState *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1) && state == NULL)
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	p = VARDATA_ANY(PG_GETARG_POINTER(1));
	nleaves = (int) get32(p + 4);
	if (state == NULL)
		state = make_state(context, nleaves, 0);
	if (state->nleaves != nleaves)
		elog(ERROR, "leaves of different shape cannot be combined");
	p += LEAVES_HEADER_BYTES;
	for (int i = 0; i < nleaves; i++, p += LEAF_BYTES)
		add_leaf(&state->leaves[i], p);
	PG_RETURN_POINTER(state);
}

/* Hand a state to the leader. */
Datum
steep_repl_digest_leaves_serialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(write_state((LeavesState *) PG_GETARG_POINTER(0)));
}

/* Leave a worker's leaves as they are: the next who reads them only adds. */
Datum
steep_repl_digest_leaves_deserialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_POINTER(PG_GETARG_BYTEA_PP(0));
}

/* Turn a state into the bytes that are compared (the final function). */
Datum
steep_repl_digest_leaves_result(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(write_state((LeavesState *) PG_GETARG_POINTER(0)));
}
