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

/*
 * Which rows need a parent: those of which no column is null, or with MATCH
 * FULL those of which not all are, so that what is half null has none.
 */
static char *
needs_parent(const ForeignKey *fk, List *columns)
{
	return psprintf("num_nulls(%s) %s", steep_sql_join(columns, ", "),
					fk->full ? psprintf("< %d", list_length(columns)) : "= 0");
}

/*----------
 * Show one row among the keys in list $1 whose parent is missing.  The parents
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
				 "  JOIN json_to_recordset($1) AS w(n int8, %s)\n"
				 "    ON %s\n"
				 "  WHERE %s\n"
				 "), found AS MATERIALIZED (\n"
				 "  SELECT c.n FROM written c JOIN %s AS p\n"
				 "    ON %s%s\n"
				 ")\n"
				 "SELECT ROW(%s)::text FROM written c\n"
				 "WHERE NOT EXISTS (SELECT FROM found f WHERE f.n = c.n)\n"
				 "LIMIT 1",
				 aliased(columns),
				 steep_table_from(steep_table_side(site, pair)),
				 steep_table_key_definitions(pair),
				 steep_table_key_lookup(pair),
				 needs_parent(fk, columns),
				 from(fk->parent_kind, fk->parent_schema, fk->parent),
				 same_reference(fk, "p", numbered(fk, "c.fk")),
				 fk->parent_lockable ? "\n  FOR KEY SHARE OF p" : "",
				 steep_sql_join(numbered(fk, "c.fk"), ", "));
	statement->nparams = 1;
	statement->params[0] = "json";
	statement->result = "orphan text";
	return statement;
}

/* Does the caller leave a column alone? */
static bool
is_excluded(const TablePair *pair, const char *name)
{
	ListCell   *cell;

	foreach(cell, pair->excluded)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/*
 * Could writing over a row, or deleting it, change what other rows refer to?
 * Written over, the columns of its key stay as they are, and those that are
 * excluded.
 */
bool
steep_merge_can_widow(const TablePair *pair, const ForeignKey *fk)
{
	ListCell   *name;

	if (pair->deletes)
		return true;
	foreach(name, fk->referenced)
	{
		ListCell   *cell;
		bool		stays = is_excluded(pair, lfirst(name));

		foreach(cell, pair->key)
			stays = stays ||
			strcmp(((ColumnInfo *) lfirst(cell))->name, lfirst(name)) == 0;
		if (!stays)
			return true;
	}
	return false;
}

/* <referenced> <type>, …: the values that were referenced, as columns */
static char *
old_columns(const RelInfo *rel, const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		const ColumnInfo *column = steep_relinfo_column(rel, lfirst(cell));

		items = lappend(items, psprintf("%s %s", steep_sql_ident(column->name),
										column->base));
	}
	return steep_sql_join(items, ", ");
}

/* The same, as they are read: the JSON value null looks like no value. */
static char *
old_values(const RelInfo *rel, const ForeignKey *fk)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		const char *name = steep_sql_ident(lfirst(cell));

		items = lappend(items,
						psprintf(steep_table_is_json(steep_relinfo_column(rel, lfirst(cell))) ?
								 "coalesce(v.%s, 'null') AS %s" : "v.%s AS %s",
								 name, name));
	}
	return steep_sql_join(items, ", ");
}

/*----------
 * Show one row that referred to one of the values in list $1, of rows that
 * were written over, and has no parent now.
 *----------
 */
const Statement *
steep_merge_widow_sql(Site site, const TablePair *pair, const ForeignKey *fk)
{
	Statement  *statement = create(site, "check references by foreign key",
								   pair, fk);
	const RelInfo *rel = steep_table_side(site, pair);
	List	   *columns = child_columns(fk);

	statement->text =
		psprintf("SELECT ROW(%s)::text\n"
				 "FROM (SELECT %s FROM json_to_recordset($1) AS v(%s)) AS o\n"
				 "JOIN %s AS t ON %s\n"
				 "WHERE NOT EXISTS (SELECT FROM %s AS p WHERE %s)\n"
				 "LIMIT 1",
				 steep_sql_join(columns, ", "),
				 old_values(rel, fk), old_columns(rel, fk),
				 from(fk->child_kind, fk->child_schema, fk->child),
				 same_reference(fk, "o", columns),
				 from(fk->parent_kind, fk->parent_schema, fk->parent),
				 same_reference(fk, "p", columns));
	statement->nparams = 1;
	statement->params[0] = "json";
	statement->result = "widow text";
	return statement;
}

/*----------
 * Cut the values that were referenced out of the next $4 decisions, as
 * steep_merge_keys_chunk_sql() cuts the keys: the last number and a list; of
 * the rows written over or deleted on one node.
 *----------
 */
const Statement *
steep_merge_old_chunk_sql(Site site, const TablePair *pair,
						  const ForeignKey *fk)
{
	Statement  *statement = create(SITE_LOCAL, "cut what was referenced by",
								   pair, fk);
	const char *side = site == SITE_LOCAL ? "local" : "remote";
	List	   *values = NIL;
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		const ColumnInfo *column =
			steep_relinfo_column(steep_table_side(site, pair), lfirst(cell));
		char	   *name = steep_sql_literal(column->name);

		values = lappend(values, psprintf("%s, (d.image ->> %s)%s", name, name,
										  steep_table_is_json(column) ? "::json" : ""));
	}
	statement->text =
		psprintf("SELECT max(d.seq), json_agg(json_build_object(%s))\n"
				 "FROM (SELECT e.seq, steep_repl.row_image(t.columns, e.%s_image) AS image\n"
				 "      FROM steep_repl.merge_tables t\n"
				 "      JOIN steep_repl.merge_effects e ON e.table_id = t.id\n"
				 "      WHERE t.id = $1 AND e.table_id = $1\n"
				 "        AND e.seq > $2 AND e.seq <= $3\n"
				 "        AND e.state = 'planned' AND e.round > t.applied_round\n"
				 "        AND e.%s_action IN ('update', 'delete')\n"
				 "      ORDER BY e.seq LIMIT $4) AS d\n"
				 "HAVING count(*) > 0",
				 steep_sql_join(values, ",\n         "), side, side);
	steep_merge_chunk_params(statement);
	return statement;
}
