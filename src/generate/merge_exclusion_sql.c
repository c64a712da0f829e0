/*-------------------------------------------------------------------------
 *
 * merge_exclusion_sql.c
 *		Statements that check the deferrable constraints of merged rows.
 *
 * An index alone does not enforce a unique or exclusion constraint that is
 * deferrable; a trigger does, which does not fire under
 * session_replication_role = replica.  So it is done here, a chunk of rows at
 * a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/*
 * <expression> AS x1, … and before it, if asked for, <key> AS key1, …
 *
 * The expressions name columns as they like, so they stand in a query over
 * their table alone.
 */
static char *
elements(const TablePair *pair, const Exclusion *exclusion, bool key)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, key ? pair->key : NIL)
		items = lappend(items, psprintf("%s AS key%d",
										steep_sql_ident(((ColumnInfo *) lfirst(cell))->name),
										foreach_current_index(cell) + 1));
	foreach(cell, exclusion->expressions)
		items = lappend(items, psprintf("%s AS x%d", (char *) lfirst(cell),
										foreach_current_index(cell) + 1));
	return steep_sql_join(items, ", ");
}

/* (SELECT tableoid AS rel, ctid AS place, <elements> FROM <table>) */
static char *
rows(const TablePair *pair, const Exclusion *exclusion, bool key)
{
	return psprintf("(SELECT tableoid AS rel, ctid AS place, %s\n"
					"  FROM %s%s%s)",
					elements(pair, exclusion, key),
					exclusion->kind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					steep_sql_name(exclusion->schema, exclusion->rel),
					exclusion->predicate ?
					psprintf(" WHERE %s", exclusion->predicate) : "");
}

/* a.key1 = w.key1 AND …, where the JSON value null looks like none */
static char *
same_key(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);
		int			n = foreach_current_index(cell) + 1;

		items = lappend(items, psprintf(steep_table_is_json(column) ?
										"a.key%d %s coalesce(w.key%d, 'null')" :
										"a.key%d %s w.key%d",
										n, column->equals, n));
	}
	return steep_sql_join(items, " AND ");
}

/* a.x1 <operator> b.x1 AND … */
static char *
excluded(const Exclusion *exclusion)
{
	List	   *items = NIL;

	for (int i = 1; i <= list_length(exclusion->expressions); i++)
	{
		char	   *operator = list_nth(exclusion->operators, i - 1);

		items = lappend(items, exclusion->same_nulls ?
						psprintf("(b.x%d %s a.x%d OR b.x%d IS NULL AND a.x%d IS NULL)",
								 i, operator, i, i, i) :
						psprintf("b.x%d %s a.x%d", i, operator, i));
	}
	return steep_sql_join(items, " AND ");
}

/* a.x1, … */
static char *
values(const Exclusion *exclusion)
{
	List	   *items = NIL;

	for (int i = 1; i <= list_length(exclusion->expressions); i++)
		items = lappend(items, psprintf("a.x%d", i));
	return steep_sql_join(items, ", ");
}

/*----------
 * Show one row among the keys in list $1 beside which there is another that
 * the constraint excludes.
 *----------
 */
const Statement *
steep_merge_exclusion_sql(Site site, const TablePair *pair,
						  const Exclusion *exclusion)
{
	Statement  *statement =
		steep_statement_create(site, psprintf("check constraint %s",
											  steep_sql_ident(exclusion->name)),
							   pair);

	statement->writes = true;
	statement->text =
		psprintf("SELECT ROW(%s)::text\n"
				 "FROM json_to_recordset($1) AS w(n int8, %s)\n"
				 "JOIN %s AS a ON %s\n"
				 "JOIN %s AS b\n"
				 "  ON %s AND (b.rel, b.place) <> (a.rel, a.place)\n"
				 "LIMIT 1",
				 values(exclusion), steep_table_key_definitions(pair),
				 rows(pair, exclusion, true), same_key(pair),
				 rows(pair, exclusion, false), excluded(exclusion));
	statement->nparams = 1;
	statement->params[0] = "json";
	statement->result = "excluded text";
	return statement;
}
