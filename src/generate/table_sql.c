/*-------------------------------------------------------------------------
 *
 * table_sql.c
 *		Pieces of SQL text about a table and its key, for the generators.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/table_sql.h"

#define DIGEST_COLUMNS 90		/* a call takes 100 arguments at most */

/* The side of a pair that a statement is about. */
const RelInfo *
steep_table_side(Site site, const TablePair *pair)
{
	return site == SITE_LOCAL ? pair->local : pair->peer;
}

/* The same statement, on one of the nodes. */
const Statement *
steep_statement_at(const Statement *statement, Site site)
{
	Statement  *copy = palloc(sizeof(Statement));

	*copy = *statement;
	copy->site = site;
	return copy;
}

/* Start a statement about a table. */
Statement *
steep_statement_create(Site site, const char *purpose, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(site, pair);
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = psprintf("%s of %s", purpose,
								  steep_sql_name(rel->schema, rel->name));
	return statement;
}

/*
 * <table> t: a partitioned table with all below it, any other alone, since
 * the children of an inheritance tree are tables of their own.
 */
char *
steep_table_from(const RelInfo *rel)
{
	return psprintf("%s%s AS t",
					rel->kind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					steep_sql_name(rel->schema, rel->name));
}

/*
 * The WHERE clause of a statement that scans a table: of the rows that take
 * part those that pass the filter, or all.  The user's condition may end in a
 * comment.
 */
char *
steep_table_where(const TablePair *pair, const char *filter)
{
	if (pair->where == NULL)
		return filter ? psprintf("\nWHERE %s", filter) : "";
	return psprintf("\nWHERE (\n%s\n)%s%s", pair->where,
					filter ? " AND " : "", filter ? filter : "");
}

/* t.<column>, t.<column>, … */
char *
steep_table_columns(List *columns)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, columns)
	{
		ColumnInfo *column = lfirst(cell);

		items = lappend(items, psprintf("t.%s", steep_sql_ident(column->name)));
	}
	return steep_sql_join(items, ", ");
}

/* t.<key column> AS key1, … */
char *
steep_table_key_aliased(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);

		items = lappend(items, psprintf("t.%s AS key%d",
										steep_sql_ident(column->name),
										list_cell_number(pair->key, cell) + 1));
	}
	return steep_sql_join(items, ", ");
}

/* <prefix>key1, <prefix>key2, … */
char *
steep_table_key_names(const TablePair *pair, const char *prefix)
{
	List	   *items = NIL;

	for (int i = 1; i <= list_length(pair->key); i++)
		items = lappend(items, psprintf("%skey%d", prefix, i));
	return steep_sql_join(items, ", ");
}

/* key1 <type>, key2 <type>, … */
char *
steep_table_key_definitions(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);

		items = lappend(items, psprintf("key%d %s",
										list_cell_number(pair->key, cell) + 1,
										column->base));
	}
	return steep_sql_join(items, ", ");
}

/*
 * l.key1 = p.key1 AND …: the keys of both nodes, by the key's own operators.
 *
 * What came from the peer has the default collation, which yields to that of
 * our column.
 */
char *
steep_table_key_join(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);
		int			n = list_cell_number(pair->key, cell) + 1;

		items = lappend(items, psprintf("l.key%d %s p.key%d%s",
										n, column->equals, n,
										column->bytewise ? " COLLATE \"C\"" : ""));
	}
	return steep_sql_join(items, " AND ");
}

/*
 * t.<key> = w.key1 AND …: the rows of the keys w that one node has.
 *
 * No key is null, but the JSON value null looks like one in a list of keys.
 */
char *
steep_table_key_lookup(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);
		int			n = list_cell_number(pair->key, cell) + 1;

		items = lappend(items, psprintf(steep_table_is_json(column) ?
										"t.%s %s coalesce(w.key%d, 'null')" :
										"t.%s %s w.key%d",
										steep_sql_ident(column->name),
										column->equals, n));
	}
	return steep_sql_join(items, " AND ");
}

/* Is a key column JSON, and so not a string in a list of keys? */
bool
steep_table_is_json(const ColumnInfo *column)
{
	return strcmp(column->base, "jsonb") == 0;
}

/* ARRAY['<name>', …]: the names of the columns, as values. */
char *
steep_table_names_array(List *columns)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, columns)
		items = lappend(items,
						steep_sql_literal(((ColumnInfo *) lfirst(cell))->name));
	return psprintf("ARRAY[%s]::text[]", steep_sql_join(items, ", "));
}

/*
 * The columns as arguments of a digest.  A call takes at most 100 arguments,
 * so what follows the key in a wide row is digested in parts.
 */
char *
steep_table_digest_columns(const TablePair *pair)
{
	List	   *rest = list_copy_tail(pair->columns, list_length(pair->key));
	List	   *items = list_make1(steep_table_columns(pair->key));

	if (list_length(pair->columns) <= DIGEST_COLUMNS)
		return steep_table_columns(pair->columns);
	while (rest != NIL)
	{
		List	   *part = list_truncate(list_copy(rest), DIGEST_COLUMNS);

		items = lappend(items, psprintf("\n  steep_repl.row_digest(%s)",
										steep_table_columns(part)));
		rest = list_copy_tail(rest, list_length(part));
	}
	return steep_sql_join(items, ", ");
}

/*----------
 * Read something of the rows of the keys in list $1, whether they take part
 * or not.
 *
 *	SELECT w.n, <selected>
 *	FROM <table>
 *	JOIN json_to_recordset($1) AS w(n, key1, …) ON <same key>
 *----------
 */
Statement *
steep_table_by_keys(Site site, const char *purpose, const TablePair *pair,
					const char *selected)
{
	Statement  *statement = steep_statement_create(site, purpose, pair);

	statement->text =
		psprintf("SELECT w.n, %s\n"
				 "FROM %s\n"
				 "JOIN json_to_recordset($1) AS w(n int8, %s)\n"
				 "  ON %s",
				 selected, steep_table_from(steep_table_side(site, pair)),
				 steep_table_key_definitions(pair),
				 steep_table_key_lookup(pair));
	statement->nparams = 1;
	statement->params[0] = "json";
	return statement;
}
