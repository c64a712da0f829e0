/*-------------------------------------------------------------------------
 *
 * reader.c
 *		Reading a file of a snapshot and believing none of it.
 *
 *	file --> SHA-256, input --> codec --> get
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files/codec.h"
#include "files/newfile.h"
#include "files/stream.h"

#define INPUT_BYTES (128 * 1024)

struct StreamReader
{
	int			fd;
	FileName	name;
	StreamTotals expected;
	const Codec *codec;
	void	   *state;			/* the codec's */
	Sha256	   *sha;
	uint64_t	raw_bytes;		/* given so far */
	uint64_t	file_bytes;		/* read so far */
	bool		ended;			/* the codec has seen its end */
	bool		checked;		/* all is checked and right */
	CodecInput	in;				/* in input */
	uint8_t		input[INPUT_BYTES];
};

/* Say what is wrong with the file's contents. */
#define corrupt(reader, failure, ...) \
	steep_failure_file(failure, FAILURE_CORRUPT, (reader)->name.path, __VA_ARGS__)

/* Get what is needed once the file is open. */
static bool
start(StreamReader *reader, uint64_t size, Failure *failure)
{
	if (size != reader->expected.file_bytes)
		return corrupt(reader, failure,
					   "has %" PRIu64 " bytes instead of %" PRIu64, size,
					   reader->expected.file_bytes);
	reader->sha = steep_sha256_start(failure);
	if (reader->sha == NULL)
		return false;
	reader->state = reader->codec->unpack_start();
	return reader->state != NULL || steep_failure_memory(failure);
}

bool
steep_reader_open(Directory *directory, const FileName *name,
				  const StreamTotals *expected, StreamReader **result,
				  Failure *failure)
{
	StreamReader *reader;
	uint64_t	size;
	int			fd;

	if (steep_codec(name->method)->unpack == NULL)
		return steep_failure_set(failure, FAILURE_UNSUPPORTED,
								 "steep_repl was built without %s",
								 steep_codec(name->method)->name);
	if (!steep_oldfile_open(directory, name, &fd, &size, failure))
		return false;
	reader = malloc(sizeof(StreamReader));
	if (reader == NULL)
	{
		close(fd);
		return steep_failure_memory(failure);
	}
	memset(reader, 0, offsetof(StreamReader, input));
	reader->fd = fd;
	reader->name = *name;
	reader->expected = *expected;
	reader->codec = steep_codec(name->method);
	reader->in.data = reader->input;
	if (start(reader, size, failure))
	{
		*result = reader;
		return true;
	}
	steep_reader_close(reader);
	return false;
}

void
steep_reader_close(StreamReader *reader)
{
	if (reader == NULL)
		return;
	if (reader->state != NULL)
		reader->codec->unpack_free(reader->state);
	steep_sha256_free(reader->sha);
	close(reader->fd);
	free(reader);
}

/*
 * Read the next input.  Its last is set by what the file should hold; that it
 * holds no more is seen by check_end().
 */
static bool
fill(StreamReader *reader, Failure *failure)
{
	uint64_t	left = reader->expected.file_bytes - reader->file_bytes;
	size_t		wanted = left < INPUT_BYTES ? (size_t) left : INPUT_BYTES;
	ssize_t		got;

	do
		got = read(reader->fd, reader->input, wanted);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return steep_failure_errno(failure, "could not read file \"%s\"",
								   reader->name.path);
	if (got == 0 && wanted > 0)
		return corrupt(reader, failure, "became shorter while it was read");
	reader->file_bytes += (uint64_t) got;
	reader->in.used = 0;
	reader->in.length = (size_t) got;
	reader->in.last = reader->file_bytes == reader->expected.file_bytes;
	return steep_sha256_add(reader->sha, reader->input, (size_t) got, failure);
}

/* The codec has ended: see that all else has ended too, and is right. */
static bool
check_end(StreamReader *reader, Failure *failure)
{
	char		sha256[SHA256_TEXT];
	char		more;

	if (reader->in.used < reader->in.length || !reader->in.last)
		return corrupt(reader, failure, "has bytes after its end");
	if (read(reader->fd, &more, 1) > 0)
		return corrupt(reader, failure, "became longer while it was read");
	if (!steep_sha256_finish(reader->sha, sha256, failure))
		return false;
	if (strcmp(sha256, reader->expected.sha256) != 0)
		return corrupt(reader, failure,
					   "has another SHA-256 than the manifest says");
	if (reader->raw_bytes != reader->expected.raw_bytes)
		return corrupt(reader, failure,
					   "unpacks to %" PRIu64 " bytes instead of %" PRIu64,
					   reader->raw_bytes, reader->expected.raw_bytes);
	reader->checked = true;
	return true;
}

/*
 * Unpack some bytes, at most as many as the manifest leaves: when it leaves
 * none, there is room for one that must not come.
 */
static bool
unpack(StreamReader *reader, void *data, size_t capacity, size_t *length,
	   Failure *failure)
{
	uint64_t	left = reader->expected.raw_bytes - reader->raw_bytes;
	uint8_t		spare;
	CodecOutput out = {data, capacity, 0};
	size_t		before = reader->in.used;
	const char *reason = NULL;

	if (left == 0)
	{
		out.data = &spare;
		out.capacity = sizeof(spare);
	}
	else if (left < capacity)
		out.capacity = (size_t) left;
	if (!reader->codec->unpack(reader->state, &reader->in, &out,
							   &reader->ended, &reason))
		return corrupt(reader, failure, "does not unpack: %s", reason);
	if (left == 0 && out.used > 0)
		return corrupt(reader, failure,
					   "unpacks to more than %" PRIu64 " bytes",
					   reader->expected.raw_bytes);
	if (!reader->ended && out.used == 0 && reader->in.used == before &&
		(before < reader->in.length || reader->in.last))
		return corrupt(reader, failure, "does not unpack: it is cut off");
	*length = out.used;
	return true;
}

bool
steep_reader_get(StreamReader *reader, void *data, size_t capacity,
				 size_t *length, Failure *failure)
{
	*length = 0;
	while (*length == 0 && !reader->ended)
	{
		if (reader->in.used == reader->in.length && !reader->in.last &&
			!fill(reader, failure))
			return false;
		if (!unpack(reader, data, capacity, length, failure))
			return false;
		reader->raw_bytes += *length;
	}
	return *length > 0 || reader->checked || check_end(reader, failure);
}
