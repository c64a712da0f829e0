/*-------------------------------------------------------------------------
 *
 * merge_reference_sql.c
 *		Statements that check the foreign keys of merged rows.
 *
 * Foreign keys do not fire under session_replication_role = replica, so what
 * their triggers would do is done here, a chunk of rows at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/* <parent>.<referenced> <operator> <child><n-th name> AND … */
static char *
same_reference(const ForeignKey *fk, const char *parent, List *children)
{
	List	   *items = NIL;

	for (int i = 0; i < list_length(fk->columns); i++)
		items = lappend(items, psprintf("%s.%s %s %s", parent,
										steep_sql_ident(list_nth(fk->referenced, i)),
										(char *) list_nth(fk->operators, i),
										(char *) list_nth(children, i)));
	return steep_sql_join(items, " AND ");
}

/* t.<column>, …: the columns of the child */
static List *
child_columns(const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->columns)
		items = lappend(items, psprintf("t.%s", steep_sql_ident(lfirst(cell))));
	return items;
}

/* <table>, alone unless it is partitioned */
static char *
from(char kind, const char *schema, const char *name)
{
	return psprintf("%s%s", kind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					steep_sql_name(schema, name));
}

/* <prefix>1, <prefix>2, … for the columns of a foreign key */
static List *
numbered(const ForeignKey *fk, const char *prefix)
{
	List	   *items = NIL;

	for (int i = 1; i <= list_length(fk->columns); i++)
		items = lappend(items, psprintf("%s%d", prefix, i));
	return items;
}

/* t.<column> AS fk1, … */
static char *
aliased(List *columns)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, columns)
		items = lappend(items, psprintf("%s AS fk%d", (char *) lfirst(cell),
										list_cell_number(columns, cell) + 1));
	return steep_sql_join(items, ", ");
}

static Statement *
create(Site site, const char *purpose, const TablePair *pair,
	   const ForeignKey *fk)
{
	Statement  *statement = steep_statement_create(site,
												   psprintf("%s %s", purpose,
															steep_sql_ident(fk->name)),
												   pair);

	statement->writes = true;
	return statement;
}

/*----------
 * Show one row among the keys $1, … whose parent is missing.  The parents
 * are locked, where the role may, as the foreign key's trigger would do.
 *----------
 */
const Statement *
steep_merge_orphan_sql(Site site, const TablePair *pair, const ForeignKey *fk)
{
	Statement  *statement = create(site, "check foreign key", pair, fk);
	List	   *columns = child_columns(fk);

	statement->text =
		psprintf("WITH written AS MATERIALIZED (\n"
				 "  SELECT w.n, %s\n"
				 "  FROM %s\n"
				 "  JOIN unnest(%s) WITH ORDINALITY AS w(%s, n)\n"
				 "    ON %s\n"
				 "  WHERE num_nulls(%s) = 0\n"
				 "), found AS MATERIALIZED (\n"
				 "  SELECT c.n FROM written c JOIN %s AS p\n"
				 "    ON %s%s\n"
				 ")\n"
				 "SELECT ROW(%s)::text FROM written c\n"
				 "WHERE NOT EXISTS (SELECT FROM found f WHERE f.n = c.n)\n"
				 "LIMIT 1",
				 aliased(columns),
				 steep_table_from(steep_table_side(site, pair)),
				 steep_table_key_params(statement, pair),
				 steep_table_key_names(pair, ""),
				 steep_table_key_lookup(pair),
				 steep_sql_join(columns, ", "),
				 from(fk->parent_kind, fk->parent_schema, fk->parent),
				 same_reference(fk, "p", numbered(fk, "c.fk")),
				 fk->parent_lockable ? "\n  FOR KEY SHARE OF p" : "",
				 steep_sql_join(numbered(fk, "c.fk"), ", "));
	statement->result = "orphan text";
	return statement;
}

