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

static const Statement mark_directory = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the directory",
	.text = "SELECT steep_repl.mark_directory($1, true)",
	.nparams = 1,
	.params = {"text"},
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

/* Record the tables, and number them. */
static void
record_tables(const char *id, List *tables)
{
	SnapshotRecords records;
	ListCell   *cell;

	steep_snapshot_begin_tables(&records, id);
	foreach(cell, tables)
	{
		SnapshotTable *table = lfirst(cell);
		const char *values[SNAPSHOT_TABLE_MEMBERS] = {
			psprintf("%d", foreach_current_index(cell) + 1), table->relid,
			table->schema, table->name, table->columns, table->types,
			table->fingerprint
		};

		steep_snapshot_add_record(&records, values);
		table->number = foreach_current_index(cell) + 1;
	}
	(void) steep_snapshot_end_records(&records);
}

/* Write down what the step that holds has to lock and to import. */
static char *
hold_params(List *tables, const FileSnapshot *snapshot)
{
	StringInfoData params;
	ListCell   *cell;

	initStringInfo(&params);
	appendStringInfoString(&params, "{\"tables\": [");
	foreach(cell, tables)
		appendStringInfo(&params, "%s%s",
						 cell == list_head(tables) ? "" : ", ",
						 ((SnapshotTable *) lfirst(cell))->relid);
	appendStringInfo(&params, "]%s}",
					 steep_snapshot_exported_params(snapshot->options));
	return params.data;
}

/* Record the chunks of a part, and add the step that writes it. */
static void
plan_part(StepContext *step, SnapshotRecords *records, const Part *part,
		  int number)
{
	StepSpec	spec = {
		.stage = SNAPSHOT_STAGE_DATA,
		.kind = "data",
		.target = part->target,
		.params = psprintf("{\"part\": %d}", number),
		.weight = part->bytes + 8192 * list_length(part->chunks)
	};
	ListCell   *cell;

	foreach(cell, part->chunks)
	{
		const Chunk *chunk = lfirst(cell);
		const char *values[SNAPSHOT_CHUNK_MEMBERS] = {
			psprintf("%d", chunk->table->number),
			psprintf("%d", chunk->number), psprintf("%d", number),
			chunk->first > 0 ? steep_books_number(chunk->first) : NULL,
			chunk->last > 0 ? steep_books_number(chunk->last) : NULL
		};

		steep_snapshot_add_record(records, values);
	}
	steep_job_add_step(step, &spec);
}

/* List the tables, cut them into chunks, and plan a step for each part. */
void
steep_snapshot_plan(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	StepSpec	hold = {.stage = SNAPSHOT_STAGE_DATA,.kind = "hold"};
	StepSpec	finalize = {.stage = SNAPSHOT_STAGE_FINALIZE,.kind = "finalize"};
	SnapshotRecords records;
	List	   *tables;
	ListCell   *cell;

	steep_progress_phase("schema");
	tables = steep_snapshot_list_tables(steep_snapshot_relids(step->job->params));
	steep_progress_tables(list_length(tables), 0);
	record_tables(snapshot->id, tables);
	hold.params = hold_params(tables, snapshot);
	steep_job_add_step(step, &hold);
	steep_snapshot_begin_chunks(&records, snapshot->id);
	foreach(cell, steep_parts_cut(tables, snapshot->parallel))
		plan_part(step, &records, lfirst(cell), foreach_current_index(cell) + 1);
	(void) steep_snapshot_end_records(&records);
	steep_job_add_step(step, &finalize);
}
