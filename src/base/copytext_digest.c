/*-------------------------------------------------------------------------
 *
 * copytext_digest.c
 *		The digest of rows, as text, and how long their text may be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/copytext.h"

/* Add the digest of other rows, as our own records have it. */
void
steep_copytext_add_digest(CopyTotals *totals, const char *digest)
{
	if (!steep_copydigest_add(totals, digest))
		elog(ERROR, "\"%s\" is no digest of rows", digest);
}

/* Refuse a line that COPY could not read. */
void
steep_copytext_check_length(size_t length)
{
	if (length < MaxAllocSize)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("row is too long for COPY"),
			 errdetail("Its text has %zu bytes or more.",
					   (size_t) MaxAllocSize),
			 errhint("Shorten the row, or leave its table out: list other tables in the option \"tables\".")));
}