/* Could writing over a row change what other rows refer to? */
bool
steep_merge_can_widow(const TablePair *pair, const ForeignKey *fk)
{
	ListCell   *name;

	foreach(name, fk->referenced)
	{
		ListCell   *cell;
		bool		in_key = false;

		foreach(cell, pair->key)
			in_key = in_key ||
				strcmp(((ColumnInfo *) lfirst(cell))->name, lfirst(name)) == 0;
		if (!in_key)
			return true;
	}
	return false;
}

/* $1::<type>[], …: the values that were referenced; declares them */
static char *
old_values(Statement *statement, const RelInfo *rel, const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		const ColumnInfo *column = steep_relinfo_column(rel, lfirst(cell));

		statement->params[statement->nparams++] = column->nested ? "text[]" :
			psprintf("%s[]", column->base);
		items = lappend(items, psprintf("$%d", statement->nparams));
	}
	return steep_sql_join(items, ", ");
}

/* o.<referenced>, …: the values that were referenced, as one row's columns */
static char *
old_columns(const RelInfo *rel, const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		const ColumnInfo *column = steep_relinfo_column(rel, lfirst(cell));
		char	   *name = steep_sql_ident(column->name);

		items = lappend(items, psprintf("o.%s%s%s AS %s", name,
										column->nested ? "::" : "",
										column->nested ? column->base : "",
										name));
	}
	return steep_sql_join(items, ", ");
}

static char *
referenced_names(const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
		items = lappend(items, steep_sql_ident(lfirst(cell)));
	return steep_sql_join(items, ", ");
}

/*----------
 * Show one row that referred to one of the values $1, … of rows that were
 * written over, and has no parent now.
 *----------
 */
const Statement *
steep_merge_widow_sql(Site site, const TablePair *pair, const ForeignKey *fk)
{
	Statement  *statement = create(site, "check references by foreign key",
								   pair, fk);
	const RelInfo *rel = steep_table_side(site, pair);
	List	   *columns = child_columns(fk);
	char	   *values = old_values(statement, rel, fk);

	statement->text =
		psprintf("SELECT ROW(%s)::text\n"
				 "FROM (SELECT %s FROM unnest(%s) AS o(%s)) AS o\n"
				 "JOIN %s AS t ON %s\n"
				 "WHERE NOT EXISTS (SELECT FROM %s AS p WHERE %s)\n"
				 "LIMIT 1",
				 steep_sql_join(columns, ", "),
				 old_columns(rel, fk), values, referenced_names(fk),
				 from(fk->child_kind, fk->child_schema, fk->child),
				 same_reference(fk, "o", columns),
				 from(fk->parent_kind, fk->parent_schema, fk->parent),
				 same_reference(fk, "p", columns));
	statement->result = "widow text";
	return statement;
}

/*----------
 * Cut the values that were referenced out of the next $4 decisions, as
 * steep_merge_keys_chunk_sql() cuts the keys; of the rows written over on
 * one node.
 *----------
 */
const Statement *
steep_merge_old_chunk_sql(Site site, const TablePair *pair,
						  const ForeignKey *fk)
{
	Statement  *statement = create(SITE_LOCAL, "cut what was referenced by",
								   pair, fk);
	List	   *arrays = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
		arrays = lappend(arrays, psprintf("array_agg(d.%s ->> %s ORDER BY d.seq)",
										  site == SITE_LOCAL ? "local_row" : "remote_row",
										  steep_sql_literal(lfirst(cell))));
	statement->text =
		psprintf("SELECT max(d.seq),\n"
				 "       %s\n"
				 "FROM (SELECT * FROM steep_repl.merge_decisions\n"
				 "      WHERE merge_id = $1 AND table_name = $2 AND state = $3\n"
				 "        AND category = 'conflict'\n"
				 "        AND seq > $5 AND ($6 IS NULL OR resolution = $6)\n"
				 "      ORDER BY seq LIMIT $4) AS d\n"
				 "HAVING count(*) > 0",
				 steep_sql_join(arrays, ",\n       "));
	steep_merge_chunk_params(statement);
	return statement;
}
