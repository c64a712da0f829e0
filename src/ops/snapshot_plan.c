/*-------------------------------------------------------------------------
 *
 * snapshot_plan.c
 *		The steps of a snapshot that come before its rows: make the directory,
 *		list the tables, and cut them into chunks.
 *
 * A chunk is a file.  A large table has several, each a range of its blocks,
 * so that it keeps all workers busy; the last has no end, so it does not
 * matter how the table grows until the database snapshot is taken.  A part is
 * what one step writes: a chunk of a large table, or several small tables.
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
#include "ops/snapshot.h"

#define MB (INT64CONST(1024) * 1024)
#define PARTS_A_WORKER 8		/* so that they end at about the same time */
#define SMALLEST_PART (4 * MB)
#define LARGEST_PART (1024 * MB)
#define MOST_FILES 32			/* of a part */

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

/* A snapshot that is being planned. */
typedef struct Plan
{
	const StepContext *step;
	List	   *tables;			/* SnapshotTable, the files' numbers in order */
	int64		part_bytes;		/* how large a part should be */
	int			part;			/* number of the current one */
	int			files;			/* in the current one */
	int64		bytes;			/* of the current one */
	const char *target;			/* a table of the current one */
	List	   *parts;			/* StepSpec */
} Plan;

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

/* Have a step write the current part. */
static void
end_part(Plan *plan)
{
	StepSpec   *spec;

	if (plan->files == 0)
		return;
	spec = palloc0(sizeof(StepSpec));
	spec->stage = SNAPSHOT_STAGE_DATA;
	spec->kind = "data";
	spec->target = plan->files == 1 ? plan->target :
		psprintf("%s and %d more", plan->target, plan->files - 1);
	spec->params = psprintf("{\"part\": %d}", plan->part);
	spec->weight = plan->bytes + 8192 * plan->files;
	plan->parts = lappend(plan->parts, spec);
	plan->part++;
	plan->files = 0;
	plan->bytes = 0;
}

/* Add a chunk to the current part. */
static void
plan_chunk(Plan *plan, const SnapshotTable *table, int number, int chunk,
		   int64 first, int64 last, int64 bytes)
{
	const char *values[] = {
		plan->step->job->snapshot_id, psprintf("%d", number),
		psprintf("%d", chunk), psprintf("%d", plan->part),
		first > 0 ? steep_books_number(first) : NULL,
		last > 0 ? steep_books_number(last) : NULL
	};

	(void) steep_local_none(&add_chunk, values, NIL);
	if (plan->files == 0)
		plan->target = steep_sql_name(table->schema, table->name);
	plan->files++;
	plan->bytes += bytes;
	if (plan->bytes >= plan->part_bytes || plan->files >= MOST_FILES)
		end_part(plan);
}

/* Cut a table into chunks. */
static void
plan_table(Plan *plan, const SnapshotTable *table)
{
	int			number = table->number;
	int64		chunks = Min(table->bytes / plan->part_bytes, table->blocks);

	if (chunks <= 1)
	{
		plan_chunk(plan, table, number, 1, 0, 0, table->bytes);
		return;
	}
	end_part(plan);
	for (int64 i = 0; i < chunks; i++)
	{
		plan_chunk(plan, table, number, i + 1, table->blocks * i / chunks,
				   i + 1 < chunks ? table->blocks * (i + 1) / chunks : 0,
				   table->bytes / chunks);
		end_part(plan);
	}
}

static int
larger_first(const ListCell *a, const ListCell *b)
{
	const SnapshotTable *one = lfirst(a);
	const SnapshotTable *other = lfirst(b);

	if (one->bytes != other->bytes)
		return one->bytes > other->bytes ? -1 : 1;
	return one->number - other->number;
}

/* Record the tables, and number them. */
static int64
record_tables(const char *id, List *tables)
{
	int64		bytes = 0;
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
		bytes += table->bytes;
	}
	return bytes;
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

/* Add the steps that come after this one. */
static void
add_steps(const Plan *plan, const FileSnapshot *snapshot)
{
	StepSpec	hold = {
		.stage = SNAPSHOT_STAGE_DATA,.kind = "hold",
		.params = hold_params(plan->tables, snapshot)
	};
	StepSpec	finalize = {
		.stage = SNAPSHOT_STAGE_FINALIZE,.kind = "finalize"
	};
	ListCell   *cell;

	steep_job_add_step(plan->step, &hold);
	foreach(cell, plan->parts)
		steep_job_add_step(plan->step, lfirst(cell));
	steep_job_add_step(plan->step, &finalize);
}

/* List the tables, cut them into chunks, and plan a step for each part. */
void
steep_snapshot_plan(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	Plan		plan = {.step = step,.part = 1};
	List	   *by_size;
	int64		bytes;
	Books		books;
	ListCell   *cell;

	steep_progress_phase("schema");
	plan.tables = steep_snapshot_list_tables(steep_snapshot_relids(step->job->params));
	steep_progress_tables(list_length(plan.tables), 0);
	by_size = list_copy(plan.tables);
	books = steep_books_open();
	bytes = record_tables(snapshot->id, plan.tables);
	plan.part_bytes = bytes / (snapshot->parallel * PARTS_A_WORKER);
	plan.part_bytes = Max(plan.part_bytes, SMALLEST_PART);
	plan.part_bytes = Min(plan.part_bytes, LARGEST_PART);
	list_sort(by_size, larger_first);
	foreach(cell, by_size)
		plan_table(&plan, lfirst(cell));
	end_part(&plan);
	steep_books_close(books);
	add_steps(&plan, snapshot);
}
