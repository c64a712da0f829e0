/*-------------------------------------------------------------------------
 *
 * filename.h
 *		The names of a snapshot's files, of which there are five kinds.
 *
 *	manifest.json
 *	schema/pre-data.sql
 *	schema/post-data.sql
 *	data/<table>.<chunk>.copy[.gz|.lz4|.zst]
 *	<one of these>.<8 hex digits>.tmp		while it is written
 *
 * <table> and <chunk> are numbers from 1 to 999,999,999 without leading
 * zeros.  A name is made here or recognized here; never is one built from the
 * name of a table, and never is one taken from a manifest as it stands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_FILENAME_H
#define STEEP_REPL_FILENAME_H

#include <stdbool.h>
#include <stdint.h>

#include "files/compression.h"

#define FILENAME_MAX_NUMBER 999999999

typedef enum FileKind
{
	FILE_MANIFEST,
	FILE_PRE_DATA,
	FILE_POST_DATA,
	FILE_CHUNK
} FileKind;

typedef struct FileName
{
	FileKind	kind;
	uint32_t	table;			/* of a chunk */
	uint32_t	chunk;
	CompressionMethod method;	/* of a chunk; the others are not compressed */
	char		path[64];		/* beneath the snapshot's directory */
} FileName;

extern FileName steep_filename(FileKind kind);
extern FileName steep_filename_chunk(uint32_t table, uint32_t chunk,
									 CompressionMethod method);
extern bool steep_filename_parse(const char *str, FileName *name);
extern bool steep_filename_is_temporary(const char *str);

/* The directory ("", "schema", "data") and the name in it. */
extern const char *steep_filename_directory(const FileName *name);
extern const char *steep_filename_base(const FileName *name);

#endif							/* STEEP_REPL_FILENAME_H */
