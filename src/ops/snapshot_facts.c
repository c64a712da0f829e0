/*-------------------------------------------------------------------------
 *
 * snapshot_facts.c
 *		What the manifest says beside tables: as JSON while the snapshot is
 *		written, and read from that at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
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
	char	  **value;

	if (!steep_books_bool(sequence[2]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for sequence \"%s\"",
						steep_sql_name(sequence[0], sequence[1])),
				 errhint("GRANT SELECT on the sequence, and USAGE on its schema, to the role \"%s\".",
						 GetUserNameFromId(GetUserId(), false))));
	value = steep_local_row(steep_copy_sequence_sql(sequence[0], sequence[1]),
							NULL, NIL);
	appendStringInfoChar(json, '{');
	add_text(json, "schema", sequence[0]);
	add_text(json, "name", sequence[1]);
	add_text(json, "last_value", value[0]);
	add_text(json, "is_called", value[1]);
	appendStringInfoChar(json, '}');
}

static void
add_sequences(StringInfo json, const char *relids)
{
	const char *values[] = {relids};
	Spool	   *spool = steep_spool_create("sequences");
	const char *separator = "";
	char	  **row;

	steep_local_rows(steep_copy_sequences_sql(), values, NIL, spool);
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
