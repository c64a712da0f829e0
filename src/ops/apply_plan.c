/*-------------------------------------------------------------------------
 *
 * apply_plan.c
 *		The first step of an apply: record what the manifest says.
 *
 * Later steps take names, sizes and checksums of files from the record.  A
 * part is what one step reads: a large file, or several small ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/apply.h"

#define PART_BYTES (UINT64CONST(8) * 1024 * 1024)
#define MOST_FILES 32			/* of a part */

static const Statement find_conflict = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for another apply",
	.text = "SELECT schema_name, table_name, other FROM steep_repl.apply_conflict($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement list_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the snapshot's tables",
	.text = "SELECT number, schema_name, table_name, columns, types, rows, digest,\n"
	"       created, rows_before, digest_before,\n"
	"       (SELECT sum(c.bytes) FROM steep_repl.snapshot_chunks c\n"
	"        WHERE c.snapshot_id = t.snapshot_id AND c.number = t.number)\n"
	"FROM steep_repl.snapshot_tables t\n"
	"WHERE snapshot_id = $1 AND ($2 IS NULL OR number = ($2 ->> 'number')::int)\n"
	"ORDER BY number",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

static const Statement list_chunks = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the files of a part",
	.text = "SELECT c.number, c.chunk, c.rows, c.bytes, c.file_bytes, c.sha256,\n"
	"       t.schema_name, t.table_name, t.columns, t.created\n"
	"FROM steep_repl.snapshot_chunks c\n"
	"JOIN steep_repl.snapshot_tables t USING (snapshot_id, number)\n"
	"WHERE c.snapshot_id = $1 AND c.part = ($2 ->> 'part')::int\n"
	"ORDER BY c.number, c.chunk",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

/* A part that is being planned. */
typedef struct Plan
{
	StepContext *step;
	SnapshotRecords files_added;
	int			part;			/* number of the current one */
	int			files;			/* in the current one */
	uint64		bytes;			/* of the current one, unpacked */
	const char *target;			/* a table of the current one */
} Plan;

/* A file, and whose it is. */
typedef struct PlannedFile
{
	const ManifestTable *table;
	const ManifestChunk *chunk;
} PlannedFile;

/* Write names or types of a table's columns as an array. */
static char *
column_array(const ManifestTable *table, bool types)
{
	List	   *texts = NIL;

	for (size_t i = 0; i < table->ncolumns; i++)
		texts = lappend(texts, unconstify(char *, steep_apply_local(types ?
																	table->columns[i].type :
																	table->columns[i].name)));
	return steep_sql_array(texts);
}

/* Say what the manifest says of a table; NULL if it is not wanted. */
ApplyTable *
steep_apply_from_manifest(const ApplySource *source,
						  const ManifestTable *described)
{
	ApplyTable *table = palloc0(sizeof(ApplyTable));
	ScriptObject object;

	table->schema = steep_apply_local(described->schema);
	table->name = steep_apply_local(described->name);
	object = steep_script_table(table->schema, table->name);
	if (source->wanted != NULL && !steep_script_has(source->wanted, &object))
		return NULL;
	table->number = psprintf("%u", described->number);
	table->columns = column_array(described, false);
	table->types = column_array(described, true);
	table->digest = described->digest;
	return table;
}

/* End the current part: one step looks at its files, one loads them. */
static void
end_part(Plan *plan)
{
	StepSpec	spec = {
		.kind = "verify",
		.stage = APPLY_STAGE_VERIFY,
		.params = psprintf("{\"part\": %d}", plan->part),
		.weight = plan->bytes / 8 + 1
	};

	if (plan->files == 0)
		return;
	spec.target = plan->files == 1 ? plan->target :
		psprintf("%s and %d more", plan->target, plan->files - 1);
	steep_job_add_step(plan->step, &spec);
	spec.kind = "load";
	spec.stage = APPLY_STAGE_LOAD;
	spec.weight = plan->bytes + 1;
	steep_job_add_step(plan->step, &spec);
	plan->part++;
	plan->files = 0;
	plan->bytes = 0;
}

static void
plan_file(Plan *plan, const PlannedFile *file)
{
	const ManifestChunk *chunk = file->chunk;
	const char *values[SNAPSHOT_CHUNK_MEMBERS] = {
		psprintf("%u", file->table->number),
		psprintf("%u", chunk->name.chunk), psprintf("%d", plan->part),
		NULL, NULL,
		steep_books_number(chunk->rows),
		steep_books_number(chunk->file.raw_bytes),
		steep_books_number(chunk->file.file_bytes), chunk->file.sha256
	};

	steep_snapshot_add_record(&plan->files_added, values);
	if (plan->files == 0)
		plan->target = steep_sql_name(steep_apply_local(file->table->schema),
									  steep_apply_local(file->table->name));
	plan->files++;
	plan->bytes += chunk->file.raw_bytes;
	if (plan->bytes >= PART_BYTES || plan->files >= MOST_FILES)
		end_part(plan);
}

static int
larger_first(const void *a, const void *b)
{
	const PlannedFile *one = a;
	const PlannedFile *other = b;

	if (one->chunk->file.raw_bytes != other->chunk->file.raw_bytes)
		return one->chunk->file.raw_bytes > other->chunk->file.raw_bytes ?
			-1 : 1;
	if (one->table->number != other->table->number)
		return one->table->number < other->table->number ? -1 : 1;
	return one->chunk->name.chunk < other->chunk->name.chunk ? -1 : 1;
}

