/*-------------------------------------------------------------------------
 *
 * manifest_format.c
 *		The fields of manifest.json.
 *
 * Whoever adds, removes or changes one raises MANIFEST_FORMAT.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/manifest_format.h"

#define MANY UINT32_MAX			/* the size of the file is the limit */
#define HEX "0123456789abcdef"

/*
 * Does a text follow a pattern of the same length?  9 stands for a digit, x
 * for a hex digit, anything else for itself.
 */
static bool
follows(const char *str, const char *pattern)
{
	for (; *str && *pattern; str++, pattern++)
	{
		if (*pattern == '9' ? (*str < '0' || *str > '9') :
			*pattern == 'x' ? strchr(HEX, *str) == NULL : *str != *pattern)
			return false;
	}
	return *str == *pattern;
}

static bool
is_id(const char *str)
{
	return follows(str, "snap_99999999_999999_xxxxxxxx");
}

static bool
is_time(const char *str)
{
	return follows(str, "9999-99-99T99:99:99Z");
}

/* Two numbers of up to eight hex digits, as pg_lsn prints them. */
static bool
is_lsn(const char *str)
{
	size_t		high = strspn(str, "0123456789ABCDEF");
	size_t		low = str[high] == '/' ?
		strspn(str + high + 1, "0123456789ABCDEF") : 0;

	return high >= 1 && high <= 8 && low >= 1 && low <= 8 &&
		str[high + 1 + low] == '\0';
}

static bool
is_name(const char *str)
{
	return *str != '\0';
}

static bool
is_hex(const char *str)
{
	return *str != '\0' && str[strspn(str, HEX)] == '\0';
}

static bool
parse_compression(const char *str, void *field)
{
	Failure		ignored;
	char		printed[COMPRESSION_TEXT];

	/* That a library is missing is told when a file is opened. */
	if (!steep_compression_parse(str, field, &ignored) &&
		ignored.kind != FAILURE_UNSUPPORTED)
		return false;
	steep_compression_print(field, printed);
	return strcmp(printed, str) == 0;
}

static void
print_compression(const void *field, char str[JSON_CODED_TEXT])
{
	steep_compression_print(field, str);
}

static bool
parse_chunk_name(const char *str, void *field)
{
	FileName   *name = field;

	return steep_filename_parse(str, name) && name->kind == FILE_CHUNK;
}

static void
print_chunk_name(const void *field, char str[JSON_CODED_TEXT])
{
	const FileName *name = field;

	snprintf(str, JSON_CODED_TEXT, "%s", name->path);
}

static bool
parse_sha256(const char *str, void *field)
{
	if (!steep_sha256_is_text(str))
		return false;
	memcpy(field, str, SHA256_TEXT);
	return true;
}

static void
print_sha256(const void *field, char str[JSON_CODED_TEXT])
{
	memcpy(str, field, SHA256_TEXT);
}

static void
print_int64(const void *field, char str[JSON_CODED_TEXT])
{
	snprintf(str, JSON_CODED_TEXT, "%" PRId64, *(const int64_t *) field);
}

static bool
parse_int64(const char *str, void *field)
{
	int64_t    *number = field;
	char		printed[JSON_CODED_TEXT];

	/* Whatever strtoll() takes beyond that does not print the same. */
	*number = strtoll(str, NULL, 10);
	print_int64(number, printed);
	return strcmp(printed, str) == 0;
}

static void
print_uint64(const void *field, char str[JSON_CODED_TEXT])
{
	snprintf(str, JSON_CODED_TEXT, "%" PRIu64, *(const uint64_t *) field);
}

static bool
parse_uint64(const char *str, void *field)
{
	uint64_t   *number = field;
	char		printed[JSON_CODED_TEXT];

	*number = strtoull(str, NULL, 10);
	print_uint64(number, printed);
	return strcmp(printed, str) == 0;
}

/* Rows of the tables below: a field of struct type, called key. */
#define TEXT(type, key, most, valid) \
	{.name = #key, .kind = JSON_TEXT, .offset = offsetof(type, key), \
	.max = most, .is_valid = valid}
#define OPTIONAL(type, key, most, valid) \
	{.name = #key, .kind = JSON_OPTIONAL_TEXT, .offset = offsetof(type, key), \
	.max = most, .is_valid = valid}
#define NUMBER(type, key) \
	{.name = #key, .kind = JSON_NUMBER, .offset = offsetof(type, key), \
	.max = MANIFEST_MAX_NUMBER}
#define NUMBER32(type, key, most) \
	{.name = #key, .kind = JSON_NUMBER32, .offset = offsetof(type, key), \
	.max = most}
