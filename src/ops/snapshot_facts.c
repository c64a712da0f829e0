/*-------------------------------------------------------------------------
 *
 * snapshot_facts.c
 *		What the manifest says beside tables: as JSON while the snapshot is
 *		written, and read from that at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "base/sqltext.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "ops/snapshot.h"

static const Statement node_facts = {
	.site = SITE_LOCAL,
	.purpose = "read what the snapshot is of",
	.text = "SELECT pg_current_wal_insert_lsn(),\n"
	"       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),\n"
	"       current_database()",
	.nparams = 0,
};

static const Statement read_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read what the snapshot is of",
	.text = "SELECT lsn, facts ->> 'created_at', facts ->> 'database',\n"
	"       facts -> 'pre_data' ->> 'bytes', facts -> 'pre_data' ->> 'sha256',\n"
	"       facts -> 'post_data' ->> 'bytes', facts -> 'post_data' ->> 'sha256'\n"
	"FROM steep_repl.snapshots WHERE snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement read_list = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read a list of facts",
	.text = "SELECT x ->> 'name', x ->> 'version', x ->> 'kind', x ->> 'object',\n"
	"       x ->> 'schema', x ->> 'last_value', x ->> 'is_called'\n"
	"FROM steep_repl.snapshots s,\n"
	"     jsonb_array_elements(s.facts -> $2) WITH ORDINALITY f(x, n)\n"
	"WHERE s.snapshot_id = $1 ORDER BY f.n",
	.nparams = 2,
	.params = {"text", "text"},
};

/* The columns of read_list. */
enum
{
	FACT_NAME,
	FACT_VERSION,
	FACT_KIND,
	FACT_OBJECT,
	FACT_SCHEMA,
	FACT_LAST_VALUE,
	FACT_IS_CALLED
};

/* Add a member whose value is a string. */
static void
add_text(StringInfo json, const char *name, const char *value)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	escape_json(json, value);
}

/* Add how far a sequence is. */
static void
add_sequence(StringInfo json, char **sequence)
{
	char	   *name = steep_sql_name(sequence[0], sequence[1]);
	char	  **value;

	if (!steep_books_bool(sequence[2]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for sequence \"%s\"", name),
				 errhint("GRANT SELECT on the sequence, and USAGE on its schema, to the role \"%s\".",
						 GetUserNameFromId(GetUserId(), false))));
	value = steep_local_row(steep_copy_sequence_sql(SITE_LOCAL, list_make1(name)),
							NULL, NIL);
	appendStringInfoChar(json, '{');
	add_text(json, "schema", sequence[0]);
	add_text(json, "name", sequence[1]);
	add_text(json, "last_value", value[1]);
	add_text(json, "is_called", value[2]);
	appendStringInfoChar(json, '}');
}

static void
add_sequences(StringInfo json, const char *relids)
{
	const char *values[] = {relids};
	Spool	   *spool = steep_spool_create("sequences");
	const char *separator = "";
	char	  **row;

	steep_local_rows(steep_copy_sequences_sql(SITE_LOCAL), values, NIL, spool);
	appendStringInfoString(json, ", \"sequences\": [");
	while ((row = steep_spool_next(spool)) != NULL)
	{
		appendStringInfoString(json, separator);
		add_sequence(json, row);
		separator = ", ";
	}
	appendStringInfoChar(json, ']');
	steep_spool_end(spool);
}

/* Add the size of a file of the schema. */
static void
add_file(StringInfo json, const char *name, const StreamTotals *file)
{
	appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": {");
	add_text(json, "bytes", steep_books_number(file->file_bytes));
	add_text(json, "sha256", file->sha256);
	appendStringInfoChar(json, '}');
}

/* Add a list of objects with two texts each. */
static void
add_pairs(StringInfo json, const char *member, const char *first,
		  const char *second, List *rows)
{
	ListCell   *cell;

	appendStringInfoString(json, ", ");
	escape_json(json, member);
	appendStringInfoString(json, ": [");
	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);

		appendStringInfoString(json, cell == list_head(rows) ? "{" : ", {");
		add_text(json, first, row[0]);
		add_text(json, second, row[1]);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/*
 * Collect what the manifest says of this node, the schema's files and the
 * sequences of tables.  A sequence is read after the snapshot was taken, so
 * it is not behind the rows.
 */
