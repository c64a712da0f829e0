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

/* What the system has made, or an extension, the copy has or makes by itself. */
#define OF_USERS \
	"n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'\n" \
	"        AND NOT EXISTS\n" \
	"          (SELECT FROM pg_depend d\n" \
	"           WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid\n" \
	"             AND d.deptype = 'e')"

/*
 * $1 lists tables, of which partitioned ones stand for their partitions; null
 * stands for all tables of users.
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
	"        " OF_USERS "\n"
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

/*
 * Those that a column of a table in $1 owns, or a default depends on; a
 * partition has its root's columns.
 */
static const Statement sequences_sql = {
	.site = SITE_LOCAL,
	.purpose = "list the sequences",
	.text =
	"WITH owners AS MATERIALIZED\n"
	"  (SELECT t.relid FROM unnest($1) t(relid)\n"
	"   UNION\n"
	"   SELECT a.relid FROM unnest($1) t(relid), pg_partition_ancestors(t.relid) a)\n"
	"SELECT n.nspname, c.relname,\n"
	"       has_schema_privilege(n.oid, 'USAGE')\n"
	"         AND has_sequence_privilege(c.oid, 'SELECT')\n"
	"FROM pg_class c\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"WHERE c.relkind = 'S' AND c.relpersistence <> 't'\n"
	"  AND " OF_USERS "\n"
	"  AND (EXISTS\n"
	"      (SELECT FROM pg_depend d\n"
	"       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid\n"
	"         AND d.refclassid = 'pg_class'::regclass\n"
	"         AND d.refobjid IN (SELECT relid FROM owners)\n"
	"         AND d.deptype IN ('a', 'i'))\n"
	"    OR EXISTS\n"
	"      (SELECT FROM pg_depend d\n"
	"       JOIN pg_attrdef f ON f.oid = d.objid\n"
	"       WHERE d.classid = 'pg_attrdef'::regclass\n"
	"         AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid\n"
	"         AND f.adrelid IN (SELECT relid FROM owners)))\n"
	"ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	.nparams = 1,
	.params = {"oid[]"},
};

/*
 * The names of the tables in $1, or of all: of users, partitioned ones among
 * them, but no partitions.
 */
static const Statement names_sql = {
	.site = SITE_LOCAL,
	.purpose = "name the tables",
	.text =
	"SELECT format('%I.%I', n.nspname, c.relname)\n"
	"FROM pg_class c\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"WHERE CASE WHEN $1 IS NOT NULL THEN c.oid = ANY ($1)\n"
	"      ELSE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'\n"
	"        AND NOT c.relispartition AND " OF_USERS "\n"
	"      END\n"
	"ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	.nparams = 1,
	.params = {"oid[]"},
};

/* List the names of the tables that a snapshot creates. */
const Statement *
steep_copy_names_sql(void)
{
	return &names_sql;
}

/* List the sequences that a snapshot holds. */
const Statement *
steep_copy_sequences_sql(void)
{
	return &sequences_sql;
}

const Statement *				/*----------
								 * Read how far a sequence is.
								 *
								 *	SELECT last_value, is_called FROM <sequence>
								 *----------
								 */
steep_copy_sequence_sql(const char *schema, const char *sequence)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_LOCAL;
	statement->purpose = "read a sequence";
	statement->text = psprintf("SELECT last_value, is_called FROM %s",
							   steep_sql_name(schema, sequence));
	return statement;
}

const Statement *				/*----------
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
	statement->purpose = psprintf("read rows of %s",
								  steep_sql_name(schema, table));
	statement->text = text.data;

	statement->nparams = 2;
	statement->params[0] = "tid";
	statement->params[1] = "tid";
	return statement;
}
