/*-------------------------------------------------------------------------
 *
 * schema_sql.h
 *		Statements that ask a node what its tables are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCHEMA_SQL_H
#define STEEP_REPL_SCHEMA_SQL_H

#include "base/statement.h"

/* Columns of the answer to steep_schema_fingerprints_sql() and its like. */
enum
{
	PRINT_SCHEMA,
	PRINT_TABLE,
	PRINT_VISIBLE,
	PRINT_FINGERPRINT
};

extern const Statement *steep_schema_fingerprints_sql(Site site);
extern const Statement *steep_schema_fingerprint_sql(Site site);
extern const Statement *steep_schema_facts_sql(Site site);
extern const Statement *steep_schema_compare_sql(void);

#endif							/* STEEP_REPL_SCHEMA_SQL_H */
