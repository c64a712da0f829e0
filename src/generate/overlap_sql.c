/*-------------------------------------------------------------------------
 *
 * overlap_sql.c
 *		Statements that find the rows in which two tables differ.
 *
 * Both nodes digest their table into leaves; where leaves differ, both send
 * the keys and row digests of those leaves, and the two are joined here.  A
 * leaf is chosen by the digest of the key, never by a range of keys: two
 * nodes may collate differently.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/overlap_sql.h"
#include "generate/stock_sql.h"
#include "generate/table_sql.h"

/*----------
 * The peer's come in base64, for dblink would make them hexadecimal.
 *
 *	SELECT [encode(]steep_repl.digest_leaves(<leaves>, <width of key>,
 *	                                         <columns>)[, 'base64')] AS leaves
 *	FROM <table> [WHERE (<condition>)]
 *----------
 */
static void
native_digest(Statement *statement, const RelInfo *rel, const TablePair *pair)
{
	bool		peer = statement->site == SITE_PEER;

	statement->text =
		psprintf("SELECT %ssteep_repl.digest_leaves(%d, %d, %s)%s AS leaves\n"
				 "FROM %s%s",
				 peer ? "encode(" : "", pair->leaves, list_length(pair->key),
				 steep_table_digest_columns(pair), peer ? ", 'base64')" : "",
				 steep_table_from(rel), steep_table_where(pair, NULL));
	statement->result = "leaves text";
}

/* Digest one side of a table into leaves. */
const Statement *
steep_overlap_digest_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "digest the leaves", pair);

	if (pair->way == DIGEST_NATIVE)
		native_digest(statement, steep_table_side(site, pair), pair);
	else
		steep_stock_digest(statement, pair);
	return statement;
}

/*----------
 * Compare the leaves: both row counts, how many leaves differ, how many rows
 * of the peer they hold, and which they are.
 *----------
 */
static const char *
native_leaves(void)
{
	return
		"SELECT d.local_rows, d.peer_rows, d.differing, d.peer_suspects, d.bitmap\n"
		"FROM local_leaves l, peer_leaves p,\n"
		"  steep_repl.compare_leaves(l.leaves, decode(p.leaves, 'base64')) d";
}

/* Compare the leaves of both sides. */
const Statement *
steep_overlap_leaves_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "compare the leaves", pair);

	statement->text = pair->way == DIGEST_NATIVE ? native_leaves() : steep_stock_leaves();
	return statement;
}

/*----------
 * Read the key and row digest of every row, or of the leaves that differ.
 *
 *	SELECT <key> AS key1, …, <digest> AS digest FROM <table>
 *	WHERE [(<condition>) AND] steep_repl.in_leaves(<bitmap>, <key>)
 *----------
 */
const Statement *
steep_overlap_keys_sql(Site site, const TablePair *pair, bool filtered)
{
	bool		native = pair->way == DIGEST_NATIVE;
	Statement  *statement = steep_statement_create(site, "read keys and digests", pair);
	char	   *filter = NULL;
	char	   *digest = native ?
		psprintf("steep_repl.row_digest(%s)",
				 steep_table_digest_columns(pair)) :
		steep_stock_row(pair);

	if (filtered)
	{
		filter = native ?
			psprintf("steep_repl.in_leaves($1, %s)",
					 steep_table_columns(pair->key)) :
			psprintf("%s = ANY ($1)", steep_stock_leaf(pair));
		statement->nparams = 1;
		statement->params[0] = native ? "bytea" : "int8[]";
	}
	statement->text = psprintf("SELECT %s, %s AS digest\n"
							   "FROM %s%s",
							   steep_table_key_aliased(pair), digest,
							   steep_table_from(steep_table_side(site, pair)),
							   steep_table_where(pair, filter));
	statement->result = psprintf("%s, digest %s",
								 steep_table_key_definitions(pair),
								 native ? "bytea" : "text");
	return statement;
}

/*----------
 * Count local_only, remote_only and conflicting rows among the suspects.
 *----------
 */
const Statement *
steep_overlap_count_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "join the keys", pair);

	statement->text =
		psprintf("SELECT count(*) FILTER (WHERE p.digest IS NULL),\n"
				 "       count(*) FILTER (WHERE l.digest IS NULL),\n"
				 "       count(*) FILTER (WHERE l.digest <> p.digest)\n"
				 "FROM local_keys l FULL JOIN peer_keys p\n"
				 "  ON %s",
				 steep_table_key_join(pair));
	return statement;
}

/*----------
 * List the rows that differ, numbered in key order; $1 limits them.
 *
 * Keys that are equal may still print differently, and a node may tell apart
 * what the other does not, so both nodes' keys are kept beside the one of the
 * pair.
 *----------
 */
