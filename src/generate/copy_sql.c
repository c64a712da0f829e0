/*-------------------------------------------------------------------------
 *
 * copy_sql.c
 *		Statements that read tables for a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/copy_sql.h"

/*
 * $1 lists tables, of which partitioned ones stand for their partitions; null
 * stands for all tables of users.  What extensions have made, the copy makes
 * by creating them.
 *
 * Only of a heap it is known that its rows are found by ranges of blocks; of
 * others blocks is 0.
 */
static const Statement tables_sql = {
	.site = SITE_LOCAL,
	.purpose = "list the tables",
	.text =
	"SELECT c.oid, n.nspname, c.relname, a.columns, a.types,\n"
	"       encode(sha256(convert_to(a.definition, 'UTF8')), 'hex'),\n"
	"       has_schema_privilege(n.oid, 'USAGE')\n"
	"         AND (has_table_privilege(c.oid, 'SELECT') OR a.readable),\n"
	"       row_security_active(c.oid),\n"
	"       CASE WHEN m.amname = 'heap' THEN\n"
	"         pg_relation_size(c.oid) / current_setting('block_size')::int\n"
	"       ELSE 0 END,\n"
	"       coalesce(pg_table_size(c.oid), 0)\n"
	"FROM pg_class c\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"LEFT JOIN pg_am m ON m.oid = c.relam\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}') AS columns,\n"
	"          coalesce(array_agg(format_type(a.atttypid, a.atttypmod)\n"
	"                             ORDER BY a.attnum), '{}') AS types,\n"
	"          coalesce(string_agg(format('%I %s', a.attname,\n"
	"                                     format_type(a.atttypid, a.atttypmod)),\n"
	"                              ', ' ORDER BY a.attnum), '') AS definition,\n"
	"          bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT')) AS readable\n"
	"   FROM pg_attribute a\n"
	"   WHERE a.attrelid = c.oid AND a.attnum > 0\n"
	"     AND NOT a.attisdropped AND a.attgenerated = '') a\n"
	"WHERE c.relkind = 'r' AND c.relpersistence <> 't'\n"
	"  AND CASE WHEN $1 IS NOT NULL THEN\n"
	"        c.oid = ANY ($1) OR c.oid IN\n"
	"          (SELECT p.relid FROM unnest($1) w, pg_partition_tree(w) p)\n"
	"      ELSE\n"
	"        n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'\n"
	"        AND NOT EXISTS\n"
	"          (SELECT FROM pg_depend d\n"
	"           WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid\n"
	"             AND d.deptype = 'e')\n"
	"      END\n"
	"ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	.nparams = 1,
	.params = {"oid[]"},
};

/* List the tables that a snapshot holds. */
const Statement *
steep_copy_tables_sql(void)
{
	return &tables_sql;
}

const Statement *
/*----------
 * Read a table, from a block on ($1), or up to another ($2), or both.
 *
 *	SELECT <columns> FROM ONLY <table> WHERE ctid >= $1 AND ctid < $2
 *----------
 */
steep_copy_rows_sql(const char *schema, const char *table, List *columns,
					bool first, bool last)
{
	Statement  *statement = palloc0(sizeof(Statement));
	List	   *names = NIL;
	List	   *bounds = NIL;
	StringInfoData text;
	ListCell   *cell;

	foreach(cell, columns)
		names = lappend(names, steep_sql_ident(lfirst(cell)));
	if (first)
		bounds = lappend(bounds, "ctid >= $1");
	if (last)
		bounds = lappend(bounds, "ctid < $2");
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s", steep_sql_join(names, ", "));
	appendStringInfo(&text, "\nFROM ONLY %s", steep_sql_name(schema, table));
	if (bounds != NIL)
		appendStringInfo(&text, "\nWHERE %s", steep_sql_join(bounds, " AND "));
	statement->site = SITE_LOCAL;
	statement->purpose = "read rows";
	statement->text = text.data;
	statement->nparams = 2;
	statement->params[0] = "tid";
	statement->params[1] = "tid";
	return statement;
}
