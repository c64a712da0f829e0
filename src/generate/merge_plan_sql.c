/*-------------------------------------------------------------------------
 *
 * merge_plan_sql.c
 *		Statements that decide the rows of a merge.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/* A list of the keys of a batch that one node has: number and key. */
static char *
batch_list(const TablePair *pair, const char *side)
{
	List	   *keys = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		int			n = foreach_current_index(cell) + 1;
		char	   *key = pair->where ?
			psprintf("coalesce(%s_key%d, key%d)", side, n, n) :
			psprintf("%s_key%d", side, n);

		keys = lappend(keys, steep_table_is_json(lfirst(cell)) ? key :
					   psprintf("to_json(format('%%s', %s))", key));
	}
	return steep_merge_key_list("n", "", "", keys, pair->where ? "" :
								psprintf(" FILTER (WHERE %s_digest IS NOT NULL)", side));
}

/*----------
 * Cut the differences into batches of $1 rows: lists of number and key, of
 * those that this node has, and of those that the peer has.
 *
 *	SELECT <list here>, <list there>
 *	FROM differences GROUP BY (n - 1) / $1 ORDER BY min(n)
 *
 * A key is printed by format(): a cast could be one that the owner of the
 * type has written.  Under a condition a node may have a row that takes part
 * only on the other, so each is asked for all keys.
 *----------
 */
const Statement *
steep_merge_batches_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "cut batches", pair);

	statement->text =
		psprintf("SELECT %s,\n"
				 "       %s\n"
				 "FROM differences\n"
				 "GROUP BY (n - 1) / $1 ORDER BY min(n)",
				 batch_list(pair, "local"), batch_list(pair, "peer"));
	statement->nparams = 1;
	statement->params[0] = "int8";
	return statement;
}

/*
 * t.<column> or the time of the row's commit, as a number to compare.
 */
static char *
row_time(const TablePair *pair, const DecisionRule *rule)
{
	const ColumnInfo *column;

	if (rule->time_column == NULL)
		return pstrdup("extract(epoch FROM pg_xact_commit_timestamp(t.xmin))");
	column = steep_relinfo_column(pair->local, rule->time_column);
	return psprintf(strncmp(column->base, "timestamp", 9) == 0 ||
					strcmp(column->base, "date") == 0 ?
					"extract(epoch FROM t.%s)" : "t.%s::numeric",
					steep_sql_ident(column->name));
}

/*----------
 * Read the rows of the keys in list $1: number there, digest, image, and when
 * they were changed if that decides.
 *
 *	SELECT w.n, <digest> AS digest, ROW(<columns>)::text AS image[, <time> AS time]
 *	FROM <table>
 *	JOIN json_to_recordset($1) AS w(n, key1, …) ON <same key>
 *----------
 */
const Statement *
steep_merge_read_sql(Site site, const TablePair *pair,
					 const DecisionRule *rule)
{
	Statement  *statement =
		steep_table_by_keys(site, "read rows", pair,
							psprintf("steep_repl.row_digest(%s) AS digest,\n"
									 "       ROW(%s)::text AS image%s%s%s",
									 steep_table_digest_columns(pair),
									 steep_table_columns(pair->columns),
									 rule->by_time ? ",\n       " : "",
									 rule->by_time ? row_time(pair, rule) : "",
									 rule->by_time ? " AS changed" : ""));

	statement->result = rule->by_time ?
		"n int8, digest bytea, image text, changed numeric" :
		"n int8, digest bytea, image text";
	return statement;
}

/* The resolution that a rule wants, unless it may not write that. */
static const char *
allowed(const DecisionRule *rule, const char *winner, bool insert)
{
	bool		there;

	if (winner == NULL)
		return rule->updates ? "NULL" : "'skip'";
	there = strcmp(winner, "local") == 0;
	if (!(insert ? rule->inserts : rule->updates) ||
		!(there ? rule->to_peer : rule->to_local))
		return "'skip'";
	return there ? "'local'" : "'remote'";
}

/* An expression for the resolution of a conflict. */
static char *
conflict_resolution(const DecisionRule *rule)
{
	const char *other = allowed(rule, rule->winner, false);

	if (!rule->by_time)
		return pstrdup(other);
	return psprintf("CASE WHEN l.changed > p.changed THEN %s\n"
					"         WHEN l.changed < p.changed THEN %s ELSE %s END",
					allowed(rule, "local", false),
					allowed(rule, "remote", false), other);
}

/* An expression for who or what has resolved a row. */
static char *
resolver(const DecisionRule *rule)
{
	char	   *strategy = steep_sql_literal(rule->strategy);

	if (!rule->by_time)
		return strategy;
	return psprintf("CASE WHEN c.category <> 'conflict' OR l.changed <> p.changed THEN %s\n"
					"       WHEN l.changed = p.changed THEN %s ELSE %s END",
					strategy,
					steep_sql_literal(psprintf("%s: tie", rule->strategy)),
					steep_sql_literal(psprintf("%s: unknown", rule->strategy)));
}

/*----------
 * Decide each row that local_rows and peer_rows hold by number: a row on one
 * side goes to the other, a conflict goes as the rule says.  Rows that are
 * equal by now need no decision.
 *----------
 */
