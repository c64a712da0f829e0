/*-------------------------------------------------------------------------
 *
 * client_tables.c
 *		The tables of a snapshot that is written on this program's disk.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/client.h"

/* Columns of the list of tables. */
enum
{
	TABLE_RELID,
	TABLE_SCHEMA,
	TABLE_NAME,
	TABLE_SHOWN,
	TABLE_SELECT,
	TABLE_FINGERPRINT,
	TABLE_READABLE,
	TABLE_POLICIES,
	TABLE_BLOCKS,
	TABLE_BYTES
};

/*
 * $1 lists the tables that were asked for, and is null for all of users.  The
 * fingerprint is the one that the server's own snapshots have.
 */
static const char list_tables[] =
"SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname),"
" format('SELECT %s FROM ONLY %I.%I', a.names, n.nspname, c.relname),"
" encode(sha256(convert_to(a.definition, 'UTF8')), 'hex'),"
" has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),"
" row_security_active(c.oid),"
" CASE WHEN m.amname = 'heap'"
"  THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END,"
" coalesce(pg_table_size(c.oid), 0)"
" FROM pg_class AS c"
" JOIN pg_namespace AS n ON n.oid = c.relnamespace"
" LEFT JOIN pg_am AS m ON m.oid = c.relam"
" CROSS JOIN LATERAL"
"  (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names,"
"   coalesce(string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),"
"    ', ' ORDER BY a.attnum), '') AS definition"
"   FROM pg_attribute AS a"
"   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS a"
" WHERE c.relkind = 'r' AND c.relpersistence <> 't'"
" AND CASE WHEN $1::oid[] IS NOT NULL"
"  THEN c.oid = ANY ($1) OR c.oid IN (SELECT p.relid FROM unnest($1) AS w, pg_partition_tree(w) AS p)"
"  ELSE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS"
"   (SELECT FROM pg_depend AS d"
"    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') END"
" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

static const char list_columns[] =
"SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod)"
" FROM unnest($1::oid[]) WITH ORDINALITY AS t(relid, n)"
" JOIN pg_attribute AS a ON a.attrelid = t.relid"
" WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
" ORDER BY t.n, a.attnum";

static const char resolve_names[] =
"SELECT w.name, c.oid"
" FROM pg_catalog.unnest($1::text[]) AS w(name)"
" LEFT JOIN pg_catalog.pg_class AS c ON c.relkind IN ('r', 'p')"
" AND CASE WHEN w.name LIKE '%.*'"
"  THEN NOT c.relispartition AND c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.left(w.name, -2))"
"  ELSE c.oid = pg_catalog.to_regclass(w.name) END";

/*
 * Find the tables that --table names, as an array of OIDs; NULL if it was not
 * given.  Names are found by the caller's own search_path.
 */
const char *
steep_client_resolve(Session *session, const Arguments *arguments)
{
	const char **names = steep_text_memory((arguments->noptions + 1) * sizeof(char *));
	const char *values[1];
	PGresult   *rows;
	Text		relids = {0};
	int			count = 0;

	for (int i = 0; i < arguments->noptions; i++)
	{
		if (strcmp(arguments->options[i].option->name, "table") == 0)
			names[count++] = arguments->options[i].value;
	}
	if (count == 0)
		return NULL;
	values[0] = steep_text_array(count, names);
	rows = steep_query_run(session, resolve_names, 1, values);
	for (int row = 0; row < PQntuples(rows); row++)
	{
		if (PQgetisnull(rows, row, 1))
			steep_complain_fail(CODE_GENERAL, NULL, "table \"%s\" does not exist",
								PQgetvalue(rows, row, 0));
		steep_text_format(&relids, "%s%s", row == 0 ? "{" : ",", PQgetvalue(rows, row, 1));
	}
	steep_text_append(&relids, "}");
	return relids.data;
}

/* A table of which the role would see less than there is has no copy. */
static void
check_table(const PGresult *rows, int row)
{
	const char *name = PQgetvalue(rows, row, TABLE_SHOWN);

	if (PQgetvalue(rows, row, TABLE_READABLE)[0] != 't')
		steep_complain_fail(CODE_GENERAL,
							"GRANT SELECT on the table, and USAGE on its schema, or name others with --table.",
							"permission denied for table %s", name);
	if (PQgetvalue(rows, row, TABLE_POLICIES)[0] == 't')
		steep_complain_fail(CODE_GENERAL,
							"Connect as the table's owner or as a role with BYPASSRLS, or name others with --table.",
							"row level security hides rows of table %s", name);
}

static void
read_columns(Session *session, ClientTables *list)
{
	const char *values[] = {list->relids};
	PGresult   *rows = steep_query_run(session, list_columns, 1, values);
	int			row = 0;

	for (int i = 0; i < list->count; i++)
	{
		ClientTable *table = &list->tables[i];
		int			first = row;

		while (row < PQntuples(rows) && strcmp(PQgetvalue(rows, row, 0), table->relid) == 0)
			row++;
		table->described.ncolumns = row - first;
		table->columns = steep_text_memory((row - first + 1) * sizeof(ManifestColumn));
		table->described.columns = table->columns;
		for (int j = first; j < row; j++)
		{
			table->columns[j - first].name = PQgetvalue(rows, j, 1);
			table->columns[j - first].type = PQgetvalue(rows, j, 2);
		}
	}
}

/* List the tables, of an array of OIDs or all. */
ClientTables
steep_client_tables(Session *session, const char *asked)
{
	const char *values[] = {asked};
	PGresult   *rows = steep_query_run(session, list_tables, 1, values);
	ClientTables list = {.asked = asked,.count = PQntuples(rows)};
	Text		relids = {0};

	list.tables = steep_text_memory((list.count + 1) * sizeof(ClientTable));
	steep_text_append(&relids, "{");
	for (int row = 0; row < list.count; row++)
	{
		ClientTable *table = &list.tables[row];

		check_table(rows, row);
		table->relid = PQgetvalue(rows, row, TABLE_RELID);
		table->shown = PQgetvalue(rows, row, TABLE_SHOWN);
		table->select = PQgetvalue(rows, row, TABLE_SELECT);
		table->blocks = steep_client_number(rows, row, TABLE_BLOCKS);
		table->bytes = steep_client_number(rows, row, TABLE_BYTES);
		table->described.number = row + 1;
		table->described.schema = PQgetvalue(rows, row, TABLE_SCHEMA);
		table->described.name = PQgetvalue(rows, row, TABLE_NAME);
		table->described.fingerprint = PQgetvalue(rows, row, TABLE_FINGERPRINT);
		steep_text_format(&relids, "%s%s", row > 0 ? "," : "", table->relid);
	}
	steep_text_append(&relids, "}");
	list.relids = relids.data;
	read_columns(session, &list);
	return list;
}

/* Are two lists of tables the same, with all their columns? */
bool
steep_client_same_tables(const ClientTables *a, const ClientTables *b)
{
	if (strcmp(a->relids, b->relids) != 0)
		return false;
	for (int i = 0; i < a->count; i++)
	{
		if (strcmp(a->tables[i].select, b->tables[i].select) != 0 ||
			strcmp(a->tables[i].described.fingerprint, b->tables[i].described.fingerprint) != 0)
			return false;
	}
	return true;
}
