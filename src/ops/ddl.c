/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		SQL functions that say how to create tables elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "base/pinned.h"
#include "base/sqltext.h"
#include "generate/table_ddl.h"
#include "ops/tables.h"
#include "run/local.h"

PG_FUNCTION_INFO_V1(steep_repl_table_ddl);
PG_FUNCTION_INFO_V1(steep_repl_table_ddl_omissions);
PG_FUNCTION_INFO_V1(steep_repl_column_ddl);

/*
 * Append what a statement answers to the result; it is given the tables, as
 * an array or as the name of one, and more.
 */
static int64
append_answer(FunctionCallInfo fcinfo, const Statement *statement,
			  const char *tables, const char *more)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *values[] = {tables, more};
	Spool		spool = {.name = "result"};

	InitMaterializedSRF(fcinfo, 0);
	spool.store = result->setResult;
	spool.desc = result->setDesc;
	steep_local_rows(statement, values, NIL, &spool);
	return spool.nrows;
}

/* Write the name of a table that was looked up. */
static char *
name_of(const TablePair *pair)
{
	return steep_sql_name(pair->local->schema, pair->local->name);
}

/*
 * Return what a statement answers for the tables of the first argument, which
 * are looked up, and locked, before the search path is pinned.
 */
static Datum
answer_for_tables(FunctionCallInfo fcinfo, const Statement *statement)
{
	List	   *pairs = steep_tables_resolve(PG_ARGISNULL(0) ? NULL :
											 PG_GETARG_ARRAYTYPE_P(0));
	int			pinned = steep_pin_begin(PIN_ALWAYS);
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, steep_tables_expand(NULL, pairs))
		names = lappend(names, name_of(lfirst(cell)));
	append_answer(fcinfo, statement, steep_sql_array(names), NULL);
	steep_pin_end(pinned);
	return (Datum) 0;
}

/* table_ddl(p_tables text[]) */
Datum
steep_repl_table_ddl(PG_FUNCTION_ARGS)
{
	return answer_for_tables(fcinfo, steep_table_ddl_sql(SITE_LOCAL));
}

/* table_ddl_omissions(p_tables text[]) */
Datum
steep_repl_table_ddl_omissions(PG_FUNCTION_ARGS)
{
	return answer_for_tables(fcinfo, steep_table_ddl_omissions_sql(SITE_LOCAL));
}

/* column_ddl(p_table text, p_column text) */
Datum
steep_repl_column_ddl(PG_FUNCTION_ARGS)
{
	List	   *pairs = steep_tables_resolve(steep_tables_one(PG_GETARG_TEXT_PP(0)));
	char	   *table = name_of(linitial(pairs));
	char	   *column = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			pinned = steep_pin_begin(PIN_ALWAYS);

	if (append_answer(fcinfo, steep_table_ddl_column_sql(SITE_LOCAL), table,
					  column) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						column, table),
				 errhint("Name it as it is in pg_attribute, without quotes.")));
	steep_pin_end(pinned);
	return (Datum) 0;
}
