/*-------------------------------------------------------------------------
 *
 * compression.c
 *		Ways to compress a file, and how a user asks for one.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/codec.h"
#include "files/compression.h"

static const Codec *const codecs[COMPRESSION_METHODS] = {
	[COMPRESSION_NONE] = &steep_codec_none,
	[COMPRESSION_GZIP] = &steep_codec_gzip,
	[COMPRESSION_LZ4] = &steep_codec_lz4,
	[COMPRESSION_ZSTD] = &steep_codec_zstd,
};

const Codec *
steep_codec(CompressionMethod method)
{
	return codecs[method];
}

/* Find a method by the name in front of the level. */
static bool
find_method(const char *spec, size_t length, CompressionMethod *method)
{
	for (int i = 0; i < COMPRESSION_METHODS; i++)
	{
		if (strlen(codecs[i]->name) == length &&
			strncmp(codecs[i]->name, spec, length) == 0)
		{
			*method = (CompressionMethod) i;
			return true;
		}
	}
	return false;
}

/* Read the level after the colon: one or two digits. */
static bool
parse_level(const char *spec, const char *str, Compression *compression,
			Failure *failure)
{
	const Codec *codec = steep_codec(compression->method);
	size_t		length = strlen(str);

	if (length >= 1 && length <= 2 && strspn(str, "0123456789") == length &&
		str[0] != '0')
		compression->level = atoi(str);
	else
		compression->level = 0;
	if (compression->level >= 1 && compression->level <= codec->max_level)
		return true;

	steep_failure_set(failure, FAILURE_ARGUMENT,
					  "invalid compression level in \"%s\"", spec);
	if (codec->max_level == 0)
		return steep_failure_detail(failure, "\"none\" has no level.");
	return steep_failure_detail(failure,
								"The levels of %s are 1 to %d.",
								codec->name, codec->max_level);
}

bool
steep_compression_parse(const char *spec, Compression *compression,
						Failure *failure)
{
	size_t		length = strcspn(spec, ":");
	char		shown[64];

	steep_failure_printable(shown, sizeof(shown), spec, strlen(spec));
	if (!find_method(spec, length, &compression->method))
	{
		steep_failure_set(failure, FAILURE_ARGUMENT,
						  "unknown compression \"%s\"", shown);
		return steep_failure_detail(failure,
									"It is none, gzip, lz4 or zstd, with an "
									"optional level as in \"zstd:3\".");
	}
	compression->level = steep_codec(compression->method)->default_level;
	if (steep_codec(compression->method)->compress == NULL)
		return steep_failure_set(failure, FAILURE_UNSUPPORTED,
								 "steep_repl was built without %s",
								 steep_codec(compression->method)->name);
	return spec[length] == '\0' ||
		parse_level(shown, spec + length + 1, compression, failure);
}

void
steep_compression_print(const Compression *compression,
						char str[COMPRESSION_TEXT])
{
	const char *name = steep_codec(compression->method)->name;

	if (compression->method == COMPRESSION_NONE)
		snprintf(str, COMPRESSION_TEXT, "%s", name);
	else
		snprintf(str, COMPRESSION_TEXT, "%s:%d", name, compression->level);
}

const char *
steep_compression_suffix(CompressionMethod method)
{
	return steep_codec(method)->suffix;
}

uint64_t
steep_compression_max_raw(CompressionMethod method, uint64_t file_bytes)
{
	uint64_t	ratio = steep_codec(method)->max_ratio;

	return file_bytes > UINT64_MAX / ratio ? UINT64_MAX : file_bytes * ratio;
}
