/*-------------------------------------------------------------------------
 *
 * manifest.c
 *		Fuzz the reader of manifests.
 *
 * The input is all lines above the last two, which hold the checksum: an input
 * would never get past it by chance.  What is read must print, and read and
 * print the same again.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/manifest.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read a text, and print what was read; NULL if it was refused. */
static char *
round_trip(const char *text, size_t length, size_t *printed_length)
{
	Manifest   *manifest;
	Failure		failure;
	char	   *printed;

	if (!steep_manifest_parse(text, length, &manifest, &failure))
		return NULL;
	if (!steep_manifest_print(manifest, &printed, printed_length, &failure))
		abort();
	steep_manifest_free(manifest);
	return printed;
}

static void
check_round_trips(const char *text, size_t length)
{
	size_t		once_length;
	size_t		twice_length;
	char	   *once = round_trip(text, length, &once_length);
	char	   *twice;

	if (once == NULL)
		return;
	twice = round_trip(once, once_length, &twice_length);
	if (twice == NULL || twice_length != once_length ||
		memcmp(once, twice, once_length) != 0)
		abort();
	free(once);
	free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		sha256[SHA256_TEXT];
	char	   *text = malloc(size + 128);
	Failure		failure;
	Sha256	   *sha = steep_sha256_start(&failure);
	size_t		length = size;

	if (text == NULL || sha == NULL ||
		!steep_sha256_add(sha, data, size, &failure) ||
		!steep_sha256_finish(sha, sha256, &failure))
		abort();
	steep_sha256_free(sha);
	memcpy(text, data, size);
	check_round_trips(text, length);
	length += (size_t) sprintf(text + size,
							   "  \"manifest_sha256\": \"%s\"\n}\n", sha256);
	check_round_trips(text, length);
	free(text);
	return 0;
}
