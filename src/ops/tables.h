/*-------------------------------------------------------------------------
 *
 * tables.h
 *		Which tables a caller means, and whether both nodes' fit together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TABLES_H
#define STEEP_REPL_TABLES_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "base/relinfo.h"
#include "ops/session.h"

extern RelInfo *steep_tables_find(const char *asked);
extern RelInfo *steep_tables_imagine(const char *asked);
extern List *steep_tables_of_either(Session *session, const char *asked);
extern List *steep_tables_of_peer(Session *session, const char *asked);
extern List *steep_tables_resolve(ArrayType *tables);
extern bool steep_tables_is_pattern(const char *asked);
extern ArrayType *steep_tables_one(text *table);
extern List *steep_tables_expand(Session *session, List *pairs);
extern bool steep_tables_names(const char *written, const TablePair *pair);
extern void steep_tables_check(Session *session, List *pairs,
							   Jsonb *primary_keys);

#endif							/* STEEP_REPL_TABLES_H */
