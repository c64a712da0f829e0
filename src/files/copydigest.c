/*-------------------------------------------------------------------------
 *
 * copydigest.c
 *		Rows as COPY writes them: how many there are, and their digest.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "files/copydigest.h"

void
steep_copydigest_line(CopyTotals *totals, const char *line, size_t length)
{
	XXH128_hash_t hash = XXH3_128bits(line, length);

	totals->low += hash.low64;
	totals->high += hash.high64;
	totals->rows++;
	totals->bytes += length + 1;
}

bool
steep_copydigest_add(CopyTotals *totals, const char *digest)
{
	uint64_t	high;
	uint64_t	low;

	if (strlen(digest) != COPYDIGEST_TEXT - 1 ||
		sscanf(digest, "%16" SCNx64 "%16" SCNx64, &high, &low) != 2)
		return false;
	totals->high += high;
	totals->low += low;
	return true;
}

void
steep_copydigest_print(const CopyTotals *totals, char digest[COPYDIGEST_TEXT])
{
	snprintf(digest, COPYDIGEST_TEXT, "%016" PRIx64 "%016" PRIx64,
			 totals->high, totals->low);
}
