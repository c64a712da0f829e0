/*-------------------------------------------------------------------------
 *
 * compression.h
 *		Ways to compress a file, and how a user asks for one.
 *
 *	none | gzip[:1-9] | lz4[:1-12] | zstd[:1-19]
 *
 * Without a level gzip takes 6, lz4 and zstd 1.  What was compressed opens
 * with gzip -dc, lz4 -dc and zstd -dc.  Level 19 is the highest of zstd for
 * which both sides do with a window of 8 MB.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COMPRESSION_H
#define STEEP_REPL_COMPRESSION_H

#include <stdint.h>

#include "files/failure.h"

typedef enum CompressionMethod
{
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_LZ4,
	COMPRESSION_ZSTD
} CompressionMethod;

#define COMPRESSION_METHODS (COMPRESSION_ZSTD + 1)

typedef struct Compression
{
	CompressionMethod method;
	int			level;			/* 0 for none */
} Compression;

#define COMPRESSION_TEXT 16		/* room for a specification, and its end */

/* An unknown method or level is an error, so is one that is not built in. */
extern bool steep_compression_parse(const char *spec, Compression *compression,
									Failure *failure);

/* Write the specification with its level, as parse takes it. */
extern void steep_compression_print(const Compression *compression,
									char str[COMPRESSION_TEXT]);

/* What follows ".copy" in the name of a file: "", ".gz", ".lz4", ".zst". */
extern const char *steep_compression_suffix(CompressionMethod method);

/* The most bytes that a file of so many bytes can unpack to. */
extern uint64_t steep_compression_max_raw(CompressionMethod method,
										  uint64_t file_bytes);

#endif							/* STEEP_REPL_COMPRESSION_H */