#define CODED(type, key, field, code) \
	{.name = key, .kind = JSON_CODED, .offset = offsetof(type, field), \
	.parse = parse_##code, .print = print_##code}
#define OBJECT(type, key, field, what) \
	{.name = key, .kind = JSON_OBJECT, .offset = offsetof(type, field), \
	.shape = &what}
#define LIST(type, key, most, what) \
	{.name = #key, .kind = JSON_LIST, .offset = offsetof(type, key), \
	.max = most, .shape = &what, .count = offsetof(type, n##key)}
#define SHAPE(type, fields, line) \
	{fields, sizeof(fields) / sizeof(fields[0]), sizeof(type), line}

static const JsonField extension_fields[] = {
	TEXT(ManifestExtension, name, MANIFEST_MAX_NAME, is_name),
	TEXT(ManifestExtension, version, MANIFEST_MAX_NAME, is_name),
};
static const JsonShape extension_shape = SHAPE(ManifestExtension, extension_fields, true);

/* A schema file, which is not compressed. */
static const JsonField sql_file_fields[] = {
	{
		.name = "bytes",.kind = JSON_NUMBER,.max = MANIFEST_MAX_NUMBER,
		.offset = offsetof(StreamTotals, file_bytes)
	},
	CODED(StreamTotals, "sha256", sha256, sha256),
};
static const JsonShape sql_file_shape = SHAPE(StreamTotals, sql_file_fields, true);

static const JsonField schema_fields[] = {
	OBJECT(Manifest, "pre-data.sql", pre_data, sql_file_shape),
	OBJECT(Manifest, "post-data.sql", post_data, sql_file_shape),
};

/* An object in the text, but none in the struct. */
static const JsonShape schema_shape = SHAPE(Manifest, schema_fields, false);

static const JsonField column_fields[] = {
	TEXT(ManifestColumn, name, MANIFEST_MAX_NAME, is_name),
	TEXT(ManifestColumn, type, MANIFEST_MAX_TEXT, is_name),
};
static const JsonShape column_shape = SHAPE(ManifestColumn, column_fields, true);

static const JsonField chunk_fields[] = {
	CODED(ManifestChunk, "file", name, chunk_name),
	NUMBER(ManifestChunk, rows),
	{
		.name = "raw_bytes",.kind = JSON_NUMBER,.max = MANIFEST_MAX_NUMBER,
		.offset = offsetof(ManifestChunk, file.raw_bytes)
	},
	{
		.name = "file_bytes",.kind = JSON_NUMBER,.max = MANIFEST_MAX_NUMBER,
		.offset = offsetof(ManifestChunk, file.file_bytes)
	},
	CODED(ManifestChunk, "sha256", file.sha256, sha256),
	OPTIONAL(ManifestChunk, digest, MANIFEST_MAX_NAME, is_hex),
};
static const JsonShape chunk_shape = SHAPE(ManifestChunk, chunk_fields, true);

static const JsonField table_fields[] = {
	NUMBER32(ManifestTable, number, FILENAME_MAX_NUMBER),
	TEXT(ManifestTable, schema, MANIFEST_MAX_NAME, is_name),
	TEXT(ManifestTable, name, MANIFEST_MAX_NAME, is_name),
	LIST(ManifestTable, columns, MANIFEST_MAX_COLUMNS, column_shape),
	TEXT(ManifestTable, fingerprint, MANIFEST_MAX_TEXT, NULL),
	NUMBER(ManifestTable, rows),
	OPTIONAL(ManifestTable, digest, MANIFEST_MAX_NAME, is_hex),
	LIST(ManifestTable, chunks, MANY, chunk_shape),
};
static const JsonShape table_shape = SHAPE(ManifestTable, table_fields, false);

static const JsonField sequence_fields[] = {
	TEXT(ManifestSequence, schema, MANIFEST_MAX_NAME, is_name),
	TEXT(ManifestSequence, name, MANIFEST_MAX_NAME, is_name),
	CODED(ManifestSequence, "last_value", last_value, int64),
	{
		.name = "is_called",.kind = JSON_BOOL,
		.offset = offsetof(ManifestSequence, is_called)
	},
};
static const JsonShape sequence_shape = SHAPE(ManifestSequence, sequence_fields, true);

static const JsonField left_out_fields[] = {
	TEXT(ManifestLeftOut, kind, MANIFEST_MAX_NAME, is_name),
	TEXT(ManifestLeftOut, object, MANIFEST_MAX_TEXT, is_name),
};
static const JsonShape left_out_shape = SHAPE(ManifestLeftOut, left_out_fields, true);

static const JsonField total_fields[] = {
	NUMBER(ManifestTotal, tables),
	NUMBER(ManifestTotal, chunks),
	NUMBER(ManifestTotal, rows),
	NUMBER(ManifestTotal, raw_bytes),
	NUMBER(ManifestTotal, file_bytes),
};
static const JsonShape total_shape = SHAPE(ManifestTotal, total_fields, true);

static const JsonField manifest_fields[] = {
	NUMBER32(Manifest, format, MANIFEST_FORMAT),
	TEXT(Manifest, snapshot_id, MANIFEST_MAX_NAME, is_id),
	TEXT(Manifest, created_at, MANIFEST_MAX_NAME, is_time),
	TEXT(Manifest, lsn, MANIFEST_MAX_NAME, is_lsn),
	NUMBER32(Manifest, server_version, INT32_MAX),
	CODED(Manifest, "system_identifier", system_identifier, uint64),
	TEXT(Manifest, database, MANIFEST_MAX_NAME, is_name),
	TEXT(Manifest, encoding, MANIFEST_MAX_NAME, is_name),
	CODED(Manifest, "compression", compression, compression),
	LIST(Manifest, extensions, MANY, extension_shape),
	{.name = "schema",.kind = JSON_OBJECT,.shape = &schema_shape},
	LIST(Manifest, tables, FILENAME_MAX_NUMBER, table_shape),
	LIST(Manifest, sequences, MANY, sequence_shape),
	LIST(Manifest, left_out, MANY, left_out_shape),
	OBJECT(Manifest, "total", total, total_shape),
	CODED(Manifest, "manifest_sha256", sha256, sha256),
};

const JsonShape steep_manifest_shape = SHAPE(Manifest, manifest_fields, false);
