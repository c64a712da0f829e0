/*-------------------------------------------------------------------------
 *
 * table_sql.h
 *		Pieces of SQL text about a table and its key, for the generators.
 *
 * A table is always called t, its key columns in our own relations
 * key1, key2, ….
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TABLE_SQL_H
#define STEEP_REPL_TABLE_SQL_H

#include "base/relinfo.h"
#include "base/statement.h"

extern const RelInfo *steep_table_side(Site site, const TablePair *pair);
extern char *steep_table_from(const RelInfo *rel);
extern char *steep_table_where(const TablePair *pair, const char *filter);
extern char *steep_table_columns(List *columns);
extern char *steep_table_digest_columns(const TablePair *pair);
extern char *steep_table_key_aliased(const TablePair *pair);
extern char *steep_table_key_names(const TablePair *pair, const char *prefix);
extern char *steep_table_key_definitions(const TablePair *pair);
extern char *steep_table_key_join(const TablePair *pair);
extern char *steep_table_key_lookup(const TablePair *pair);
extern bool steep_table_is_json(const ColumnInfo *column);
extern char *steep_table_names_array(List *columns);
extern const Statement *steep_statement_at(const Statement *statement,
										   Site site);
extern Statement *steep_table_by_keys(Site site, const char *purpose,
									  const TablePair *pair,
									  const char *selected);
extern Statement *steep_statement_create(Site site, const char *purpose,
										 const TablePair *pair);

#endif							/* STEEP_REPL_TABLE_SQL_H */
