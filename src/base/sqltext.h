/*-------------------------------------------------------------------------
 *
 * sqltext.h
 *		All quoting: names, literals, arrays and bound values as SQL text.
 *
 * Results are palloc'd in the current context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SQLTEXT_H
#define STEEP_REPL_SQLTEXT_H

#include "base/statement.h"

extern char *steep_sql_ident(const char *name);
extern char *steep_sql_name(const char *schema, const char *name);
extern char *steep_sql_literal(const char *value);
extern char *steep_sql_array(List *values);
extern char *steep_sql_join(List *items, const char *separator);
extern char *steep_sql_bind(const Statement *statement,
							const char *const *values);

#endif							/* STEEP_REPL_SQLTEXT_H */
