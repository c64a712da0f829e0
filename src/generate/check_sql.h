/*-------------------------------------------------------------------------
 *
 * check_sql.h
 *		Statements that say whether a table can be compared as asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CHECK_SQL_H
#define STEEP_REPL_CHECK_SQL_H

#include "base/relinfo.h"
#include "base/statement.h"

extern const Statement *steep_check_duplicates_sql(Site site,
												   const TablePair *pair);
extern const Statement *steep_check_nulls_sql(Site site,
											  const TablePair *pair);
extern const Statement *steep_check_null_sql(Site site,
											 const ColumnInfo *column);
extern const Statement *steep_check_where_sql(Site site,
											  const TablePair *pair);

#endif							/* STEEP_REPL_CHECK_SQL_H */