char *
steep_snapshot_collect_facts(const char *relids, const SnapshotSchema *schema,
							 char **lsn)
{
	char	  **row = steep_local_row(&node_facts, NULL, NIL);
	StringInfoData json;

	*lsn = row[0];
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "created_at", row[1]);
	add_text(&json, "database", row[2]);
	add_sequences(&json, relids);
	add_file(&json, "pre_data", &schema->pre_data);
	add_file(&json, "post_data", &schema->post_data);
	add_pairs(&json, "extensions", "name", "version", schema->extensions);
	add_pairs(&json, "left_out", "kind", "object", schema->left_out);
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
read_file(char **row, StreamTotals *file)
{
	file->raw_bytes = file->file_bytes = steep_books_integer(row[0]);
	strlcpy(file->sha256, row[1], sizeof(file->sha256));
}

static List *
read_members(const FileSnapshot *snapshot, const char *member)
{
	const char *values[] = {snapshot->id, member};

	return steep_books_rows(&read_list, values);
}

static void
read_sequences(const FileSnapshot *snapshot, Manifest *manifest)
{
	List	   *rows = read_members(snapshot, "sequences");
	ManifestSequence *sequences = palloc0((list_length(rows) + 1) * sizeof(ManifestSequence));
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		ManifestSequence *sequence = &sequences[manifest->nsequences++];

		sequence->schema = steep_snapshot_utf8(row[FACT_SCHEMA]);
		sequence->name = steep_snapshot_utf8(row[FACT_NAME]);
		sequence->last_value = steep_books_integer(row[FACT_LAST_VALUE]);
		sequence->is_called = steep_books_bool(row[FACT_IS_CALLED]);
	}
	manifest->sequences = sequences;
}

static void
read_extensions(const FileSnapshot *snapshot, Manifest *manifest)
{
	List	   *rows = read_members(snapshot, "extensions");
	ManifestExtension *extensions = palloc0((list_length(rows) + 1) * sizeof(ManifestExtension));
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		ManifestExtension *extension = &extensions[manifest->nextensions++];

		extension->name = steep_snapshot_utf8(row[FACT_NAME]);
		extension->version = steep_snapshot_utf8(row[FACT_VERSION]);
	}
	manifest->extensions = extensions;
}

static void
read_left_out(const FileSnapshot *snapshot, Manifest *manifest)
{
	List	   *rows = read_members(snapshot, "left_out");
	ManifestLeftOut *left_out = palloc0((list_length(rows) + 1) * sizeof(ManifestLeftOut));
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		ManifestLeftOut *object = &left_out[manifest->nleft_out++];

		object->kind = steep_snapshot_utf8(row[FACT_KIND]);
		object->object = steep_snapshot_utf8(row[FACT_OBJECT]);
	}
	manifest->left_out = left_out;
}

/* Give the manifest what was collected. */
void
steep_snapshot_read_facts(const FileSnapshot *snapshot, Manifest *manifest)
{
	const char *values[] = {snapshot->id};
	char	  **row = steep_books_row(&read_node, values);

	manifest->format = MANIFEST_FORMAT;
	manifest->snapshot_id = snapshot->id;
	manifest->lsn = row[0];
	manifest->created_at = row[1];
	manifest->server_version = (uint32) strtoul(GetConfigOption("server_version_num", false, false), NULL, 10);
	manifest->system_identifier = GetSystemIdentifier();
	manifest->database = steep_snapshot_utf8(row[2]);
	manifest->encoding = GetDatabaseEncodingName();
	manifest->compression = snapshot->compression;
	read_file(&row[3], &manifest->pre_data);
	read_file(&row[5], &manifest->post_data);
	read_sequences(snapshot, manifest);
	read_extensions(snapshot, manifest);
	read_left_out(snapshot, manifest);
}

/* Manifests are in UTF-8, whatever the database is in. */
const char *
steep_snapshot_utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}
