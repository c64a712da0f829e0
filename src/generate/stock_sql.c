/*-------------------------------------------------------------------------
 *
 * stock_sql.c
 *		Digests in stock SQL, for a peer that has no steep_repl.
 *
 * A row is hashed by core's hash of a record, twice with different seeds.
 * That takes equal values for the same, and folds wide ones, so a column
 * takes part in a form in which values are equal exactly when they print the
 * same, and whose hash sees every bit.  The record's hash tells null from
 * empty, and one column from the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/stock_sql.h"
#include "generate/table_sql.h"

/*
 * In which form values of a type are hashed.
 *
 * A hash of 8 bytes would fold them to 4, so these are sent as bytes.  What
 * is not listed is printed, inside a row so that no cast of the type's owner
 * is called.
 */
static const struct
{
	const char *type;
	const char *form;
}			forms[] =

{
	{"boolean", "t.%s"},
	{"smallint", "t.%s"},
	{"integer", "t.%s"},
	{"date", "t.%s"},
	{"uuid", "t.%s"},
	{"bytea", "t.%s"},
	{"bigint", "int8send(t.%s)"},
	{"timestamp without time zone", "timestamp_send(t.%s)"},
	{"timestamp with time zone", "timestamptz_send(t.%s)"},
	{"numeric", "t.%s::text COLLATE \"C\""},
	{"text", "t.%s COLLATE \"C\""},
	{"character varying", "t.%s COLLATE \"C\""},
	{"json", "t.%s::text COLLATE \"C\""},
	{"jsonb", "t.%s::text COLLATE \"C\""},
};

/* The form in which a column is hashed. */
static char *
hashed_form(const ColumnInfo *column)
{
	char	   *name = steep_sql_ident(column->name);

	for (int i = 0; i < (int) lengthof(forms); i++)
	{
		if (strcmp(column->type, forms[i].type) == 0)
			return psprintf(forms[i].form, name);
	}
	return psprintf("ROW(t.%s)::text COLLATE \"C\"", name);
}

/* ROW(<column in its form>, …) */
static char *
hashed_row(const TablePair *pair)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, pair->columns)
		items = lappend(items, hashed_form(lfirst(cell)));
	return psprintf("ROW(%s)", steep_sql_join(items, ", "));
}

/*
 * Where a row belongs: its key's hash, under a mask.
 *
 * Integers have a hash of their own, five times as fast as that of the text,
 * and good enough to choose a leaf.
 */
char *
steep_stock_leaf(const TablePair *pair)
{
	const ColumnInfo *first = linitial(pair->key);

	if (list_length(pair->key) == 1 &&
		(strcmp(first->type, "integer") == 0 ||
		 strcmp(first->type, "bigint") == 0))
		return psprintf("hashint8extended(t.%s, 0) & %d",
						steep_sql_ident(first->name), pair->leaves - 1);
	return psprintf("hashtextextended(ROW(%s)::text COLLATE \"C\", 0) & %d",
					steep_table_columns(pair->key), pair->leaves - 1);
}

/* The digest of a row, as text. */
char *
steep_stock_row(const TablePair *pair)
{
	char	   *row = hashed_row(pair);

	return psprintf("hash_record_extended(%s, 1)::text || '/' ||\n"
					"  hash_record_extended(%s, 2)", row, row);
}

/*----------
 *	SELECT leaf, count(*), sum(h1), sum(h2)
 *	FROM (SELECT <leaf> AS leaf, hash_record_extended(image, 1) AS h1, …
 *	      FROM (SELECT <key>, ROW(<columns>) AS image
 *	            FROM <table> [WHERE (<condition>)]) …)
 *	GROUP BY leaf
 *----------
 */
void
steep_stock_digest(Statement *statement, const TablePair *pair)
{
	const RelInfo *rel = steep_table_side(statement->site, pair);

	statement->text =
		psprintf("SELECT leaf, count(*) AS n,\n"
				 "       sum(hash_record_extended(image, 1)) AS sum1,\n"
				 "       sum(hash_record_extended(image, 2)) AS sum2\n"
				 "FROM (SELECT %s AS leaf,\n"
				 "             %s AS image\n"
				 "      FROM %s%s OFFSET 0) AS r\n"
				 "GROUP BY leaf",
				 steep_stock_leaf(pair), hashed_row(pair),
				 steep_table_from(rel), steep_table_where(pair, NULL));
	statement->result = "leaf int8, n int8, sum1 numeric, sum2 numeric";
}

/* Compare the leaves of both sides, as steep_overlap_leaves_sql() says. */
const char *
steep_stock_leaves(void)
{
	return
		"SELECT coalesce(sum(l.n), 0), coalesce(sum(p.n), 0),\n"
		"       count(*) FILTER (WHERE d.differs),\n"
		"       coalesce(sum(p.n) FILTER (WHERE d.differs), 0),\n"
		"       array_agg(coalesce(l.leaf, p.leaf)) FILTER (WHERE d.differs)\n"
		"FROM local_leaves l FULL JOIN peer_leaves p ON l.leaf = p.leaf\n"
		"CROSS JOIN LATERAL\n"
		"  (SELECT (l.n, l.sum1, l.sum2) IS DISTINCT FROM\n"
		"          (p.n, p.sum1, p.sum2) AS differs) d";
}
