/*-------------------------------------------------------------------------
 *
 * stream.h
 *		Writing a file of a snapshot in one pass, and reading it back.
 *
 * The writer compresses, counts and takes the SHA-256 of what goes into the
 * file as the bytes pass.  It writes to a temporary name; finish makes them
 * durable and gives the file its name, close without finish removes it.  So
 * there is a whole file or none, also after ENOSPC.
 *
 * The reader is told what the manifest says about the file and believes
 * neither.  It never gives more bytes than the manifest announces and never
 * takes more memory than a constant, whatever the file holds.  The end is
 * only reported once the size, the SHA-256, the end of the compressed stream
 * and the raw size have all been found right; whoever acts on the bytes before
 * that must be able to undo it.
 *
 * A writer holds two descriptors, a reader one.  Neither needs its Directory
 * any more once it is open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_STREAM_H
#define STEEP_REPL_STREAM_H

#include "files/compression.h"
#include "files/directory.h"
#include "files/failure.h"
#include "files/filename.h"
#include "files/sha256.h"

typedef struct StreamWriter StreamWriter;
typedef struct StreamReader StreamReader;

/* What the manifest says about a file. */
typedef struct StreamTotals
{
	uint64_t	raw_bytes;		/* before compression */
	uint64_t	file_bytes;
	char		sha256[SHA256_TEXT];	/* of the file, in hex */
} StreamTotals;

/*
 * Start a file.  compression's method must be that of the name; NULL stands
 * for none.  A file of that name is replaced when the new one is finished: a
 * step that runs again.
 */
extern bool steep_writer_open(Directory *directory, const FileName *name,
							  const Compression *compression,
							  StreamWriter **writer, Failure *failure);

/* Add bytes, few or many: short pieces are gathered.  */
extern bool steep_writer_put(StreamWriter *writer, const void *data,
							 size_t length, Failure *failure);

/* End the stream; fsync, rename, fsync the directory.  Then close. */
extern bool steep_writer_finish(StreamWriter *writer, StreamTotals *totals,
								Failure *failure);

/*
 * The same in three, for several files of one directory.  End the stream, and
 * have the system start to write the file out: what all have in common is made
 * durable by the fsync of the first.  Then name each; and then make the names
 * durable.
 */
extern bool steep_writer_end(StreamWriter *writer, StreamTotals *totals,
							 Failure *failure);
extern bool steep_writer_name(StreamWriter *writer, Failure *failure);
extern bool steep_writer_sync_names(StreamWriter *writer, Failure *failure);

extern void steep_writer_close(StreamWriter *writer);

extern bool steep_reader_open(Directory *directory, const FileName *name,
							  const StreamTotals *expected,
							  StreamReader **reader, Failure *failure);

/*
 * Get up to capacity bytes.  *length is 0 at the end and only there; then all
 * is checked.
 */
extern bool steep_reader_get(StreamReader *reader, void *data, size_t capacity,
							 size_t *length, Failure *failure);
extern void steep_reader_close(StreamReader *reader);

#endif							/* STEEP_REPL_STREAM_H */
