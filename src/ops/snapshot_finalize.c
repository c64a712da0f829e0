/*-------------------------------------------------------------------------
 *
 * snapshot_finalize.c
 *		The last step of a snapshot: write the manifest from the records.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/copytext.h"
#include "base/image.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/snapshot.h"

static const Statement list_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the snapshot's tables",
	.text = "SELECT number, schema_name, table_name, columns, types, fingerprint\n"
	"FROM steep_repl.snapshot_tables WHERE snapshot_id = $1 ORDER BY number",
	.nparams = 1,
	.params = {"text"},
};

static const Statement list_chunks = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the snapshot's files",
	.text = "SELECT chunk, rows, bytes, file_bytes, sha256, digest, number\n"
	"FROM steep_repl.snapshot_chunks WHERE snapshot_id = $1\n"
	"ORDER BY number, chunk",
	.nparams = 1,
	.params = {"text"},
};

static const Statement record_digests = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the digests of tables",
	.text = "SELECT steep_repl.record_table_digests($1, $2)",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

/* The files, table by table. */
typedef struct Files
{
	List	   *rows;
	int			next;			/* the first of those that are not read yet */
} Files;

static const Statement record_totals = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "sum up the snapshot",
	.text = "SELECT steep_repl.record_snapshot_totals($1)",
	.nparams = 1,
	.params = {"text"},
};

static const ManifestColumn *
read_columns(const char *names, const char *types, size_t *count)
{
	List	   *name_list = steep_image_names(names);
	List	   *type_list = steep_image_names(types);
	ManifestColumn *columns;
	ListCell   *name;
	ListCell   *type;

	*count = 0;
	columns = palloc0((list_length(name_list) + 1) * sizeof(ManifestColumn));
	forboth(name, name_list, type, type_list)
	{
		columns[*count].name = steep_snapshot_utf8(lfirst(name));
		columns[*count].type = steep_snapshot_utf8(lfirst(type));
		(*count)++;
	}
	return columns;
}

/* Are there more files of this table? */
static bool
has_next(const Files *files, const char *number)
{
	char	  **row;

	if (files->next == list_length(files->rows))
		return false;
	row = list_nth(files->rows, files->next);
	return strcmp(row[6], number) == 0;
}

/* Read a table's files, and sum up their rows. */
static const ManifestChunk *
read_chunks(const FileSnapshot *snapshot, const char *number, Files *files,
			ManifestTable *table, CopyTotals *totals)
{
	int			first = files->next;
	ManifestChunk *chunks;

	while (has_next(files, number))
		files->next++;
	chunks = palloc0((files->next - first + 1) * sizeof(ManifestChunk));
	for (int i = first; i < files->next; i++)
	{
		char	  **row = list_nth(files->rows, i);
		ManifestChunk *chunk = &chunks[table->nchunks++];

		chunk->name = steep_filename_chunk(table->number, atoi(row[0]),
										   snapshot->compression.method);
		chunk->rows = steep_books_integer(row[1]);
		chunk->file.raw_bytes = steep_books_integer(row[2]);
		chunk->file.file_bytes = steep_books_integer(row[3]);
		strlcpy(chunk->file.sha256, row[4], sizeof(chunk->file.sha256));
		chunk->digest = row[5];
		totals->rows += chunk->rows;
		steep_copytext_add_digest(totals, chunk->digest);
	}
	return chunks;
}

static void
read_table(const FileSnapshot *snapshot, char **row, Files *files,
		   ManifestTable *table)
{
	CopyTotals totals = {0};
	char	   *digest = palloc(COPYDIGEST_TEXT);

	table->number = atoi(row[0]);
	table->schema = steep_snapshot_utf8(row[1]);
	table->name = steep_snapshot_utf8(row[2]);
	table->columns = read_columns(row[3], row[4], &table->ncolumns);
	table->fingerprint = row[5];
	table->chunks = read_chunks(snapshot, row[0], files, table, &totals);
	table->rows = totals.rows;
	steep_copydigest_print(&totals, digest);
	table->digest = digest;
}

/* Read the tables and their files, and record what sums them up. */
static void
read_tables(const FileSnapshot *snapshot, Manifest *manifest)
{
	static const char *const members[] = {"number", "digest"};
	const char *values[] = {snapshot->id};
	List	   *rows = steep_books_rows(&list_tables, values);
	Files		files = {.rows = steep_books_rows(&list_chunks, values)};
	ManifestTable *tables = palloc0((list_length(rows) + 1) * sizeof(ManifestTable));
	SnapshotRecords records;
	ListCell   *cell;

	steep_snapshot_begin_records(&records, snapshot->id, &record_digests,
								 members, lengthof(members));
	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		ManifestTable *table = &tables[foreach_current_index(cell)];
		const char *record[] = {row[0], NULL};

		read_table(snapshot, row, &files, table);
		record[1] = table->digest;
		steep_snapshot_add_record(&records, record);
	}
	(void) steep_snapshot_end_records(&records);
	manifest->tables = tables;
	manifest->ntables = list_length(rows);
}

/* Sum up what the record says of tables and files. */
void
steep_snapshot_record_totals(const char *id)
{
	const char *values[] = {id};

	(void) steep_books_none(&record_totals, values, NIL);
}

/* Write the manifest: from then on this is a snapshot. */
void
steep_snapshot_finalize(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	Manifest	manifest = {0};
	Directory  *directory;
	Failure		failure;

	steep_progress_phase("finalizing");
	steep_snapshot_read_facts(snapshot, &manifest);
	read_tables(snapshot, &manifest);
	steep_snapshot_record_totals(snapshot->id);
	directory = steep_held_open(steep_snapshot_place(snapshot->path,
													 SNAPSHOT_WRITE));
	steep_held_check(steep_manifest_write(directory, &manifest, &failure),
					 &failure);
}
