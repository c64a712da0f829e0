/*-------------------------------------------------------------------------
 *
 * stream.c
 *		Fuzz the reader of a snapshot's files.
 *
 * The first byte of the input says how the file is compressed, the next two
 * how many bytes the manifest announces; the rest is the file.  Its size and
 * its SHA-256 are right, or nothing would be unpacked.  However it ends, no
 * more bytes may come than were announced, and when it ends well, as many.
 *
 *-------------------------------------------------------------------------
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "files/stream.h"

#define HEAD 3
#define PIECE 1000

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool ok)
{
	if (!ok)
		abort();
}

/* Make the directory, once; it stays in TMPDIR. */
static Directory *
open_directory(char path[256])
{
	static Directory *directory = NULL;
	static char base[128];
	DirectoryPlace place = {.base = base, .path = "fuzz"};
	Failure		failure;

	if (directory == NULL)
	{
		const char *tmp = getenv("TMPDIR");

		snprintf(base, sizeof(base), "%s/stream.XXXXXX", tmp ? tmp : "/tmp");
		need(mkdtemp(base) != NULL);
		need(steep_directory_create(&place, &directory, &failure));
	}
	snprintf(path, 256, "%s/fuzz", base);
	return directory;
}

/* Put the bytes where the reader will find them. */
static void
write_file(const char *directory, const FileName *name, const uint8_t *data,
		   size_t length)
{
	char		path[512];
	int			fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name->path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	need(fd >= 0 && ftruncate(fd, (off_t) length) == 0 &&
		 write(fd, data, length) == (ssize_t) length);
	close(fd);
}

static void
read_file(Directory *directory, const FileName *name,
		  const StreamTotals *totals)
{
	uint8_t		piece[PIECE];
	uint64_t	total = 0;
	size_t		length;
	StreamReader *reader;
	Failure		failure;
	bool		ok;

	need(steep_reader_open(directory, name, totals, &reader, &failure));
	do
	{
		ok = steep_reader_get(reader, piece, sizeof(piece), &length, &failure);
		total += length;
		need(length <= sizeof(piece) && total <= totals->raw_bytes);
	} while (ok && length > 0);
	need(!ok || total == totals->raw_bytes);
	steep_reader_close(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		path[256];
	Directory  *directory = open_directory(path);
	FileName	name;
	StreamTotals totals;
	Failure		failure;
	Sha256	   *sha;

	if (size < HEAD)
		return 0;
	name = steep_filename_chunk(1, 1, data[0] % COMPRESSION_METHODS);
	totals.raw_bytes = data[1] * 256u + data[2];
	totals.file_bytes = size - HEAD;
	sha = steep_sha256_start(&failure);
	need(sha != NULL &&
		 steep_sha256_add(sha, data + HEAD, size - HEAD, &failure) &&
		 steep_sha256_finish(sha, totals.sha256, &failure));
	steep_sha256_free(sha);
	write_file(path, &name, data + HEAD, size - HEAD);
	read_file(directory, &name, &totals);
	return 0;
}
