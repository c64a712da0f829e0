/*-------------------------------------------------------------------------
 *
 * client_facts.c
 *		What a manifest says beside tables, asked over a connection.
 *
 * The statements that create the tables are made by the extension.  Without it,
 * or without the right to call it, the schema's files are empty, and the
 * manifest says that the tables' definitions are left out.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"

/* $1 are the tables that were asked for, or null. */
#define NAMES \
	"ARRAY(SELECT format('%I.%I', n.nspname, c.relname)" \
	" FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	" WHERE CASE WHEN $1::oid[] IS NOT NULL THEN c.oid = ANY ($1)" \
	"  ELSE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition" \
	"   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS" \
	"    (SELECT FROM pg_depend AS d" \
	"     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') END" \
	" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\")"

static const char may_generate[] =
"SELECT count(*) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
" WHERE n.nspname = 'steep_repl' AND p.proname IN ('table_ddl', 'table_ddl_omissions')"
" AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')";

static const char list_statements[] =
"SELECT d.section, d.statement FROM steep_repl.table_ddl(" NAMES ") AS d";

static const char list_extensions[] =
"SELECT x.extname, x.extversion FROM steep_repl.table_ddl(" NAMES ") AS d"
" JOIN pg_extension AS x ON quote_ident(x.extname) = d.object WHERE d.kind = 'extension'";

static const char list_omissions[] =
"SELECT o.kind, o.object FROM steep_repl.table_ddl_omissions(" NAMES ") AS o"
" WHERE $1::oid[] IS NULL OR o.scope <> 'database'";

/*
 * Those that a column of a table in $1 owns, or a default depends on; a
 * partition has its root's columns.
 */
static const char list_sequences[] =
"WITH owners AS MATERIALIZED"
" (SELECT a.relid FROM unnest($1::oid[]) AS t(relid), pg_partition_ancestors(t.relid) AS a"
"  UNION SELECT unnest($1))"
" SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname),"
" has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT')"
" FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
" WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid IN"
"  (SELECT d.objid FROM pg_depend AS d"
"   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
"   AND d.deptype IN ('a', 'i') AND d.refobjid IN (SELECT relid FROM owners)"
"   UNION"
"   SELECT d.refobjid FROM pg_depend AS d JOIN pg_attrdef AS f ON f.oid = d.objid"
"   WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass"
"   AND f.adrelid IN (SELECT relid FROM owners))"
" AND NOT EXISTS (SELECT FROM pg_depend AS d"
"  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

static const char node_facts[] =
"SELECT to_char(now() AT TIME ZONE 'UTC', '\"snap_\"YYYYMMDD_HH24MISS_')"
"  || left(gen_random_uuid()::text, 8),"
" to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
" CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END,"
" current_setting('server_version_num'),"
" (SELECT system_identifier FROM pg_control_system()),"
" current_database(), getdatabaseencoding()";

static void
write_file(Directory *directory, FileKind kind, const Text *text,
		   StreamTotals *totals)
{
	FileName	name = steep_filename(kind);
	StreamWriter *writer = NULL;
	Failure		failure;
	bool		ok = steep_writer_open(directory, &name, NULL, &writer, &failure) &&
		steep_writer_put(writer, text->data, text->length, &failure) &&
		steep_writer_finish(writer, totals, &failure);

	steep_client_check(ok, &failure);
	steep_writer_close(writer);
}

/* Collect the statements, in the encoding of the database. */
static void
collect_statements(Session *session, const ClientTables *tables,
				   const char *encoding, Text *pre_data, Text *post_data)
{
	const char *values[] = {tables->asked};
	PGresult   *rows;

	if (PQsetClientEncoding(session->conn, encoding) != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not set the encoding: %s",
							PQerrorMessage(session->conn));
	rows = steep_query_run(session, list_statements, 1, values);
	for (int row = 0; row < PQntuples(rows); row++)
	{
		Text	   *text = strcmp(PQgetvalue(rows, row, 0), "pre-data") == 0 ? pre_data : post_data;

		steep_text_append(text, PQgetvalue(rows, row, 1));
		steep_text_append(text, ";\n");
	}
	PQclear(rows);
	steep_client_connect(session);
}

/* List what the generated files need and leave out. */
static void
read_lists(Session *session, const ClientTables *tables, Manifest *manifest)
{
	const char *values[] = {tables->asked};
	PGresult   *rows = steep_query_run(session, list_extensions, 1, values);
	int			count = PQntuples(rows);
	ManifestExtension *extensions = steep_text_memory((count + 1) * sizeof(ManifestExtension));
	ManifestLeftOut *left_out;

	for (int row = 0; row < count; row++)
	{
		extensions[row].name = PQgetvalue(rows, row, 0);
		extensions[row].version = PQgetvalue(rows, row, 1);
	}
	manifest->extensions = extensions;
	manifest->nextensions = count;
	rows = steep_query_run(session, list_omissions, 1, values);
	count = PQntuples(rows);
	left_out = steep_text_memory((count + 1) * sizeof(ManifestLeftOut));
	for (int row = 0; row < count; row++)
	{
		left_out[row].kind = PQgetvalue(rows, row, 0);
		left_out[row].object = PQgetvalue(rows, row, 1);
	}
	manifest->left_out = left_out;
	manifest->nleft_out = count;
	if (count > 0 && !session->quiet)
		steep_complain_warn("The manifest lists all of them.",
							"snapshot leaves out %d object%s of the database",
							count, count == 1 ? "" : "s");
}

/* Say that no table's definition is in the files. */
static void
leave_out_tables(const ClientTables *tables, Manifest *manifest)
{
	ManifestLeftOut *left_out = steep_text_memory((tables->count + 1) * sizeof(ManifestLeftOut));

	for (int i = 0; i < tables->count; i++)
	{
		left_out[i].kind = "definition of table";
		left_out[i].object = tables->tables[i].shown;
	}
	manifest->left_out = left_out;
	manifest->nleft_out = tables->count;
	steep_complain_warn("Create the tables before it is applied; or create the extension here, and GRANT USAGE on its schema and EXECUTE on its functions table_ddl and table_ddl_omissions.",
						"snapshot has rows only: this role cannot call steep_repl.table_ddl()");
}

/* Write the files that create the tables. */
void
steep_client_schema(Session *session, Directory *directory,
					const ClientTables *tables, Manifest *manifest)
{
	Text		pre_data = {0};
	Text		post_data = {0};

	steep_text_format(&pre_data, "SET client_encoding = '%s';\nSET search_path = pg_catalog;\n",
					  manifest->encoding);
	steep_text_append(&post_data, pre_data.data);
	if (strcmp(steep_client_value(session, may_generate, 0, NULL), "2") == 0)
	{
		collect_statements(session, tables, manifest->encoding, &pre_data, &post_data);
		read_lists(session, tables, manifest);
	}
	else
		leave_out_tables(tables, manifest);
	write_file(directory, FILE_PRE_DATA, &pre_data, &manifest->pre_data);
	write_file(directory, FILE_POST_DATA, &post_data, &manifest->post_data);
}

/* Read how far the sequences are: after the snapshot, so not behind the rows. */
static void
read_sequences(Session *session, const ClientTables *tables, Manifest *manifest)
{
	const char *values[] = {tables->relids};
	PGresult   *rows = steep_query_run(session, list_sequences, 1, values);
	int			count = PQntuples(rows);
	ManifestSequence *sequences = steep_text_memory((count + 1) * sizeof(ManifestSequence));

	for (int row = 0; row < count; row++)
	{
		Text		statement = {0};
		PGresult   *value;

		if (PQgetvalue(rows, row, 3)[0] != 't')
			steep_complain_fail(CODE_GENERAL, "GRANT SELECT on the sequence, and USAGE on its schema.",
								"permission denied for sequence %s", PQgetvalue(rows, row, 2));
		steep_text_format(&statement, "SELECT last_value, is_called FROM %s", PQgetvalue(rows, row, 2));
		value = steep_query_run(session, statement.data, 0, NULL);
		sequences[row].schema = PQgetvalue(rows, row, 0);
		sequences[row].name = PQgetvalue(rows, row, 1);
		sequences[row].last_value = steep_client_number(value, 0, 0);
		sequences[row].is_called = PQgetvalue(value, 0, 1)[0] == 't';
	}
	manifest->sequences = sequences;
	manifest->nsequences = count;
}

/* Ask what the snapshot is of. */
void
steep_client_facts(Session *session, const ClientTables *tables,
				   Manifest *manifest)
{
	PGresult   *row = steep_query_run(session, node_facts, 0, NULL);

	manifest->format = MANIFEST_FORMAT;
	manifest->snapshot_id = PQgetvalue(row, 0, 0);
	manifest->created_at = PQgetvalue(row, 0, 1);
	manifest->lsn = PQgetvalue(row, 0, 2);
	manifest->server_version = (uint32_t) steep_client_number(row, 0, 3);
	manifest->system_identifier = strtoull(PQgetvalue(row, 0, 4), NULL, 10);
	manifest->database = PQgetvalue(row, 0, 5);
	manifest->encoding = PQgetvalue(row, 0, 6);
	read_sequences(session, tables, manifest);
}
