/*-------------------------------------------------------------------------
 *
 * copytext_digest.c
 *		The digest of rows, as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
