/*-------------------------------------------------------------------------
 *
 * manifest.h
 *		What is in a snapshot: manifest.json.
 *
 * The manifest is written last and appears under its name only when it is
 * whole and durable: without it a directory is no snapshot.  It names every
 * other file by its numbers, its size and its SHA-256, and guards itself by
 * its own last field,
 *
 *	  "manifest_sha256": "<the SHA-256 of all lines above this one>"
 *	}
 *
 * so "head -n -2 manifest.json | sha256sum" prints it.  That finds what
 * happens by accident and what is edited by hand.  It is no signature: who can
 * write to the directory and computes all checksums anew can say what he
 * likes, as with the manifest of a base backup.
 *
 * The format in short; manifest_format.c has all of it.  Every field is
 * there, in any order, once; unknown ones are refused, so is another version.
 * Numbers are whole and at most 2^53 - 1, so that every JSON reader keeps
 * them; what may be larger is a string.  Text is UTF-8 whatever the
 * database's encoding, without NUL, and no longer than said below; the files
 * are in the database's encoding.
 *
 *	{ "format": 1, "snapshot_id": "snap_20260131_235959_0a1b2c3d",
 *	  "created_at": "2026-01-31T23:59:59Z", "lsn": "1/2A000028",
 *	  "server_version": 150010, "system_identifier": "7311111111111111111",
 *	  "database": "app", "encoding": "UTF8", "compression": "zstd:1",
 *	  "extensions": [{"name": "citext", "version": "1.6"}],
 *	  "schema": {"pre-data.sql": {"bytes": 1, "sha256": "…"},
 *		"post-data.sql": {…}},
 *	  "tables": [
 *		{ "number": 1, "schema": "public", "name": "orders",
 *		  "columns": [{"name": "id", "type": "bigint"}],
 *		  "fingerprint": "…", "rows": 3, "digest": "…",
 *		  "chunks": [
 *			{ "file": "data/1.1.copy.zst", "rows": 3, "raw_bytes": 6,
 *			  "file_bytes": 19, "sha256": "…", "digest": "…" }]}],
 *	  "sequences": [{"schema": "public", "name": "orders_id_seq",
 *		"last_value": "3", "is_called": true}],
 *	  "left_out": [{"kind": "function", "object": "public.f(integer)"}],
 *	  "total": {"tables": 1, "chunks": 1, "rows": 3, "raw_bytes": 6,
 *		"file_bytes": 19},
 *	  "manifest_sha256": "…" }
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MANIFEST_H
#define STEEP_REPL_MANIFEST_H

#include "files/compression.h"
#include "files/directory.h"
#include "files/failure.h"
#include "files/stream.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_MAX_BYTES (256 * 1024 * 1024)
#define MANIFEST_MAX_NUMBER ((UINT64_C(1) << 53) - 1)
#define MANIFEST_MAX_NAME 255	/* bytes of a name of the database's */
#define MANIFEST_MAX_TEXT 65535 /* bytes of any other text */
#define MANIFEST_MAX_COLUMNS 1600

typedef struct ManifestColumn
{
	const char *name;
	const char *type;			/* as format_type() prints it, qualified */
} ManifestColumn;

typedef struct ManifestChunk
{
	FileName	name;			/* the number ascends in the table */
	uint64_t	rows;
	StreamTotals file;
	const char *digest;			/* of the rows; hex digits, or NULL */
} ManifestChunk;

typedef struct ManifestTable
{
	uint32_t	number;			/* ascending in the manifest, from 1 on */
	const char *schema;
	const char *name;
	const ManifestColumn *columns;	/* those in the files, in that order */
	size_t		ncolumns;
	const char *fingerprint;
	uint64_t	rows;			/* the sum over the chunks */
	const char *digest;			/* of the rows; hex digits, or NULL */
	const ManifestChunk *chunks;	/* may be none, if there are no rows */
	size_t		nchunks;
} ManifestTable;

typedef struct ManifestSequence
{
	const char *schema;
	const char *name;
	int64_t		last_value;
	bool		is_called;
} ManifestSequence;

typedef struct ManifestLeftOut
{
	const char *kind;			/* function, view, trigger, policy, ... */
	const char *object;			/* as a user would name it */
} ManifestLeftOut;

typedef struct ManifestExtension
{
	const char *name;
	const char *version;
} ManifestExtension;

typedef struct ManifestTotal
{
	uint64_t	tables;
	uint64_t	chunks;
	uint64_t	rows;
	uint64_t	raw_bytes;		/* of all chunks */
	uint64_t	file_bytes;
} ManifestTotal;

typedef struct Manifest
{
	uint32_t	format;			/* the writer says MANIFEST_FORMAT */
	const char *snapshot_id;	/* snap_YYYYMMDD_HHMMSS_<8 hex> */
	const char *created_at;		/* YYYY-MM-DDTHH:MM:SSZ */
	const char *lsn;
	uint32_t	server_version; /* as server_version_num */
	uint64_t	system_identifier;
	const char *database;
	const char *encoding;
	Compression compression;
	const ManifestExtension *extensions;	/* that the tables need */
	size_t		nextensions;
	StreamTotals pre_data;		/* schema/pre-data.sql */
	StreamTotals post_data;
	const ManifestTable *tables;
	size_t		ntables;
	const ManifestSequence *sequences;
	size_t		nsequences;
	const ManifestLeftOut *left_out;
	size_t		nleft_out;
	ManifestTotal total;		/* the writer sums it up itself, ... */
	char		sha256[SHA256_TEXT];	/* ... and takes this */
	struct Arena *arena;		/* of a manifest that was read; else NULL */
} Manifest;

/*
 * Write the manifest, which ends the snapshot.  Everything in it stays the
 * caller's.  What the reader would refuse is refused here too.  Removes what
 * dead writers have left first.
 */
extern bool steep_manifest_write(Directory *directory,
								 const Manifest *manifest, Failure *failure);

/*
 * Read the manifest and check all that can be checked without the other
 * files.  FAILURE_MISSING means that this is no snapshot, or half of one.
 */
extern bool steep_manifest_read(Directory *directory, Manifest **manifest,
								Failure *failure);
extern void steep_manifest_free(Manifest *manifest);

/* The same on text; free() the text. */
extern bool steep_manifest_print(const Manifest *manifest, char **str,
								 size_t *length, Failure *failure);
extern bool steep_manifest_parse(const char *str, size_t length,
								 Manifest **manifest, Failure *failure);

#endif							/* STEEP_REPL_MANIFEST_H */
