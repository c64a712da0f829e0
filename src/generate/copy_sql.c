/*-------------------------------------------------------------------------
 *
 * copy_sql.c
 *		Statements that read tables to copy them.
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
	.result = "relid oid, schema name, name name, columns text[], types text[], "
	"fingerprint text, readable bool, policies bool, blocks int8, bytes int8",
	.nparams = 1,
	.params = {"oid[]"},
};

/* Have a statement run on a node. */
static const Statement *
at_site(const Statement *statement, Site site)
{
	Statement  *copy = palloc(sizeof(Statement));

	*copy = *statement;
	copy->site = site;
	return copy;
}

static const Statement *
peer_command(const char *purpose, const char *text)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_PEER;
	statement->purpose = purpose;
	statement->text = text;

	return statement;
}

/* List the tables that a copy holds. */
const Statement *
steep_copy_tables_sql(Site site)
{
	return at_site(&tables_sql, site);
}

/*----------
 * Say in one word how the tables in $1 are, to see whether they change.
 *
 *	SELECT <hash of names and columns> FROM (<steep_copy_tables_sql()>)
 *----------
 */
const Statement *
steep_copy_state_sql(Site site)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = "look whether the tables have changed";
	statement->text =
		psprintf("SELECT encode(sha256(convert_to(string_agg(\n"
				 "  concat_ws('.', t.schema, t.name, t.fingerprint), ','\n"
				 "  ORDER BY t.schema COLLATE \"C\", t.name COLLATE \"C\"), 'UTF8')), 'hex')\n"
				 "FROM (%s) t(relid, schema, name, columns, types, fingerprint)",
				 tables_sql.text);
	statement->result = "state text";
	statement->nparams = 1;
	statement->params[0] = "oid[]";
	return statement;
}

/* Look up the tables named in $1. */
static const Statement relids_sql = {
	.site = SITE_PEER,
	.purpose = "look up the tables",
	.text = "SELECT array_agg(w::regclass::oid) FROM unnest($1) w",
	.result = "relids oid[]",
	.nparams = 1,
	.params = {"text[]"},
};

/* Look up tables by their quoted names. */
const Statement *
steep_copy_relids_sql(Site site)
{
	return at_site(&relids_sql, site);
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
	.result = "schema name, name name, readable bool",
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

/* List the sequences that a copy holds. */
const Statement *
steep_copy_sequences_sql(Site site)
{
	return at_site(&sequences_sql, site);
}

/*----------
 * Read how far sequences are; they are given by their quoted names.
 *
 *	SELECT <name>, last_value, is_called FROM <sequence> UNION ALL …
 *----------
 */
const Statement *
steep_copy_sequence_sql(Site site, List *sequences)
{
	Statement  *statement = palloc0(sizeof(Statement));
	List	   *reads = NIL;
	ListCell   *cell;

	foreach(cell, sequences)
		reads = lappend(reads,
						psprintf("SELECT %s, last_value, is_called FROM %s",
								 steep_sql_literal(lfirst(cell)),
								 (char *) lfirst(cell)));
	statement->site = site;
	statement->purpose = "read the sequences";
	statement->text = steep_sql_join(reads, "\nUNION ALL ");
	statement->result = "sequence text, last_value int8, is_called bool";
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
	statement->purpose = "read rows";
	statement->text = text.data;

	statement->nparams = 2;
	statement->params[0] = "tid";
	statement->params[1] = "tid";
	return statement;
}

/*----------
 * Send a table, from a block on, or up to another, or both; NULL is no bound.
 *
 *	COPY <table> (<columns>) TO STDOUT (FORMAT <format>)
 *	COPY (SELECT <columns> FROM ONLY <table>
 *	  WHERE ctid >= '(<first>,0)' AND ctid < '(<last>,0)') TO STDOUT (FORMAT <format>)
 *----------
 */
const Statement *
steep_copy_stream_sql(const char *schema, const char *table, List *columns,
					  const char *first, const char *last, bool binary)
{
	List	   *names = NIL;
	List	   *bounds = NIL;
	const char *rows;
	ListCell   *cell;

	foreach(cell, columns)
		names = lappend(names, steep_sql_ident(lfirst(cell)));
	if (first != NULL)
		bounds = lappend(bounds, psprintf("ctid >= '(%s,0)'", first));
	if (last != NULL)
		bounds = lappend(bounds, psprintf("ctid < '(%s,0)'", last));
	if (bounds == NIL && names != NIL)
		rows = psprintf("%s (%s)", steep_sql_name(schema, table),
						steep_sql_join(names, ", "));
	else
		rows = psprintf("(SELECT %s FROM ONLY %s%s%s)",
						steep_sql_join(names, ", "),
						steep_sql_name(schema, table),
						bounds != NIL ? " WHERE " : "",
						steep_sql_join(bounds, " AND "));
	return peer_command("send rows",
						psprintf("COPY %s TO STDOUT (FORMAT %s)", rows,
								 binary ? "binary" : "text"));
}

/*----------
 * Keep tables, a list of quoted names, from being emptied or altered.
 *
 *	LOCK TABLE <table>, … IN ACCESS SHARE MODE
 *----------
 */
const Statement *
steep_copy_lock_sql(List *tables)
{
	return peer_command("lock the tables",
						psprintf("LOCK TABLE %s IN ACCESS SHARE MODE",
								 steep_sql_join(tables, ", ")));
}

/*----------
 * Read the snapshot that another transaction has exported.
 *
 *	SET TRANSACTION SNAPSHOT <snapshot>
 *----------
 */
const Statement *
steep_copy_import_sql(const char *snapshot)
{
	return peer_command("import the snapshot",
						psprintf("SET TRANSACTION SNAPSHOT %s",
								 steep_sql_literal(snapshot)));
}

/* Export the snapshot that the transaction reads. */
const Statement *
steep_copy_export_sql(void)
{
	return peer_command("export the snapshot",
						"SELECT pg_export_snapshot()");
}
