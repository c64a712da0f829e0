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

#include "base/compat.h"
#include "base/digest.h"
#include "base/hash.h"
#include "base/leaves.h"

typedef struct Leaf
{
	uint64		rows;
	uint64		low;			/* sum of the digests' low halves */
	uint64		high;
} Leaf;

/* A row that is not yet added to its leaf. */
typedef struct PendingRow
{
	Leaf	   *leaf;			/* NULL if there is no row */
	Hash		digest;
} PendingRow;

#define PENDING_ROWS 8			/* a power of two */

typedef struct LeavesState
{
	int			nleaves;
	int			nkeys;			/* columns of the key */
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

/* Make an empty state, or raise an error if the arguments don't allow it. */
static LeavesState *
make_state(MemoryContext context, int nleaves, int nkeys, int ncolumns)
{
	LeavesState *state;

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
	state = MemoryContextAllocZero(context, state_size(nleaves));
	state->nleaves = nleaves;
	state->nkeys = nkeys;
	return state;
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
		return make_state(aggregate_context(fcinfo),
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
	char	   *end;
	Hash		key;

	add_pending(place);
	end = steep_canonical_write(row, values, 0, state->nkeys, row->buffer);
	key = hash_bytes(row->buffer, end - row->buffer);
	end = steep_canonical_write(row, values, state->nkeys, row->ncolumns, end);
	place->digest = hash_bytes(row->buffer, end - row->buffer);
	place->leaf = &state->leaves[key.low64 & (state->nleaves - 1)];
	__builtin_prefetch(place->leaf, 1);
	PG_RETURN_POINTER(state);
}

/* Add a worker's leaves to ours. */
Datum
steep_repl_digest_leaves_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	LeavesState *state;
	LeavesState *other;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = (LeavesState *) PG_GETARG_POINTER(1);
	add_all_pending(other);
	if (PG_ARGISNULL(0))
	{
		state = MemoryContextAlloc(context, state_size(other->nleaves));
		memcpy(state, other, state_size(other->nleaves));
		PG_RETURN_POINTER(state);
	}
	state = (LeavesState *) PG_GETARG_POINTER(0);
	if (state->nleaves != other->nleaves || state->nkeys != other->nkeys)
		elog(ERROR, "leaves of different shape cannot be combined");
	for (int i = 0; i < state->nleaves; i++)
	{
		state->leaves[i].rows += other->leaves[i].rows;
		state->leaves[i].low += other->leaves[i].low;
		state->leaves[i].high += other->leaves[i].high;
	}
	PG_RETURN_POINTER(state);
}

/* Hand a state to the leader; both are processes of one server. */
Datum
steep_repl_digest_leaves_serialize(PG_FUNCTION_ARGS)
{
	LeavesState *state = (LeavesState *) PG_GETARG_POINTER(0);
	Size		size = state_size(state->nleaves);
	bytea	   *result = palloc(VARHDRSZ + size);

	(void) aggregate_context(fcinfo);
	add_all_pending(state);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), state, size);
	PG_RETURN_BYTEA_P(result);
}

Datum
steep_repl_digest_leaves_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized = PG_GETARG_BYTEA_PP(0);
	Size		size = VARSIZE_ANY_EXHDR(serialized);
	LeavesState *state = palloc(size);

	(void) aggregate_context(fcinfo);
	memcpy(state, VARDATA_ANY(serialized), size);
	Assert(size == state_size(state->nleaves));
	PG_RETURN_POINTER(state);
}

/* Write one leaf as leaves.h describes it. */
static char *
put_leaf(char *p, const Leaf *leaf)
{
	if (leaf->rows > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a leaf holds too many rows"),
				 errhint("Use more leaves.")));
	p = put32(p, (uint32) leaf->rows);
	return put64(put64(p, leaf->low), leaf->high);
}

/* Turn a state into the bytes that are compared (the final function). */
Datum
steep_repl_digest_leaves_result(PG_FUNCTION_ARGS)
{
	LeavesState *state = (LeavesState *) PG_GETARG_POINTER(0);
	Size		size = VARHDRSZ + LEAVES_HEADER_BYTES +
		(Size) state->nleaves * LEAF_BYTES;
	bytea	   *result = palloc(size);
	uint64		rows = 0;
	char	   *p = VARDATA(result);

	(void) aggregate_context(fcinfo);
	add_all_pending(state);
	SET_VARSIZE(result, size);
	for (int i = 0; i < state->nleaves; i++)
		rows += state->leaves[i].rows;
	p = put32(put32(p, DIGEST_VERSION), state->nleaves);
	p = put64(p, rows);
	for (int i = 0; i < state->nleaves; i++)
		p = put_leaf(p, &state->leaves[i]);
	PG_RETURN_BYTEA_P(result);
}