static void
record_table(SnapshotRecords *records, const ApplyTable *table,
			 const char *fingerprint)
{
	const char *values[SNAPSHOT_TABLE_MEMBERS] = {
		table->number, NULL, table->schema, table->name, table->columns,
		table->types, fingerprint, table->digest
	};

	steep_snapshot_add_record(records, values);
}

/* Record the tables; returns their files. */
static PlannedFile *
record_tables(const char *id, const ApplySource *source, int *ntables,
			  int *nfiles)
{
	const Manifest *manifest = source->manifest;
	PlannedFile *files = MemoryContextAllocHuge(CurrentMemoryContext,
												(manifest->total.chunks + 1) * sizeof(PlannedFile));
	SnapshotRecords records;

	*ntables = *nfiles = 0;
	steep_snapshot_begin_tables(&records, id);
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *described = &manifest->tables[i];
		const ApplyTable *table = steep_apply_from_manifest(source, described);

		if (table == NULL)
			continue;
		record_table(&records, table, described->fingerprint);
		(*ntables)++;
		for (size_t j = 0; j < described->nchunks; j++)
			files[(*nfiles)++] = (PlannedFile)
		{
			described, &described->chunks[j]
		};
	}
	(void) steep_snapshot_end_records(&records);
	return files;
}

/* Two that load the same tables at once would both see them empty. */
static void
check_conflict(const char *id)
{
	const char *values[] = {id};
	char	  **row = steep_books_row(&find_conflict, values);

	if (row != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" is being loaded by \"%s\"",
						steep_sql_name(row[0], row[1]), row[2]),
				 errhint("Wait until that has ended.")));
}

/* Record tables and files, and plan the steps that can be planned now. */
void
steep_apply_plan(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	Plan		plan = {.step = step,.part = 1};
	StepSpec	schema = {.stage = APPLY_STAGE_SCHEMA,.kind = "schema"};
	int			ntables;
	int			nfiles;
	PlannedFile *files = record_tables(snapshot->id,
									   steep_apply_reopen(snapshot), &ntables,
									   &nfiles);

	check_conflict(snapshot->id);
	steep_progress_phase("verify");
	steep_progress_tables(ntables, 0);
	qsort(files, nfiles, sizeof(PlannedFile), larger_first);
	steep_snapshot_begin_chunks(&plan.files_added, snapshot->id);
	for (int i = 0; i < nfiles; i++)
		plan_file(&plan, &files[i]);
	end_part(&plan);
	(void) steep_snapshot_end_records(&plan.files_added);
	steep_snapshot_record_totals(snapshot->id);
	steep_job_add_step(step, &schema);
}

static ApplyTable *
take_table(char **row)
{
	ApplyTable *table = palloc0(sizeof(ApplyTable));

	table->number = row[0];
	table->schema = row[1];
	table->name = row[2];
	table->columns = row[3];
	table->types = row[4];
	table->rows = steep_books_integer(row[5]);
	table->digest = row[6];
	table->created = steep_books_bool(row[7]);
	table->rows_before = row[8] ? steep_books_integer(row[8]) : 0;
	table->digest_before = row[9];
	table->bytes = row[10] ? steep_books_integer(row[10]) : 0;
	return table;
}

/* Read the tables of the record, or one, as ApplyTables. */
static List *
read_tables(const char *id, const char *params)
{
	const char *values[] = {id, params};
	List	   *tables = NIL;
	ListCell   *cell;

	foreach(cell, steep_books_rows(&list_tables, values))
		tables = lappend(tables, take_table(lfirst(cell)));
	return tables;
}

List *
steep_apply_tables(const char *id)
{
	return read_tables(id, NULL);
}

/* Read the table that a step is about. */
const ApplyTable *
steep_apply_step_table(const StepContext *step)
{
	List	   *tables = read_tables(step->job->snapshot_id, step->params);

	if (list_length(tables) != 1)
		elog(ERROR, "table of step " INT64_FORMAT " is not recorded", step->id);
	return linitial(tables);
}

/* Read the files of a step's part, as ApplyChunks. */
List *
steep_apply_chunks(const FileSnapshot *snapshot, const char *params)
{
	const char *values[] = {snapshot->id, params};
	List	   *chunks = NIL;
	ListCell   *cell;

	foreach(cell, steep_books_rows(&list_chunks, values))
	{
		char	  **row = lfirst(cell);
		ApplyChunk *chunk = palloc0(sizeof(ApplyChunk));

		chunk->number = row[0];
		chunk->chunk = row[1];
		chunk->name = steep_filename_chunk(atoi(row[0]), atoi(row[1]),
										   snapshot->compression.method);
		chunk->rows = steep_books_integer(row[2]);
		chunk->file.raw_bytes = steep_books_integer(row[3]);
		chunk->file.file_bytes = steep_books_integer(row[4]);
		strlcpy(chunk->file.sha256, row[5], sizeof(chunk->file.sha256));
		chunk->schema = row[6];
		chunk->table = row[7];
		chunk->columns = row[8];
		chunk->created = steep_books_bool(row[9]);
		chunks = lappend(chunks, chunk);
	}
	return chunks;
}
