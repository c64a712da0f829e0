/*-------------------------------------------------------------------------
 *
 * digest.h
 *		The digest of a row, and the leaf that a key falls into.
 *
 * A server takes at most 100 arguments in a call.  Wider rows are digested
 * in parts: row_digest(a, b, row_digest(c, ...), row_digest(d, ...)).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DIGEST_H
#define STEEP_REPL_DIGEST_H

#include "fmgr.h"

#include "base/canonical.h"

/*
 * Two nodes compare digests only if this is the same.  Raise it when the
 * canonical bytes, the hash or the form of leaves changes.
 */
#define DIGEST_VERSION 1

/* Leaves of a table; a power of two. */
#define DIGEST_MIN_LEAVES 8		/* one byte of bitmap */
#define DIGEST_MAX_LEAVES (1 << 24)

/* Is this a number of leaves that a table can have? */
static inline bool
digest_leaves_valid(int64 leaves)
{
	return leaves >= DIGEST_MIN_LEAVES && leaves <= DIGEST_MAX_LEAVES &&
		(leaves & (leaves - 1)) == 0;
}

/*
 * The columns of a VARIADIC "any" function, from argument number first on,
 * prepared at the first call from each call site.
 */
static inline CanonicalRow *
digest_columns(FunctionCallInfo fcinfo, int first)
{
	if (unlikely(fcinfo->flinfo->fn_extra == NULL))
		fcinfo->flinfo->fn_extra = steep_canonical_prepare(fcinfo, first);
	return (CanonicalRow *) fcinfo->flinfo->fn_extra;
}

#endif							/* STEEP_REPL_DIGEST_H */
