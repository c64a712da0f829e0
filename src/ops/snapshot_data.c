/*-------------------------------------------------------------------------
 *
 * snapshot_data.c
 *		The steps of a snapshot that write rows.
 *
 * Each reads from the snapshot that the hold step holds.  Rows are formatted,
 * digested, compressed and written in one pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/copy_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/snapshot.h"
#include "run/copyout.h"

static const Statement list_chunks = {
	.site = SITE_LOCAL,
	.purpose = "read the chunks to write",
	.text = "SELECT c.number, c.chunk, c.first_block, c.last_block,\n"
	"       t.schema_name, t.table_name, t.columns\n"
	"FROM steep_repl.snapshot_chunks c\n"
	"JOIN steep_repl.snapshot_tables t USING (snapshot_id, number)\n"
	"WHERE c.snapshot_id = $1 AND c.part = ($2 ->> 'part')::int\n"
	"ORDER BY c.number, c.chunk",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

static const Statement record_chunks = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record files",
	.text = "SELECT steep_repl.record_chunks($1, $2)",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

/* The columns of list_chunks. */
enum
{
	CHUNK_NUMBER,
	CHUNK_CHUNK,
	CHUNK_FIRST,
	CHUNK_LAST,
	CHUNK_SCHEMA,
	CHUNK_TABLE,
	CHUNK_COLUMNS
};

/* A file that was written. */
typedef struct ChunkFile
{
	const char *number;
	const char *chunk;
	StreamWriter *writer;
	CopyTotals rows;
	StreamTotals file;
} ChunkFile;

/* Read from the snapshot that is held. */
void
steep_snapshot_begin_data(StepContext *step)
{
	steep_hold_join();
}

/* Take a piece of text (a CopyTextSink). */
static void
write_text(void *arg, const char *data, size_t length)
{
	Failure		failure;

	steep_held_check(steep_writer_put(arg, data, length, &failure), &failure);
	steep_progress_add_bytes(length);
	steep_progress_add_units(length);
	TEST_POINT("snapshot-write");
}

static const char *
block_tid(const char *block)
{
	return block ? psprintf("(%s,0)", block) : NULL;
}

/* Write the rows of one chunk. */
static void
write_rows(char **row, ChunkFile *file)
{
	const char *values[] = {
		block_tid(row[CHUNK_FIRST]), block_tid(row[CHUNK_LAST])
	};
	const Statement *query = steep_copy_rows_sql(row[CHUNK_SCHEMA],
												 row[CHUNK_TABLE],
												 steep_image_names(row[CHUNK_COLUMNS]),
												 values[0] != NULL,
												 values[1] != NULL);

	steep_progress_table(steep_sql_name(row[CHUNK_SCHEMA], row[CHUNK_TABLE]));
	steep_copyout_run(query, values, write_text, file->writer, &file->rows);
}

/* Write the file of one chunk, which has no name yet. */
static ChunkFile *
write_chunk(const FileSnapshot *snapshot, Directory *directory, char **row)
{
	ChunkFile  *file = palloc0(sizeof(ChunkFile));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl chunk",
												  ALLOCSET_DEFAULT_SIZES);
	FileName	name = steep_filename_chunk(atoi(row[CHUNK_NUMBER]),
											atoi(row[CHUNK_CHUNK]),
											snapshot->compression.method);
	MemoryContext old;
	Failure		failure;

	file->number = row[CHUNK_NUMBER];
	file->chunk = row[CHUNK_CHUNK];
	file->writer = steep_held_writer(directory, &name, &snapshot->compression);
	old = MemoryContextSwitchTo(context);
	write_rows(row, file);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	steep_held_check(steep_writer_end(file->writer, &file->file, &failure),
					 &failure);
	steep_progress_add_rows(file->rows.rows);
	return file;
}

/* Make all files of a part durable, and name them. */
static void
name_files(List *files)
{
	ListCell   *cell;
	Failure		failure;

	foreach(cell, files)
		steep_held_check(steep_writer_name(((ChunkFile *) lfirst(cell))->writer,
										   &failure), &failure);
	steep_held_check(steep_writer_sync_names(((ChunkFile *) linitial(files))->writer,
											 &failure), &failure);
}

/* Write the chunks of a part. */
void
steep_snapshot_data(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	const char *values[] = {snapshot->id, step->params};
	List	   *rows = steep_books_rows_now(&list_chunks, values);
	Directory  *directory = steep_held_open(steep_snapshot_place(snapshot->path,
																 SNAPSHOT_WRITE));
	List	   *files = NIL;
	ListCell   *cell;

	steep_progress_units(step->weight);
	foreach(cell, rows)
		files = lappend(files, write_chunk(snapshot, directory, lfirst(cell)));
	name_files(files);
	step->result = files;
}

/* Record the files of a part. */
void
steep_snapshot_record_data(StepContext *step)
{
	static const char *const members[] = {
		"number", "chunk", "rows", "bytes", "file_bytes", "sha256", "digest"
	};
	SnapshotRecords records;
	ListCell   *cell;

	steep_snapshot_begin_records(&records, step->job->snapshot_id,
								 &record_chunks, members, lengthof(members));
	foreach(cell, (List *) step->result)
	{
		const ChunkFile *file = lfirst(cell);
		char		digest[COPYDIGEST_TEXT];
		const char *values[] = {
			file->number, file->chunk,
			steep_books_number(file->rows.rows),
			steep_books_number(file->file.raw_bytes),
			steep_books_number(file->file.file_bytes),
			file->file.sha256, digest
		};

		steep_copydigest_print(&file->rows, digest);
		steep_snapshot_add_record(&records, values);
	}
	for (int64 done = steep_snapshot_end_records(&records); done > 0; done--)
		steep_progress_table_done();
}
