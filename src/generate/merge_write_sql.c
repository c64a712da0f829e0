/*-------------------------------------------------------------------------
 *
 * merge_write_sql.c
 *		Statements that lock, check and write the rows of a merge.
 *
 * Rows travel as an array of the table's own row type, so every value is
 * read by its type's input function, and no cast is involved.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/* <alias>.<column>, … or <column>, … of ColumnInfos */
static char *
column_list(List *columns, const char *alias)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, columns)
		items = lappend(items, psprintf("%s%s", alias,
										steep_sql_ident(((ColumnInfo *) lfirst(cell))->name)));
	return steep_sql_join(items, ", ");
}

/* Columns that we may write: neither generated nor excluded. */
static List *
insertable(const RelInfo *rel)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, rel->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (column->generated == '\0' && !column->excluded)
			columns = lappend(columns, column);
	}
	return columns;
}

/* <column> = r.<column>, …: all but what is always generated. */
static char *
assignments(const RelInfo *rel)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, insertable(rel))
	{
		ColumnInfo *column = lfirst(cell);
		char	   *name = steep_sql_ident(column->name);

		if (column->identity != ATTRIBUTE_IDENTITY_ALWAYS)
			items = lappend(items, psprintf("%s = r.%s", name, name));
	}
	return steep_sql_join(items, ", ");
}

/* t.<key> = r.<key> AND …, where r is a row of the table's type. */
static char *
same_key(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);
		char	   *name = steep_sql_ident(column->name);

		items = lappend(items, psprintf("t.%s %s r.%s", name, column->equals, name));
	}
	return steep_sql_join(items, " AND ");
}

/*----------
 * Keep all other writers off where no unique index guards the key, and where
 * we check for ourselves that rows are unique: they would not see ours.
 *
 *	LOCK TABLE <table> IN SHARE ROW EXCLUSIVE MODE
 *
 * Otherwise only keep the table from being altered.
 *----------
 */
const Statement *
steep_merge_guard_sql(Site site, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);
	Statement  *statement = steep_statement_create(site, "guard the shape", pair);

	statement->writes = true;
	statement->text = psprintf("LOCK TABLE %s%s IN %s MODE",
							   rel->kind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
							   steep_sql_name(rel->schema, rel->name),
							   steep_relinfo_unique(rel, pair->key) && !rel->deferrable ?
							   "ROW EXCLUSIVE" : "SHARE ROW EXCLUSIVE");
	return statement;
}

/*----------
 * Lock the rows of the keys in list $1, and return the numbers of those that
 * are not what was decided on: whose digest is not the one in the list (null
 * = no row).
 *----------
 */
const Statement *
steep_merge_lock_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "lock and check the rows", pair);

	statement->writes = true;
	statement->nparams = 1;
	statement->params[0] = "json";
	statement->text =
		psprintf("WITH wanted AS MATERIALIZED (\n"
				 "  SELECT * FROM json_to_recordset($1) AS w(n int8, digest bytea, %s)\n"
				 "), locked AS MATERIALIZED (\n"
				 "  SELECT w.n, steep_repl.row_digest(%s) AS digest\n"
				 "  FROM %s JOIN wanted w ON %s\n"
				 "  ORDER BY %s\n"
				 "  FOR UPDATE OF t\n"
				 ")\n"
				 "SELECT w.n FROM wanted w LEFT JOIN locked l ON l.n = w.n\n"
				 "WHERE l.digest IS DISTINCT FROM w.digest",
				 steep_table_key_definitions(pair),
				 steep_table_digest_columns(pair),
				 steep_table_from(steep_table_side(site, pair)),
				 steep_table_key_lookup(pair),
				 steep_table_columns(pair->key));
	statement->result = "n int8";
	return statement;
}

