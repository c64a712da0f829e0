/*-------------------------------------------------------------------------
 *
 * copytext_digest.c
 *		The digest of rows, as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/copytext.h"

/* Add the digest of other rows, as our own records have it. */
void
steep_copytext_add_digest(CopyTotals *totals, const char *digest)
{
	if (!steep_copydigest_add(totals, digest))
		elog(ERROR, "\"%s\" is no digest of rows", digest);
}
