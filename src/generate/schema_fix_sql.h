/*-------------------------------------------------------------------------
 *
 * schema_fix_sql.h
 *		SQL that makes what a node has of a table what another node has.
 *
 * What adds or widens goes to sql, what drops or narrows to destructive; both
 * are NULL if no statement does it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCHEMA_FIX_SQL_H
#define STEEP_REPL_SCHEMA_FIX_SQL_H

#include "base/schemafact.h"

typedef struct SchemaFix
{
	char	   *sql;
	char	   *destructive;
} SchemaFix;

extern char *steep_fix_describe(const SchemaFact *fact);
extern char *steep_fix_create_sequence(const char *expression);
extern char *steep_fix_column_definition(const SchemaFact *column);
extern SchemaFix steep_fix_table(const char *table, List *facts);
extern SchemaFix steep_fix_parents(const char *table, const SchemaFact *wanted);
extern SchemaFix steep_fix_column(const char *table, const SchemaFact *wanted,
								  int field);
extern SchemaFix steep_fix_add(const char *table, const SchemaFact *wanted);
extern SchemaFix steep_fix_drop(const char *schema, const char *table,
								const SchemaFact *surplus);
extern SchemaFix steep_fix_replace(const char *schema, const char *table,
								   const SchemaFact *wanted);

extern char *steep_fix_create_type(const SchemaFact *type);
extern char *steep_fix_create_collation(const SchemaFact *collation);
extern SchemaFix steep_fix_change_type(const SchemaFact *wanted);

#endif							/* STEEP_REPL_SCHEMA_FIX_SQL_H */
