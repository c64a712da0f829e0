/*-------------------------------------------------------------------------
 *
 * check_sql.c
 *		Statements that say whether a table can be compared as asked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/check_sql.h"
#include "generate/table_sql.h"

/*----------
 * Show one key that is not unique, with its count.
 *
 *	SELECT ROW(<key>)::text, count(*) FROM <table>
 *	GROUP BY <key> HAVING count(*) > 1 LIMIT 1
 *
 * All rows count, as rows are looked up by their keys among all; but those
 * that do not take part may have nulls.
 *----------
 */
const Statement *
steep_check_duplicates_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "look for a duplicate key", pair);
	char	   *key = steep_table_columns(pair->key);

	statement->text = psprintf("SELECT ROW(%s)::text, count(*)\n"
							   "FROM %s%s\n"
							   "GROUP BY %s HAVING count(*) > 1 LIMIT 1",
							   key, steep_table_from(steep_table_side(site, pair)),
							   pair->where ? psprintf("\nWHERE num_nulls(%s) = 0", key) : "",
							   key);
	statement->result = "key text, n int8";
	return statement;
}

/*----------
 * Count the rows whose key has a null.
 *
 *	SELECT count(*) FROM <table> WHERE num_nulls(<key>) > 0
 *----------
 */
const Statement *
steep_check_nulls_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "look for null keys", pair);

	statement->text = psprintf("SELECT count(*)\n"
							   "FROM %s%s",
							   steep_table_from(steep_table_side(site, pair)),
							   steep_table_where(pair, psprintf("num_nulls(%s) > 0",
																steep_table_columns(pair->key))));
	statement->result = "n int8";
	return statement;
}

/*----------
 * Try the condition of a pair, without reading a row.
 *
 *	SELECT 1 FROM <table> WHERE (<condition>) LIMIT 0
 *----------
 */
const Statement *
steep_check_where_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "try the condition", pair);

	statement->text = psprintf("SELECT 1 FROM %s%s LIMIT 0",
							   steep_table_from(steep_table_side(site, pair)),
							   steep_table_where(pair, NULL));
	statement->result = "one int4";
	return statement;
}

/*----------
 * Try whether a type takes null: a domain may not.
 *
 *	SELECT NULL::<type> IS NULL
 *----------
 */
const Statement *
steep_check_null_sql(Site site, const ColumnInfo *column)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = psprintf("try null as %s", column->type);
	statement->text = psprintf("SELECT NULL::%s IS NULL", column->type);
	statement->result = "is_null bool";
	return statement;
}
