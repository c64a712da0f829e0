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

/* Add the digest of other rows. */
void
steep_copytext_add_digest(CopyTextTotals *totals, const char *digest)
{
	unsigned long long high;
	unsigned long long low;

	if (strlen(digest) != COPYTEXT_DIGEST - 1 ||
		sscanf(digest, "%16llx%16llx", &high, &low) != 2)
		elog(ERROR, "\"%s\" is no digest of rows", digest);
	totals->high += high;
	totals->low += low;
}

/* Print the digest of all rows. */
void
steep_copytext_print_digest(const CopyTextTotals *totals,
							char digest[COPYTEXT_DIGEST])
{
	snprintf(digest, COPYTEXT_DIGEST, "%016llx%016llx",
			 (unsigned long long) totals->high,
			 (unsigned long long) totals->low);
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
