/*-------------------------------------------------------------------------
 *
 * snapshot_records.c
 *		Records of a snapshot's tables and files, many in one statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/json.h"

#include "jobs/ledger.h"
#include "ops/snapshot.h"

#define MOST_RECORDS 1000		/* of a statement */

static const Statement add_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record tables of the snapshot",
	.text = "SELECT steep_repl.add_snapshot_tables($1, $2)",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

static const Statement add_chunks = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record chunks of the snapshot",
	.text = "SELECT steep_repl.add_snapshot_chunks($1, $2)",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

/* Write down what has been gathered, as the extension's owner. */
static void
write_records(SnapshotRecords *records)
{
	const char *values[] = {records->id, NULL};

	if (records->count == 0)
		return;
	appendStringInfoChar(&records->json, ']');
	values[1] = records->json.data;
	records->total += steep_books_integer(steep_books_row(records->statement,
														  values)[0]);
	resetStringInfo(&records->json);
	records->count = 0;
}

/*
 * Prepare to record rows by a statement whose parameters are a snapshot and a
 * list of objects with these members; it returns a number.
 */
void
steep_snapshot_begin_records(SnapshotRecords *records, const char *id,
							 const Statement *statement,
							 const char *const *members, int nmembers)
{
	memset(records, 0, sizeof(SnapshotRecords));
	records->id = id;
	records->statement = statement;
	records->members = members;
	records->nmembers = nmembers;
	initStringInfo(&records->json);
}

/* Record a row: the values of the members, of which some may be NULL. */
void
steep_snapshot_add_record(SnapshotRecords *records, const char *const *values)
{
	StringInfo	json = &records->json;
	const char *separator = "";

	appendStringInfoString(json, records->count++ == 0 ? "[{" : ", {");
	for (int i = 0; i < records->nmembers; i++)
	{
		if (values[i] == NULL)
			continue;
		appendStringInfo(json, "%s\"%s\": ", separator, records->members[i]);
		escape_json(json, values[i]);
		separator = ", ";
	}
	appendStringInfoChar(json, '}');
	if (records->count == MOST_RECORDS)
		write_records(records);
}

/* All rows have been given; returns the sum of what the statement returned. */
int64
steep_snapshot_end_records(SnapshotRecords *records)
{
	write_records(records);
	pfree(records->json.data);
	return records->total;
}

/* Prepare to add tables. */
void
steep_snapshot_begin_tables(SnapshotRecords *records, const char *id)
{
	static const char *const members[SNAPSHOT_TABLE_MEMBERS] = {
		"number", "relid", "schema_name", "table_name", "columns", "types",
		"fingerprint", "digest"
	};

	steep_snapshot_begin_records(records, id, &add_tables, members,
								 lengthof(members));
}

/* Prepare to add chunks of tables. */
void
steep_snapshot_begin_chunks(SnapshotRecords *records, const char *id)
{
	static const char *const members[SNAPSHOT_CHUNK_MEMBERS] = {
		"number", "chunk", "part", "first_block", "last_block", "rows",
		"bytes", "file_bytes", "sha256"
	};

	steep_snapshot_begin_records(records, id, &add_chunks, members,
								 lengthof(members));
}
