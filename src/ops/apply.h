/*-------------------------------------------------------------------------
 *
 * apply.h
 *		Snapshots that are applied: their files are loaded into this database.
 *
 * Stage by stage:
 *
 *	1	plan		record what the manifest says
 *	2	verify		a step a part: read files through
 *	3	schema		look at the tables that exist, create what is missing, set
 *					sequences
 *	4	weigh		digest the rows that tables have already
 *	5	load		a step a part: load files
 *	6	index		a step an index or key: build it
 *	7	references	a step a table that existed: look for missing parents
 *		finish		other constraints, foreign keys, comments, grants
 *	8	check		a step a table: gather statistics, compare the digest
 *	9	digest		a step a range of a large table
 *		analyze		a step a large table: gather statistics
 *	10	compare		a step a large table: compare the digest
 *
 * A file's rows commit together with the record that its step is complete, so
 * they are loaded exactly once, whatever crashes.  Nothing is taken back when
 * a job fails or is cancelled: what it has loaded stays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_APPLY_H
#define STEEP_REPL_APPLY_H

#include "base/script.h"
#include "ops/snapshot.h"

#define SNAPSHOT_APPLY "snapshot_apply"

#define APPLY_STAGE_PLAN 1
#define APPLY_STAGE_VERIFY 2
#define APPLY_STAGE_SCHEMA 3
#define APPLY_STAGE_WEIGH 4
#define APPLY_STAGE_LOAD 5
#define APPLY_STAGE_INDEX 6
#define APPLY_STAGE_FINISH 7
#define APPLY_STAGE_CHECK 8
#define APPLY_STAGE_DIGEST 9
#define APPLY_STAGE_COMPARE 10

/* What is applied: of an init, that copies from a node, the statements only. */
typedef struct ApplySource
{
	const char *path;			/* absolute */
	Directory  *directory;
	const Manifest *manifest;
	List	   *pre_data;		/* ScriptStatement */
	HTAB	   *wanted;			/* tables to load; NULL = all */
	bool		force;			/* tables may have rows */
} ApplySource;

/* A table as the record has it; in the encoding of the database. */
typedef struct ApplyTable
{
	const char *number;
	const char *schema;
	const char *name;
	const char *columns;		/* array */
	const char *types;			/* array */
	int64		rows;			/* that the snapshot has */
	int64		bytes;			/* of their text */
	const char *digest;			/* of them, or NULL */
	bool		created;		/* by this job */
	int64		rows_before;	/* that were there */
	const char *digest_before;	/* of them, or NULL if there were none */
} ApplyTable;

/* A file with rows. */
typedef struct ApplyChunk
{
	const char *number;
	const char *chunk;
	FileName	name;
	uint64		rows;
	StreamTotals file;
	const char *schema;
	const char *table;
	const char *columns;
	bool		created;
} ApplyChunk;

/* apply_source.c */
extern ApplySource *steep_apply_open(const char *path, Jsonb *options);
extern ApplySource *steep_apply_reopen(const FileSnapshot *snapshot);
extern List *steep_apply_script(const ApplySource *source, FileKind kind);
extern const char *steep_apply_local(const char *utf8);

/* apply_wanted.c */
extern HTAB *steep_apply_wanted(List *pre_data, ArrayType *names);

/* apply_plan.c */
extern ApplyTable *steep_apply_from_manifest(const ApplySource *source,
											 const ManifestTable *described);
extern void steep_apply_plan(StepContext *step);
extern const ApplyTable *steep_apply_step_table(const StepContext *step);
extern List *steep_apply_tables(const char *id);
extern List *steep_apply_chunks(const FileSnapshot *snapshot,
								const char *params);

/* apply_target.c */
extern bool steep_apply_check_target(const ApplyTable *table, bool force,
									 bool *triggers);

/* apply_schema.c */
extern bool steep_apply_is_created(HTAB *created, const ScriptObject *object);
extern HTAB *steep_apply_create(const ApplySource *source);
extern void steep_apply_schema(StepContext *step);

/* apply_load.c */
extern void steep_apply_verify(StepContext *step);
extern void steep_apply_load(StepContext *step);

/* apply_finish.c */
extern void steep_apply_add_statements(StepContext *step, HTAB *created,
									   List *post_data, int64 bytes,
									   int stage);
extern void steep_apply_run(StepContext *step);
extern void steep_apply_references(StepContext *step);

/* apply_check.c */
extern void steep_apply_weigh(StepContext *step);
extern void steep_apply_check(StepContext *step);
extern void steep_apply_analyze(StepContext *step);
extern void steep_apply_digest(StepContext *step);
extern void steep_apply_compare(StepContext *step);

/* apply_operation.c */
extern const Operation steep_apply_operation;

#endif							/* STEEP_REPL_APPLY_H */