const Statement *
steep_merge_decide_sql(const TablePair *pair, const DecisionRule *rule)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "decide rows", pair);
	char	   *names = steep_table_names_array(pair->columns);
	char	   *key = steep_table_names_array(pair->key);

	statement->text =
		psprintf("SELECT i.key, nullif(i.peer_key, i.key) AS peer_key, c.category,\n"
				 "       r.resolution, %s AS resolved_by,\n"
				 "       CASE WHEN r.resolution IS NULL THEN 'pending' ELSE 'planned' END AS state,\n"
				 "       l.digest AS local_digest, p.digest AS remote_digest,\n"
				 "       l.image AS local_image, p.image AS remote_image\n"
				 "FROM local_rows l FULL JOIN peer_rows p ON p.n = l.n\n"
				 "CROSS JOIN LATERAL\n"
				 "  (SELECT steep_repl.key_image(%s, %s, coalesce(l.image, p.image)) AS key,\n"
				 "          CASE WHEN l.image IS NOT NULL THEN\n"
				 "            steep_repl.key_image(%s, %s, p.image) END AS peer_key\n"
				 "   OFFSET 0) i\n"
				 "CROSS JOIN LATERAL\n"
				 "  (SELECT CASE WHEN p.digest IS NULL THEN 'local_only'\n"
				 "               WHEN l.digest IS NULL THEN 'remote_only'\n"
				 "               ELSE 'conflict' END AS category) c\n"
				 "CROSS JOIN LATERAL\n"
				 "  (SELECT CASE c.category WHEN 'local_only' THEN %s\n"
				 "    WHEN 'remote_only' THEN %s\n"
				 "    ELSE %s END AS resolution) r\n"
				 "WHERE l.digest IS DISTINCT FROM p.digest\n"
				 "ORDER BY coalesce(l.n, p.n)",
				 resolver(rule), key, names, key, names,
				 allowed(rule, "local", true), allowed(rule, "remote", true),
				 conflict_resolution(rule));
	return statement;
}

/* The expression that generates a column, as a value of its type, or NULL. */
static const char *
generated_by(const char *column, List *generated)
{
	ListCell   *cell;

	foreach(cell, generated)
	{
		char	  **row = lfirst(cell);

		if (strcmp(row[GENERATED_COLUMN], column) == 0)
			return psprintf("(%s)::%s", row[GENERATED_EXPRESSION],
							row[GENERATED_TYPE]);
	}
	return NULL;
}

/* t.<column>, <expression> AS <column>, …: columns with those generated anew */
static char *
generate_columns(List *names, List *generated)
{
	List	   *items = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		const char *name = steep_sql_ident(lfirst(cell));
		const char *expression = generated_by(lfirst(cell), generated);

		items = lappend(items, expression ?
						psprintf("%s AS %s", expression, name) :
						psprintf("t.%s", name));
	}
	return steep_sql_join(items, ", ");
}

/* List the columns of table $1 that are generated, and how. */
const Statement *
steep_merge_generated_sql(void)
{
	static const Statement statement = {
		.site = SITE_LOCAL,
		.purpose = "read generated columns",
		.text = "SELECT a.attname, pg_get_expr(d.adbin, d.adrelid),\n"
		"       format_type(a.atttypid, a.atttypmod)\n"
		"FROM pg_attribute a\n"
		"JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n"
		"WHERE a.attrelid = $1::regclass AND a.attgenerated <> ''",
		.nparams = 1,
		.params = {"text"},
	};

	return &statement;
}

/*----------
 * Read the record $1 of the columns named, the first nkeys of which are the
 * key, by the types of a table: its image and its digest.  "generated" is the
 * answer to the statement above.
 *----------
 */
const Statement *
steep_merge_custom_sql(const char *table, List *names, int nkeys,
					   List *generated)
{
	Statement  *statement = palloc0(sizeof(Statement));
	TablePair	pair = {0};
	ListCell   *cell;

	foreach(cell, names)
	{
		ColumnInfo *column = palloc0(sizeof(ColumnInfo));

		column->name = lfirst(cell);
		pair.columns = lappend(pair.columns, column);
	}
	pair.key = list_truncate(list_copy(pair.columns), nkeys);
	statement->site = SITE_LOCAL;
	statement->purpose = psprintf("read a row of %s", table);
	statement->text =
		psprintf("SELECT ROW(%s)::text, steep_repl.row_digest(%s)\n"
				 "FROM (SELECT %s FROM (SELECT (r.record).* FROM\n"
				 "  (SELECT steep_repl.reorder_record(%s, $1, ARRAY\n"
				 "     (SELECT a.attname::text FROM pg_attribute a\n"
				 "      WHERE a.attrelid = %s::regclass AND a.attnum > 0\n"
				 "        AND NOT a.attisdropped ORDER BY a.attnum))::%s AS record\n"
				 "   OFFSET 0) r) t OFFSET 0) t",
				 steep_table_columns(pair.columns),
				 steep_table_digest_columns(&pair),
				 generate_columns(names, generated),
				 steep_table_names_array(pair.columns),
				 steep_sql_literal(table), table);
	statement->nparams = 1;
	statement->params[0] = "text";
	return statement;
}

/* Does the node keep the time of each commit? */
const Statement *
steep_merge_commit_times_sql(Site site)
{
	static const Statement statement = {
		.purpose = "look for commit times",
		.text = "SELECT current_setting('track_commit_timestamp')",
		.result = "kept text",
	};

	return steep_statement_at(&statement, site);
}

/* Read the node's clock, in seconds since 1970. */
const Statement *
steep_merge_clock_sql(Site site)
{
	static const Statement statement = {
		.purpose = "read the clock",
		.text = "SELECT extract(epoch FROM clock_timestamp())",
		.result = "seconds numeric",
	};

	return steep_statement_at(&statement, site);
}
