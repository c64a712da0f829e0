/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *		Snapshots in files: what those that are written and those that are
 *		applied have in common.
 *
 * A snapshot that is written, stage by stage:
 *
 *	1	directory	make the directory
 *	2	plan		list the tables, and cut large ones into chunks
 *	3	hold		take one database snapshot for all, and hold it
 *		data		a step a part: write the rows of some chunks
 *	4	finalize	write the manifest
 *
 * What is written from a database snapshot is worth nothing without the rest
 * of it.  So a job that lost it, or its workers, removes what is there and
 * starts over.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SNAPSHOT_H
#define STEEP_REPL_SNAPSHOT_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "base/held.h"
#include "jobs/operation.h"

#define SNAPSHOT_GENERATE "snapshot_generate"

#define SNAPSHOT_STAGE_DIRECTORY 1
#define SNAPSHOT_STAGE_PLAN 2
#define SNAPSHOT_STAGE_DATA 3
#define SNAPSHOT_STAGE_FINALIZE 4

/* A row of steep_repl.snapshots. */
typedef struct FileSnapshot
{
	const char *id;
	const char *path;
	Compression compression;
	int			parallel;
	bool		verify;
	const char *options;		/* jsonb */
	bool		directory_made;
} FileSnapshot;

/* A table that is written. */
typedef struct SnapshotTable
{
	const char *relid;
	const char *schema;
	const char *name;
	const char *columns;		/* array */
	const char *types;			/* array */
	const char *fingerprint;
	int64		blocks;			/* 0 = can't be cut */
	int64		bytes;			/* heap and TOAST */
	int			number;			/* in the names of its files */
} SnapshotTable;

/* What creates the tables elsewhere. */
typedef struct SnapshotSchema
{
	StreamTotals pre_data;
	StreamTotals post_data;
	List	   *extensions;		/* rows of name and version */
	List	   *left_out;		/* rows of kind and name */
} SnapshotSchema;

/* What a caller wants to do with a directory. */
typedef enum SnapshotAccess
{
	SNAPSHOT_READ,
	SNAPSHOT_WRITE,
	SNAPSHOT_CLEAN				/* remove what we have made: asks for nothing */
} SnapshotAccess;

/* snapshot.c */
extern char *steep_snapshot_new(const char *kind, const char *path,
								const char *compression, int parallel,
								bool verify, Jsonb *options);
extern FileSnapshot *steep_snapshot_load(const char *id);
extern Datum steep_snapshot_record(const char *id);
extern void steep_snapshot_mark(const char *id, const char *status,
								const JobError *error, bool left_behind);
extern void steep_snapshot_check_options(Jsonb *options,
										 const char *const *known);

/* snapshot_submit.c */
extern ArrayType *steep_snapshot_tables_option(Jsonb *options);

/* snapshot_place.c */
extern const DirectoryPlace *steep_snapshot_place(const char *path,
												  SnapshotAccess access);
extern char *steep_snapshot_path(const DirectoryPlace *place);

/* snapshot_tables.c */
extern char *steep_snapshot_relids(const char *params);
extern SnapshotTable *steep_snapshot_take_table(char **row);
extern List *steep_snapshot_list_tables(const char *relids);
extern List *steep_snapshot_planned_tables(const char *id);
extern bool steep_snapshot_same_tables(List *a, List *b);

/* snapshot_plan.c */
extern void steep_snapshot_make_directory(StepContext *step);
extern bool steep_snapshot_remove(const FileSnapshot *snapshot);
extern void steep_snapshot_plan(StepContext *step);

/* snapshot_hold.c */
extern void steep_snapshot_begin_hold(StepContext *step);
extern void steep_snapshot_hold(StepContext *step);
extern void steep_snapshot_record_hold(StepContext *step);

/* snapshot_facts.c */
extern char *steep_snapshot_collect_facts(const char *relids,
										  const SnapshotSchema *schema,
										  char **lsn);
extern const char *steep_snapshot_utf8(const char *text);
extern void steep_snapshot_read_facts(const FileSnapshot *snapshot,
									  Manifest *manifest);

/* snapshot_schema.c */
extern List *steep_snapshot_left_out(const char *relids);
extern SnapshotSchema *steep_snapshot_write_schema(const FileSnapshot *snapshot,
												   const char *relids);

/* snapshot_data.c */
extern void steep_snapshot_begin_data(StepContext *step);
extern void steep_snapshot_data(StepContext *step);
extern void steep_snapshot_record_data(StepContext *step);

/* snapshot_finalize.c */
extern void steep_snapshot_record_totals(const char *id);
extern void steep_snapshot_finalize(StepContext *step);

/* snapshot_operation.c */
extern const Operation steep_snapshot_operation;

#endif							/* STEEP_REPL_SNAPSHOT_H */