const Statement *
steep_overlap_differences_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "list the differences", pair);
	List	   *keys = NIL;

	for (int i = 1; i <= list_length(pair->key); i++)
		keys = lappend(keys, psprintf("coalesce(l.key%d, p.key%d) AS key%d,\n"
									  "             l.key%d AS local_key%d, p.key%d AS peer_key%d",
									  i, i, i, i, i, i, i));
	statement->text =
		psprintf("SELECT row_number() OVER (ORDER BY %s) AS n, d.*\n"
				 "FROM (SELECT %s,\n"
				 "             CASE WHEN p.digest IS NULL THEN 'local_only'\n"
				 "                  WHEN l.digest IS NULL THEN 'remote_only'\n"
				 "                  ELSE 'conflict' END AS category,\n"
				 "             l.digest AS local_digest,\n"
				 "             p.digest AS peer_digest\n"
				 "      FROM local_keys l FULL JOIN peer_keys p\n"
				 "        ON %s\n"
				 "      WHERE l.digest IS DISTINCT FROM p.digest) AS d\n"
				 "ORDER BY n LIMIT $1",
				 steep_table_key_names(pair, "d."),
				 steep_sql_join(keys, ",\n             "),
				 steep_table_key_join(pair));
	statement->nparams = 1;
	statement->params[0] = "int8";
	return statement;
}

/* Count a list of differences by category. */
const Statement *
steep_overlap_categories_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "count the differences", pair);

	statement->text =
		"SELECT count(*) FILTER (WHERE category = 'local_only'),\n"
		"       count(*) FILTER (WHERE category = 'remote_only'),\n"
		"       count(*) FILTER (WHERE category = 'conflict')\n"
		"FROM differences";
	return statement;
}

/*
 * json_agg(json_build_object('n', n, 'key1', <print of key1>, …) ORDER BY n)
 *
 * A print is made by format() and read by the type's input function: a cast
 * could be one that the owner of the type has written.  A jsonb is JSON as it
 * is, where it is read back and not shown.
 */
static char *
key_list(const TablePair *pair, const char *prefix, const char *more)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	appendStringInfo(&list, "json_agg(json_build_object('n', n%s", more);
	foreach(cell, pair->key)
	{
		int			i = list_cell_number(pair->key, cell) + 1;
		char	   *key = *prefix == '\0' || pair->where == NULL ?
			psprintf("%skey%d", prefix, i) :
			psprintf("coalesce(%skey%d, key%d)", prefix, i, i);

		appendStringInfo(&list,
						 *prefix && steep_table_is_json(lfirst(cell)) ?
						 ", 'key%d', %s" :
						 ", 'key%d', format('%%s', %s)", i, key);
	}
	appendStringInfoString(&list, ") ORDER BY n)");
	return list.data;
}

/*----------
 * Cut the differences into batches of $1 rows: lists of keys, those that this
 * node has, and those that the peer has.
 *
 *	SELECT <list of n, category, key>,
 *	       <list of n, local key>, <list of n, peer key>
 *	FROM differences GROUP BY (n - 1) / $1 ORDER BY min(n)
 *
 * Under a condition a node may have a row that takes part only on the other,
 * so each is asked for all keys.
 *----------
 */
const Statement *
steep_overlap_batches_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "cut batches", pair);

	statement->text =
		psprintf("SELECT %s,\n"
				 "       %s%s,\n"
				 "       %s%s\n"
				 "FROM differences\n"
				 "GROUP BY (n - 1) / $1 ORDER BY min(n)",
				 key_list(pair, "", ", 'category', category"),
				 key_list(pair, "local_", ""),
				 pair->where ? "" : " FILTER (WHERE local_digest IS NOT NULL)",
				 key_list(pair, "peer_", ""),
				 pair->where ? "" : " FILTER (WHERE peer_digest IS NOT NULL)");
	statement->nparams = 1;
	statement->params[0] = "int8";
	return statement;
}

/*----------
 * Read the rows of the keys in list $1, each as its number there and the
 * text of a row.
 *
 *	SELECT w.n, ROW(<columns>)::text AS image
 *	FROM <table>
 *	JOIN json_to_recordset($1) AS w(n, key1, …) ON <same key>
 *----------
 */
const Statement *
steep_overlap_rows_sql(Site site, const TablePair *pair)
{
	Statement  *statement =
		steep_table_by_keys(site, "read rows", pair,
							psprintf("ROW(%s)::text AS image",
									 steep_table_columns(pair->columns)));

	statement->result = "n int8, image text";
	return statement;
}

/*----------
 * Put a batch, as steep_overlap_batches_sql() cut it, together with the
 * images of both sides.
 *
 *	SELECT <key>, category, <changed columns>, <local row>, <peer row>
 *	FROM json_to_recordset($1) AS d(n, category, key1 text, …)
 *	LEFT JOIN local_rows … LEFT JOIN peer_rows … ORDER BY d.n
 *----------
 */
const Statement *
steep_overlap_images_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "join the rows", pair);
	char	   *names = steep_table_names_array(pair->columns);
	List	   *keys = NIL;

	for (int i = 1; i <= list_length(pair->key); i++)
		keys = lappend(keys, psprintf("key%d text", i));
	statement->text =
		psprintf("SELECT steep_repl.row_image(%s, ROW(%s)::text),\n"
				 "       d.category,\n"
				 "       steep_repl.changed_columns(%s, l.image, p.image),\n"
				 "       steep_repl.row_image(%s, l.image),\n"
				 "       steep_repl.row_image(%s, p.image)\n"
				 "FROM json_to_recordset($1) AS d(n int8, category text, %s)\n"
				 "LEFT JOIN local_rows l ON l.n = d.n\n"
				 "LEFT JOIN peer_rows p ON p.n = d.n\n"
				 "ORDER BY d.n",
				 steep_table_names_array(pair->key),
				 steep_table_key_names(pair, "d."), names, names, names,
				 steep_sql_join(keys, ", "));
	statement->nparams = 1;
	statement->params[0] = "json";
	return statement;
}