/* Declare the rows $1 and their digests $2. */
static void
take_rows(Statement *statement, const RelInfo *rel)
{
	statement->writes = true;
	statement->nparams = 2;
	statement->params[0] = psprintf("%s[]", steep_sql_name(rel->schema, rel->name));
	statement->params[1] = "bytea[]";
	statement->result = "written int8, as_wanted int8";
}

/*----------
 * Insert the rows $1; return how many were, and how many of these have one
 * of the digests $2: a trigger or a narrower type may have changed them.  A
 * row that came between is left alone, where an index tells.
 *----------
 */
const Statement *
steep_merge_insert_sql(Site site, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);
	Statement  *statement = steep_statement_create(site, "insert rows", pair);
	List	   *columns = insertable(rel);

	take_rows(statement, rel);
	statement->text =
		psprintf("WITH written AS (\n"
				 "  INSERT INTO %s AS t (%s)\n"
				 "  OVERRIDING SYSTEM VALUE\n"
				 "  SELECT %s FROM unnest($1) AS r\n"
				 "%s"
				 "  RETURNING steep_repl.row_digest(%s) AS digest\n"
				 ")\n"
				 "SELECT count(*), count(*) FILTER (WHERE digest = ANY ($2))\n"
				 "FROM written",
				 steep_sql_name(rel->schema, rel->name),
				 column_list(columns, ""), column_list(columns, "r."),
				 steep_relinfo_exact(rel, pair->key) ?
				 psprintf("  ON CONFLICT (%s) DO NOTHING\n",
						  column_list(pair->key, "")) : "",
				 steep_table_digest_columns(pair));
	return statement;
}

/*----------
 * Write the rows $1 over those with the same keys; return as insert does.
 *----------
 */
const Statement *
steep_merge_update_sql(Site site, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);
	Statement  *statement = steep_statement_create(site, "update rows", pair);

	take_rows(statement, rel);
	statement->text =
		psprintf("WITH written AS (\n"
				 "  UPDATE %s\n"
				 "  SET %s\n"
				 "  FROM unnest($1) AS r\n"
				 "  WHERE %s\n"
				 "  RETURNING steep_repl.row_digest(%s) AS digest\n"
				 ")\n"
				 "SELECT count(*), count(*) FILTER (WHERE digest = ANY ($2))\n"
				 "FROM written",
				 steep_table_from(rel), assignments(rel), same_key(pair),
				 steep_table_digest_columns(pair));
	return statement;
}

/*
 * Has a side a column that an update can't give a value to: an identity column
 * that is always generated?
 */
bool
steep_merge_is_rigid(Site site, const TablePair *pair)
{
	ListCell   *cell;

	foreach(cell, steep_table_side(site, pair)->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (column->identity == ATTRIBUTE_IDENTITY_ALWAYS &&
			!list_member_ptr(pair->key, steep_relinfo_column(pair->local, column->name)))
			return true;
	}
	return false;
}

/*
 * Are rows of a side updated by deleting and inserting them?  So values can
 * change places that no two rows may share, and every column be written.
 */
bool
steep_merge_replaces(Site site, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);

	if (!rel->deletable || pair->excluded != NIL)
		return false;
	return steep_merge_is_rigid(site, pair) ||
		rel->exclusive > (steep_relinfo_unique(rel, pair->key) ? 1 : 0);
}

/*----------
 * Delete the rows with the keys of the rows $1; return how many were, twice:
 * what is gone is as wanted.
 *----------
 */
const Statement *
steep_merge_delete_sql(Site site, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);
	Statement  *statement = steep_statement_create(site, "delete rows", pair);

	take_rows(statement, rel);
	statement->text =
		psprintf("WITH written AS (\n"
				 "  DELETE FROM %s\n"
				 "  USING unnest($1) AS r\n"
				 "  WHERE %s\n"
				 "  RETURNING 1\n"
				 ")\n"
				 "SELECT count(*), count(*) FROM written",
				 steep_table_from(rel), same_key(pair));
	statement->nparams = 1;
	return statement;
}
