/*-------------------------------------------------------------------------
 *
 * writer.c
 *		Writing a file of a snapshot in one pass.
 *
 *	put --> pending --> codec --> output --> SHA-256, file
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "files/codec.h"
#include "files/newfile.h"
#include "files/stream.h"

#define OUTPUT_BYTES (256 * 1024)

struct StreamWriter
{
	NewFile		file;
	const Codec *codec;
	void	   *state;			/* the codec's */
	Sha256	   *sha;
	uint64_t	raw_bytes;
	uint64_t	file_bytes;
	bool		failed;			/* what is written has a hole */
	size_t		npending;
	size_t		noutput;
	struct Buffers *buffers;	/* NULL once the stream has ended */
};

struct Buffers
{
	uint8_t		pending[CODEC_PIECE];
	uint8_t		output[OUTPUT_BYTES];
};

/* Get what is needed once the file is created. */
static bool
start(StreamWriter *writer, int level, Failure *failure)
{
	writer->sha = steep_sha256_start(failure);
	if (writer->sha == NULL)
		return false;
	writer->buffers = malloc(sizeof(struct Buffers));
	if (writer->buffers == NULL)
		return steep_failure_memory(failure);
	writer->state = writer->codec->compress_start(level);
	return writer->state != NULL || steep_failure_memory(failure);
}

bool
steep_writer_open(Directory *directory, const FileName *name,
				  const Compression *compression, StreamWriter **result,
				  Failure *failure)
{
	Compression none = {COMPRESSION_NONE, 0};
	StreamWriter *writer;

	if (compression == NULL)
		compression = &none;
	if (compression->method != name->method)
		return steep_failure_set(failure, FAILURE_ARGUMENT,
								 "compression and name of file \"%s\" differ",
								 name->path);
	if (steep_codec(name->method)->compress == NULL)
		return steep_failure_set(failure, FAILURE_UNSUPPORTED,
								 "steep_repl was built without %s",
								 steep_codec(name->method)->name);
	writer = calloc(1, sizeof(StreamWriter));
	if (writer == NULL)
		return steep_failure_memory(failure);
	writer->codec = steep_codec(name->method);
	if (!steep_newfile_create(directory, name, &writer->file, failure))
	{
		free(writer);
		return false;
	}
	if (start(writer, compression->level, failure))
	{
		*result = writer;
		return true;
	}
	steep_writer_close(writer);
	return false;
}

/* Write what has come out of the codec. */
static bool
flush(StreamWriter *writer, Failure *failure)
{
	if (!steep_sha256_add(writer->sha, writer->buffers->output, writer->noutput,
						  failure) ||
		!steep_newfile_write(&writer->file, writer->buffers->output, writer->noutput,
							 failure))
		return false;
	writer->file_bytes += writer->noutput;
	writer->noutput = 0;
	return true;
}

/* Compress bytes, to the end of the stream if they are the last. */
static bool
compress(StreamWriter *writer, const uint8_t *data, size_t length, bool last,
		 Failure *failure)
{
	CodecInput	in = {data, length, 0, last};
	CodecOutput out = {writer->buffers->output, OUTPUT_BYTES, 0};
	bool		ended = false;

	while (in.used < length || (last && !ended))
	{
		if (OUTPUT_BYTES - writer->noutput < CODEC_ROOM &&
			!flush(writer, failure))
			return false;
		out.used = writer->noutput;
		if (!writer->codec->compress(writer->state, &in, &out, &ended, failure))
			return false;
		writer->noutput = out.used;
	}
	return true;
}

/*
 * Add bytes: gather them with what is pending, but compress whole pieces of a
 * long run from where they are.
 */
static bool
put(StreamWriter *writer, const uint8_t *data, size_t length, Failure *failure)
{
	while (length > 0)
	{
		size_t		piece = CODEC_PIECE - writer->npending;

		if (piece > length)
			piece = length;
		if (piece == CODEC_PIECE)
		{
			if (!compress(writer, data, piece, false, failure))
				return false;
		}
		else
		{
			memcpy(writer->buffers->pending + writer->npending, data, piece);
			writer->npending += piece;
		}
		if (writer->npending == CODEC_PIECE)
		{
			if (!compress(writer, writer->buffers->pending, CODEC_PIECE, false, failure))
				return false;
			writer->npending = 0;
		}
		data += piece;
		length -= piece;
	}
	return true;
}

/* A file with a hole must not be finished. */
static bool
is_usable(StreamWriter *writer, Failure *failure)
{
	return !writer->failed ||
		steep_failure_set(failure, FAILURE_IO,
						  "writing file \"%s\" has failed before",
						  writer->file.name.path);
}

bool
steep_writer_put(StreamWriter *writer, const void *data, size_t length,
				 Failure *failure)
{
	if (!is_usable(writer, failure))
		return false;
	writer->raw_bytes += length;
	writer->failed = !put(writer, data, length, failure);
	return !writer->failed;
}

/* Free what only the stream needs. */
static void
free_stream(StreamWriter *writer)
{
	if (writer->state != NULL)
		writer->codec->compress_free(writer->state);
	writer->state = NULL;
	steep_sha256_free(writer->sha);
	writer->sha = NULL;
	free(writer->buffers);
	writer->buffers = NULL;
}

bool
steep_writer_end(StreamWriter *writer, StreamTotals *totals, Failure *failure)
{
	if (!is_usable(writer, failure))
		return false;
	/* Whatever happens, this is the end of it. */
	writer->failed = true;
	if (!compress(writer, writer->buffers->pending, writer->npending, true, failure) ||
		!flush(writer, failure) ||
		!steep_sha256_finish(writer->sha, totals->sha256, failure))
		return false;
	totals->raw_bytes = writer->raw_bytes;
	totals->file_bytes = writer->file_bytes;
	free_stream(writer);
	steep_newfile_start_sync(&writer->file);
	return true;
}

bool
steep_writer_name(StreamWriter *writer, Failure *failure)
{
	return steep_newfile_publish(&writer->file, failure);
}

bool
steep_writer_sync_names(StreamWriter *writer, Failure *failure)
{
	return steep_newfile_sync_names(&writer->file, failure);
}

bool
steep_writer_finish(StreamWriter *writer, StreamTotals *totals,
					Failure *failure)
{
	return steep_writer_end(writer, totals, failure) &&
		steep_writer_name(writer, failure) &&
		steep_writer_sync_names(writer, failure);
}

void
steep_writer_close(StreamWriter *writer)
{
	if (writer == NULL)
		return;
	free_stream(writer);
	steep_newfile_close(&writer->file);
	free(writer);
}
