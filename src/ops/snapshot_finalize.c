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
	.text = "SELECT chunk, rows, bytes, file_bytes, sha256, digest\n"
	"FROM steep_repl.snapshot_chunks WHERE snapshot_id = $1 AND number = $2\n"
	"ORDER BY chunk",
	.nparams = 2,
	.params = {"text", "int"},
};

static const Statement record_digest = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the digest of a table",
	.text = "SELECT steep_repl.record_table_digest($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "int", "text"},
};

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

/* Read a table's files, and sum up their rows. */
static const ManifestChunk *
read_chunks(const FileSnapshot *snapshot, const char *number,
			ManifestTable *table, CopyTotals *totals)
{
	const char *values[] = {snapshot->id, number};
	List	   *rows = steep_books_rows(&list_chunks, values);
	ManifestChunk *chunks = palloc0((list_length(rows) + 1) * sizeof(ManifestChunk));
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
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
read_table(const FileSnapshot *snapshot, char **row, ManifestTable *table)
{
	CopyTotals totals = {0};
	char	   *digest = palloc(COPYDIGEST_TEXT);
	const char *values[] = {snapshot->id, row[0], digest};

	table->number = atoi(row[0]);
	table->schema = steep_snapshot_utf8(row[1]);
	table->name = steep_snapshot_utf8(row[2]);
	table->columns = read_columns(row[3], row[4], &table->ncolumns);
	table->fingerprint = row[5];
	table->chunks = read_chunks(snapshot, row[0], table, &totals);
	table->rows = totals.rows;
	steep_copydigest_print(&totals, digest);
	table->digest = digest;
	(void) steep_books_none(&record_digest, values, NIL);
}

static void
read_tables(const FileSnapshot *snapshot, Manifest *manifest)
{
	const char *values[] = {snapshot->id};
	List	   *rows = steep_books_rows(&list_tables, values);
	ManifestTable *tables = palloc0((list_length(rows) + 1) * sizeof(ManifestTable));
	ListCell   *cell;

	foreach(cell, rows)
		read_table(snapshot, lfirst(cell), &tables[foreach_current_index(cell)]);
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
