/*-------------------------------------------------------------------------
 *
 * filename.c
 *		The names of a snapshot's files.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "files/filename.h"

#define TEMPORARY_DIGITS 8

static const char *const names[] = {
	[FILE_MANIFEST] = "manifest.json",
	[FILE_PRE_DATA] = "schema/pre-data.sql",
	[FILE_POST_DATA] = "schema/post-data.sql",
};

static const char *const directories[] = {
	[FILE_MANIFEST] = "",
	[FILE_PRE_DATA] = "schema",
	[FILE_POST_DATA] = "schema",
	[FILE_CHUNK] = "data",
};

/* The name of a file of which there is one. */
FileName
steep_filename(FileKind kind)
{
	FileName	name = {.kind = kind,.method = COMPRESSION_NONE};

	snprintf(name.path, sizeof(name.path), "%s", names[kind]);
	return name;
}

FileName
steep_filename_chunk(uint32_t table, uint32_t chunk, CompressionMethod method)
{
	FileName	name = {
		.kind = FILE_CHUNK,
		.table = table,
		.chunk = chunk,
		.method = method
	};

	snprintf(name.path, sizeof(name.path),
			 "data/%" PRIu32 ".%" PRIu32 ".copy%s", table, chunk,
			 steep_compression_suffix(method));
	return name;
}

/* Read a number from 1 on, as we write it; returns what follows, or NULL. */
static const char *
parse_number(const char *str, uint32_t *number)
{
	uint32_t	value = 0;

	if (*str == '0')
		return NULL;
	while (*str >= '0' && *str <= '9')
	{
		value = value * 10 + (uint32_t) (*str++ - '0');
		if (value > FILENAME_MAX_NUMBER)
			return NULL;
	}
	*number = value;
	return value > 0 ? str : NULL;
}

/* Recognize the name of a chunk. */
static bool
parse_chunk(const char *str, FileName *name)
{
	uint32_t	table;
	uint32_t	chunk;

	if (strncmp(str, "data/", 5) != 0)
		return false;
	str = parse_number(str + 5, &table);
	if (str == NULL || *str != '.')
		return false;
	str = parse_number(str + 1, &chunk);
	if (str == NULL || strncmp(str, ".copy", 5) != 0)
		return false;
	for (int method = 0; method < COMPRESSION_METHODS; method++)
	{
		if (strcmp(str + 5, steep_compression_suffix((CompressionMethod) method)) == 0)
		{
			*name = steep_filename_chunk(table, chunk,
										 (CompressionMethod) method);
			return true;
		}
	}
	return false;
}

/* Recognize a name that we make; false for any other text. */
bool
steep_filename_parse(const char *str, FileName *name)
{
	for (int kind = FILE_MANIFEST; kind <= FILE_POST_DATA; kind++)
	{
		if (strcmp(str, names[kind]) == 0)
		{
			*name = steep_filename((FileKind) kind);
			return true;
		}
	}
	return parse_chunk(str, name);
}

/* Is this <a name that we make>.<8 hex digits>.tmp? */
bool
steep_filename_is_temporary(const char *str)
{
	FileName	name;
	char		final[sizeof(name.path)];
	size_t		tail = 1 + TEMPORARY_DIGITS + strlen(".tmp");
	size_t		length = strlen(str);

	if (length <= tail || length - tail >= sizeof(final))
		return false;
	memcpy(final, str, length - tail);
	final[length - tail] = '\0';
	str += length - tail;
	return steep_filename_parse(final, &name) && *str == '.' &&
		strspn(str + 1, "0123456789abcdef") == TEMPORARY_DIGITS &&
		strcmp(str + 1 + TEMPORARY_DIGITS, ".tmp") == 0;
}

const char *
steep_filename_directory(const FileName *name)
{
	return directories[name->kind];
}

const char *
steep_filename_base(const FileName *name)
{
	const char *slash = strchr(name->path, '/');

	return slash ? slash + 1 : name->path;
}
