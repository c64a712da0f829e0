/*-------------------------------------------------------------------------
 *
 * client_apply.h
 *		Loading a snapshot from this program's disk.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CLIENT_APPLY_H
#define STEEP_REPL_CLIENT_APPLY_H

#include "cli/client.h"

/* A table that is loaded. */
typedef struct ApplyTable
{
	const ManifestTable *described;
	const char *name;			/* schema.name, unquoted: for messages */
	const char *relid;			/* NULL: does not exist */
	const char *shown;			/* qualified and quoted */
	const char *columns;		/* quoted; or "" */
	bool		may_read;
	bool		occupied;		/* has rows that somebody wants to keep */
	bool		triggers;		/* fire when rows are loaded */
	int			depth;			/* how many tables must be loaded before */
} ApplyTable;

/* A file that is loaded. */
typedef struct ApplyFile
{
	int			table;
	const ManifestChunk *chunk;
} ApplyFile;

typedef struct Apply
{
	Session    *session;
	Directory  *directory;
	Manifest   *manifest;
	int			parallel;
	bool		force;			/* add to tables that have rows */
	bool		verify;
	bool		chosen;			/* not all tables of the snapshot */
	bool		created;		/* all tables: the schema's files are run */
	ApplyTable *tables;
	int			count;
	ApplyFile  *files;
	int			nfiles;
} Apply;

/* client_target.c */
extern void steep_client_choose(Apply *apply, const Arguments *arguments);
extern void steep_client_look(Apply *apply);
extern void steep_client_check_targets(Apply *apply);
extern void steep_client_sequences(Apply *apply);

/* client_load.c */
extern void steep_client_verify_files(Apply *apply);
extern CopyTotals *steep_client_digest(Apply *apply, bool occupied_only);
extern void steep_client_load(Apply *apply);

#endif							/* STEEP_REPL_CLIENT_APPLY_H */
