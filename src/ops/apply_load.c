/*-------------------------------------------------------------------------
 *
 * apply_load.c
 *		The steps of an apply that read files through, and that load them.
 *
 * A file is only known to be right at its end.  Then all files have been read
 * once, before anything is written; and if one changes in between, the error
 * undoes what its step has loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/apply_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/apply.h"
#include "run/copyin.h"

#define PIECE (256 * 1024)

static const Statement record_loaded = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that the file is loaded",
	.text = "SELECT steep_repl.record_loaded($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "int", "int"},
};

/* Do something with each file of a part, in a memory context of its own. */
static void
for_each_chunk(StepContext *step, List *chunks,
			   void (*visit) (Directory *directory, const ApplyChunk *chunk))
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	Directory  *directory = steep_held_open(steep_snapshot_place(snapshot->path,
																 SNAPSHOT_READ));
	ListCell   *cell;

	steep_progress_units(step->weight);
	foreach(cell, chunks)
	{
		const ApplyChunk *chunk = lfirst(cell);
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "steep_repl file",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		steep_progress_table(steep_sql_name(chunk->schema, chunk->table));
		visit(directory, chunk);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
}

static size_t
get(StreamReader *reader, void *buffer, size_t room)
{
	size_t		length;
	Failure		failure;

	CHECK_FOR_INTERRUPTS();
	steep_held_check(steep_reader_get(reader, buffer, room, &length, &failure),
					 &failure);
	return length;
}

static void
verify_chunk(Directory *directory, const ApplyChunk *chunk)
{
	StreamReader *reader = steep_held_reader(directory, &chunk->name,
											 &chunk->file);
	char	   *piece = palloc(PIECE);
	size_t		length;

	while ((length = get(reader, piece, PIECE)) > 0)
		steep_progress_add_units(length / 8);
}

/* Read the files of a part through: that finds what is wrong with them. */
void
steep_apply_verify(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);

	for_each_chunk(step, steep_apply_chunks(snapshot, step->params),
				   verify_chunk);
}

/* Give COPY the next bytes (a CopyInSource). */
static int
give_text(void *arg, void *buffer, int room)
{
	size_t		length = get(arg, buffer, room);

	steep_progress_add_bytes(length);
	steep_progress_add_units(length);
	TEST_POINT("apply-load");
	return (int) length;
}

/* COPY ends at the end of the file, or at a mark before it that we don't write. */
static void
check_end(StreamReader *reader, const ApplyChunk *chunk, uint64 rows)
{
	char		more;

	if (get(reader, &more, 1) == 0 && rows == chunk->rows)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" has another number of rows than the manifest says",
					chunk->name.path),
			 errdetail("The manifest says " UINT64_FORMAT ", " UINT64_FORMAT " were read.",
					   chunk->rows, rows)));
}

static void
load_chunk(Directory *directory, const ApplyChunk *chunk)
{
	StreamReader *reader = steep_held_reader(directory, &chunk->name,
											 &chunk->file);
	uint64		rows = steep_copyin_run(chunk->schema, chunk->table,
										steep_image_names(chunk->columns),
										false, give_text, reader);

	check_end(reader, chunk, rows);
	steep_progress_add_rows(rows);
}

/*
 * Load the files of a part.  They are recorded at the end and in order, so
 * that no two steps wait for each other.
 */
void
steep_apply_load(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	List	   *chunks = steep_apply_chunks(snapshot, step->params);
	ListCell   *cell;

	steep_progress_phase("data");
	(void) steep_local_none(steep_apply_quiet_sql(), NULL, NIL);
	for_each_chunk(step, chunks, load_chunk);
	foreach(cell, chunks)
	{
		const ApplyChunk *chunk = lfirst(cell);
		const char *values[] = {snapshot->id, chunk->number, chunk->chunk};

		if (steep_books_bool(steep_books_row(&record_loaded, values)[0]))
			steep_progress_table_done();
	}
}
