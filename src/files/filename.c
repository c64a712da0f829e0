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
	FileName	name = {.kind = kind, .method = COMPRESSION_NONE};

	snprintf(name.text, sizeof(name.text), "%s", names[kind]);
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

	snprintf(name.text, sizeof(name.text),
			 "data/%" PRIu32 ".%" PRIu32 ".copy%s", table, chunk,
			 steep_compression_suffix(method));
	return name;
}

/* Read a number from 1 on, as we write it; returns what follows, or NULL. */
static const char *
parse_number(const char *text, uint32_t *number)
{
	uint32_t	value = 0;

	if (*text == '0')
		return NULL;
	while (*text >= '0' && *text <= '9')
	{
		value = value * 10 + (uint32_t) (*text++ - '0');
		if (value > FILENAME_MAX_NUMBER)
			return NULL;
	}
	*number = value;
	return value > 0 ? text : NULL;
}

/* Recognize the name of a chunk. */
static bool
parse_chunk(const char *text, FileName *name)
{
	uint32_t	table;
	uint32_t	chunk;

	if (strncmp(text, "data/", 5) != 0)
		return false;
	text = parse_number(text + 5, &table);
	if (text == NULL || *text != '.')
		return false;
	text = parse_number(text + 1, &chunk);
	if (text == NULL || strncmp(text, ".copy", 5) != 0)
		return false;
	for (int method = 0; method < COMPRESSION_METHODS; method++)
	{
		if (strcmp(text + 5, steep_compression_suffix((CompressionMethod) method)) == 0)
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
steep_filename_parse(const char *text, FileName *name)
{
	for (int kind = FILE_MANIFEST; kind <= FILE_POST_DATA; kind++)
	{
		if (strcmp(text, names[kind]) == 0)
		{
			*name = steep_filename((FileKind) kind);
			return true;
		}
	}
	return parse_chunk(text, name);
}

/* Is this <a name that we make>.<8 hex digits>.tmp? */
bool
steep_filename_is_temporary(const char *text)
{
	FileName	name;
	char		final[sizeof(name.text)];
	size_t		tail = 1 + TEMPORARY_DIGITS + strlen(".tmp");
	size_t		length = strlen(text);

	if (length <= tail || length - tail >= sizeof(final))
		return false;
	memcpy(final, text, length - tail);
	final[length - tail] = '\0';
	text += length - tail;
	return steep_filename_parse(final, &name) && *text == '.' &&
		strspn(text + 1, "0123456789abcdef") == TEMPORARY_DIGITS &&
		strcmp(text + 1 + TEMPORARY_DIGITS, ".tmp") == 0;
}

const char *
steep_filename_directory(const FileName *name)
{
	return directories[name->kind];
}

const char *
steep_filename_base(const FileName *name)
{
	const char *slash = strchr(name->text, '/');

	return slash ? slash + 1 : name->text;
}
