/*-------------------------------------------------------------------------
 *
 * manifest.c
 *		Writing and reading manifest.json.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files/manifest_format.h"
#include "files/newfile.h"

/* What the file starts with, so that a format is told before it is read. */
#define HEAD "{\n  \"format\": "

/* The last two lines: <LAST><64 hex digits><END>. */
#define LAST "  \"manifest_sha256\": \""
#define END "\"\n}\n"
#define TAIL (strlen(LAST) + SHA256_TEXT - 1 + strlen(END))

#define refuse(failure, ...) \
	steep_failure_file(failure, FAILURE_CORRUPT, "manifest.json", __VA_ARGS__)

/* Take the SHA-256 of bytes. */
static bool
checksum(const char *bytes, size_t length, char sha256[SHA256_TEXT],
		 Failure *failure)
{
	Sha256	   *sha = steep_sha256_start(failure);
	bool		ok = sha != NULL &&
		steep_sha256_add(sha, bytes, length, failure) &&
		steep_sha256_finish(sha, sha256, failure);

	steep_sha256_free(sha);
	return ok;
}

bool
steep_manifest_print(const Manifest *manifest, char **result, size_t *length,
					 Failure *failure)
{
	JsonText	out = {NULL, 0, 0, MANIFEST_MAX_BYTES};
	Manifest	whole = *manifest;
	char	   *sha256;

	whole.format = MANIFEST_FORMAT;
	whole.pre_data.raw_bytes = whole.pre_data.file_bytes;
	whole.post_data.raw_bytes = whole.post_data.file_bytes;
	steep_manifest_sum(manifest, &whole.total);
	/* Until it is known, as many zeros. */
	memset(whole.sha256, '0', SHA256_TEXT - 1);
	whole.sha256[SHA256_TEXT - 1] = '\0';
	if (!steep_json_write(&out, &steep_manifest_shape, &whole, failure) ||
		!steep_manifest_check(&whole, failure) ||
		!checksum(out.data, out.length - TAIL, whole.sha256, failure))
	{
		free(out.data);
		return false;
	}
	sha256 = out.data + out.length - TAIL + strlen(LAST);
	memcpy(sha256, whole.sha256, SHA256_TEXT - 1);
	*result = out.data;
	*length = out.length;
	return true;
}

/* Write it as one file. */
static bool
write_text(Directory *directory, const char *str, size_t length,
		   Failure *failure)
{
	FileName	name = steep_filename(FILE_MANIFEST);
	StreamWriter *writer;
	StreamTotals totals;
	bool		ok;

	if (!steep_writer_open(directory, &name, NULL, &writer, failure))
		return false;
	ok = steep_writer_put(writer, str, length, failure) &&
		steep_writer_finish(writer, &totals, failure);
	steep_writer_close(writer);
	return ok;
}

bool
steep_manifest_write(Directory *directory, const Manifest *manifest,
					 Failure *failure)
{
	char	   *str;
	size_t		length;
	bool		ok;

	if (!steep_manifest_print(manifest, &str, &length, failure))
		return false;
	ok = steep_directory_sweep(directory, failure) &&
		write_text(directory, str, length, failure);
	free(str);
	return ok;
}

/* See that the text is as it was written. */
static bool
check_text(const char *str, size_t length, Failure *failure)
{
	size_t		head = length - TAIL;
	char		sha256[SHA256_TEXT];

	if (length < strlen(HEAD) + TAIL ||
		memcmp(str, HEAD, strlen(HEAD)) != 0 ||
		memcmp(str + head, LAST, strlen(LAST)) != 0 ||
		memcmp(str + length - strlen(END), END, strlen(END)) != 0)
		return refuse(failure, "is cut off, or none of ours");
	if (!checksum(str, head, sha256, failure))
		return false;
	if (memcmp(str + head + strlen(LAST), sha256, SHA256_TEXT - 1) != 0)
		return refuse(failure, "was changed after it was written");
	return true;
}

/* A newer format has other fields, so it is told before they are. */
static bool
check_format(const char *str, Failure *failure)
{
	const char *format = str + strlen(HEAD);
	size_t		digits = strspn(format, "0123456789");

	if (digits == 1 && *format == '0' + MANIFEST_FORMAT)
		return true;
	steep_failure_set(failure, FAILURE_UNSUPPORTED,
					  "the snapshot's format is \"%.*s\"",
					  digits > 9 ? 9 : (int) digits, format);
	return steep_failure_detail(failure,
								"This release of steep_repl reads format %d.",
								MANIFEST_FORMAT);
}

bool
steep_manifest_parse(const char *str, size_t length, Manifest **result,
					 Failure *failure)
{
	Arena	   *arena;
	Manifest   *manifest;

	if (!check_text(str, length, failure) || !check_format(str, failure))
		return false;
	arena = steep_arena_create();
	manifest = arena ? steep_arena_get(arena, sizeof(Manifest)) : NULL;
	if (manifest == NULL)
		steep_failure_memory(failure);
	else if (steep_json_read(str, length, "manifest.json",
							 &steep_manifest_shape, manifest, arena, failure))
	{
		manifest->pre_data.raw_bytes = manifest->pre_data.file_bytes;
		manifest->post_data.raw_bytes = manifest->post_data.file_bytes;
		manifest->arena = arena;
		if (steep_manifest_check(manifest, failure))
		{
			*result = manifest;
			return true;
		}
	}
	steep_arena_free(arena);
	return false;
}

/* Read the whole file into memory that is to be freed. */
static bool
read_text(int fd, char **str, uint64_t size, Failure *failure)
{
	size_t		length = 0;
	ssize_t		got;

	if (size > MANIFEST_MAX_BYTES)
		return steep_failure_file(failure, FAILURE_LIMIT, "manifest.json",
								  "is longer than %d bytes",
								  MANIFEST_MAX_BYTES);
	*str = malloc((size_t) size + 1);
	if (*str == NULL)
		return steep_failure_memory(failure);
	do
	{
		got = read(fd, *str + length, (size_t) size + 1 - length);
		if (got > 0)
			length += (size_t) got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		steep_failure_errno(failure, "could not read file \"manifest.json\"");
	else if (length == size)
		return true;
	else
		refuse(failure, "was changed while it was read");
	free(*str);
	return false;
}

bool
steep_manifest_read(Directory *directory, Manifest **manifest,
					Failure *failure)
{
	FileName	name = steep_filename(FILE_MANIFEST);
	int			fd;
	uint64_t	size;
	char	   *str;
	bool		ok;

	if (!steep_oldfile_open(directory, &name, &fd, &size, failure))
		return false;
	ok = read_text(fd, &str, size, failure);
	close(fd);
	if (!ok)
		return false;
	ok = steep_manifest_parse(str, (size_t) size, manifest, failure);
	free(str);
	return ok;
}

void
steep_manifest_free(Manifest *manifest)
{
	if (manifest != NULL)
		steep_arena_free(manifest->arena);
}
