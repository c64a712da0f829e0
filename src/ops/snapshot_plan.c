/*-------------------------------------------------------------------------
 *
 * snapshot_plan.c
 *		The steps of a snapshot that come before its rows: make the directory,
 *		list the tables, and cut them into chunks.
 *
 * A chunk is a file, and parts.h says what parts are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/parts.h"

#define PARTS_A_WORKER 8		/* so that they end at about the same time */

static const Statement mark_directory = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the directory",
	.text = "SELECT steep_repl.mark_directory($1, true)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement add_table = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record a table of the snapshot",
	.text = "SELECT steep_repl.add_snapshot_table($1, $2, $3, $4, $5, $6, $7, $8)",
	.nparams = 8,
	.params = {"text", "int", "oid", "text", "text", "text[]", "text[]", "text"},
};

static const Statement add_chunk = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record a chunk of the snapshot",
	.text = "SELECT steep_repl.add_snapshot_chunk($1, $2, $3, $4, $5, $6)",
	.nparams = 6,
	.params = {"text", "int", "int", "int", "bigint", "bigint"},
};

/* Is there nothing in a directory but what is made with it? */
static bool
note_entry(void *arg, const char *path)
{
	*(bool *) arg = false;
	return false;
}

/*
 * Make the snapshot's directory.
 *
 * If the job has done so before and then lost its record, the directory is
 * there and empty.
 */
void
steep_snapshot_make_directory(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	const DirectoryPlace *place = steep_snapshot_place(snapshot->path,
													   SNAPSHOT_WRITE);
	const char *values[] = {snapshot->id};
	Directory  *directory;
	Failure		failure;
	bool		empty = true;

	if ((step->attempt > 1 || step->job->attempt > 1) &&
		steep_directory_open(place, &directory, &failure))
	{
		if (steep_directory_list(directory, note_entry, &empty, &failure) &&
			empty)
			(void) steep_directory_remove(directory, &failure);
		steep_directory_close(directory);
	}
	(void) steep_held_create(place);
	(void) steep_books_none(&mark_directory, values, NIL);
}

/* Remove what a job has written; false, and a warning, if some of it stays. */
bool
steep_snapshot_remove(const FileSnapshot *snapshot)
{
	const DirectoryPlace *place = steep_snapshot_place(snapshot->path,
													   SNAPSHOT_CLEAN);
	Directory  *directory = NULL;
	Failure		failure;
	bool		removed;

	if (!snapshot->directory_made)
		return true;
	removed = steep_directory_open(place, &directory, &failure) &&
		steep_directory_remove(directory, &failure);
	steep_directory_close(directory);
	if (removed || failure.kind == FAILURE_MISSING)
		return true;
	ereport(WARNING,
			(errmsg("could not remove half of a snapshot from directory \"%s\": %s",
					snapshot->path, failure.message),
			 errhint("Remove the directory yourself.")));
	return false;
}

/* Record a chunk of a part. */
static void
record_chunk(const char *id, const Chunk *chunk, int part)
{
	const char *values[] = {
		id, psprintf("%d", chunk->table->number),
		psprintf("%d", chunk->number), psprintf("%d", part),
		chunk->first > 0 ? steep_books_number(chunk->first) : NULL,
		chunk->last > 0 ? steep_books_number(chunk->last) : NULL
	};

	(void) steep_local_none(&add_chunk, values, NIL);
}

/* Record the tables, and number them. */
static void
record_tables(const char *id, List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		SnapshotTable *table = lfirst(cell);
		const char *values[] = {
			id, psprintf("%d", foreach_current_index(cell) + 1), table->relid,
			table->schema, table->name, table->columns, table->types,
			table->fingerprint
		};

		(void) steep_local_none(&add_table, values, NIL);
		table->number = foreach_current_index(cell) + 1;
	}
}

/* Write down which tables the step that holds has to lock. */
static char *
hold_params(List *tables)
{
	StringInfoData params;
	ListCell   *cell;

	initStringInfo(&params);
	appendStringInfoString(&params, "{\"tables\": [");
	foreach(cell, tables)
		appendStringInfo(&params, "%s%s",
						 cell == list_head(tables) ? "" : ", ",
						 ((SnapshotTable *) lfirst(cell))->relid);
	appendStringInfoString(&params, "]}");
	return params.data;
}

/* Record the chunks of a part, and add the step that writes it. */
static void
plan_part(StepContext *step, const Part *part, int number)
{
	StepSpec	spec = {
		.stage = SNAPSHOT_STAGE_DATA,
		.kind = "data",
		.target = part->target,
		.params = psprintf("{\"part\": %d}", number),
		.weight = part->bytes + 8192 * list_length(part->chunks)
	};
	Books		books = steep_books_open();
	ListCell   *cell;

	foreach(cell, part->chunks)
		record_chunk(step->job->snapshot_id, lfirst(cell), number);
	steep_books_close(books);
	steep_job_add_step(step, &spec);
}

/* List the tables, cut them into chunks, and plan a step for each part. */
void
steep_snapshot_plan(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	StepSpec	hold = {.stage = SNAPSHOT_STAGE_DATA,.kind = "hold"};
	StepSpec	finalize = {.stage = SNAPSHOT_STAGE_FINALIZE,.kind = "finalize"};
	List	   *tables;
	Books		books;
	ListCell   *cell;

	steep_progress_phase("schema");
	tables = steep_snapshot_list_tables(steep_snapshot_relids(step->job->params));
	steep_progress_tables(list_length(tables), 0);
	books = steep_books_open();
	record_tables(snapshot->id, tables);
	steep_books_close(books);
	hold.params = hold_params(tables);
	steep_job_add_step(step, &hold);
	foreach(cell, steep_parts_cut(tables,
								  snapshot->parallel * PARTS_A_WORKER))
		plan_part(step, lfirst(cell), foreach_current_index(cell) + 1);
	steep_job_add_step(step, &finalize);
}
