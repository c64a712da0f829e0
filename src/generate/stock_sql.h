/*-------------------------------------------------------------------------
 *
 * stock_sql.h
 *		Digests in stock SQL, for a peer that has no steep_repl.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_STOCK_SQL_H
#define STEEP_REPL_STOCK_SQL_H

#include "base/relinfo.h"
#include "base/statement.h"

extern void steep_stock_digest(Statement *statement, const TablePair *pair);
extern const char *steep_stock_leaves(void);
extern char *steep_stock_leaf(const TablePair *pair);
extern char *steep_stock_row(const TablePair *pair);

#endif							/* STEEP_REPL_STOCK_SQL_H */
