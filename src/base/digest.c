/*-------------------------------------------------------------------------
 *
 * digest.c
 *		The digest of a row, and the leaf that a key falls into.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"
#include "base/digest.h"
#include "base/hash.h"

PG_FUNCTION_INFO_V1(steep_repl_row_digest);
PG_FUNCTION_INFO_V1(steep_repl_in_leaves);
PG_FUNCTION_INFO_V1(steep_repl_digest_version);

/* row_digest(VARIADIC "any") RETURNS bytea: the hash of the columns. */
Datum
steep_repl_row_digest(PG_FUNCTION_ARGS)
{
	CanonicalRow *row = digest_columns(fcinfo, 0);
	char	   *end = steep_canonical_write(row, fcinfo->args,
											0, row->ncolumns, row->buffer);
	bytea	   *digest = palloc(VARHDRSZ + HASH_BYTES);

	SET_VARSIZE(digest, VARHDRSZ + HASH_BYTES);
	put_hash(VARDATA(digest), hash_bytes(row->buffer, end - row->buffer));
	PG_RETURN_BYTEA_P(digest);
}

/* Raise an error unless a bitmap has one bit for each leaf of a table. */
static void
check_bitmap(int length)
{
	if (!digest_leaves_valid((int64) length * BITS_PER_BYTE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid length of leaf bitmap: %d bytes", length),
				 errdetail("The length must be a power of two between %d and %d.",
						   DIGEST_MIN_LEAVES / BITS_PER_BYTE,
						   DIGEST_MAX_LEAVES / BITS_PER_BYTE)));
}

/*
 * in_leaves(bitmap bytea, VARIADIC "any") RETURNS boolean: is the bit of the
 * key's leaf set?
 *
 * Detoasting a bitmap that is a constant or a parameter costs nothing, so
 * there is nothing to remember between calls.
 */
Datum
steep_repl_in_leaves(PG_FUNCTION_ARGS)
{
	CanonicalRow *key = digest_columns(fcinfo, 1);
	bytea	   *bitmap;
	char	   *end;
	uint64		leaf;
	bool		is_set;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	bitmap = PG_GETARG_BYTEA_PP(0);
	check_bitmap(VARSIZE_ANY_EXHDR(bitmap));
	end = steep_canonical_write(key, &fcinfo->args[1],
								0, key->ncolumns, key->buffer);
	leaf = hash_bytes(key->buffer, end - key->buffer).low64 &
		((uint64) VARSIZE_ANY_EXHDR(bitmap) * BITS_PER_BYTE - 1);
	is_set = (VARDATA_ANY(bitmap)[leaf / BITS_PER_BYTE] >>
			  (leaf % BITS_PER_BYTE)) & 1;
	PG_FREE_IF_COPY(bitmap, 0);
	PG_RETURN_BOOL(is_set);
}

/* digest_version() RETURNS integer */
Datum
steep_repl_digest_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(DIGEST_VERSION);
}
