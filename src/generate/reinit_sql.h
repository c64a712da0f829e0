/*-------------------------------------------------------------------------
 *
 * reinit_sql.h
 *		Statements that have a subscription copy some of its tables again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REINIT_SQL_H
#define STEEP_REPL_REINIT_SQL_H

#include "base/statement.h"

/* The columns of steep_reinit_tables_sql(). */
enum
{
	REINIT_RELID,
	REINIT_NAME,				/* quoted */
	REINIT_SCHEMA,
	REINIT_TABLE,
	REINIT_STATE,				/* srsubstate; null: a parent of such tables */
	REINIT_MAY					/* may the role truncate it? */
};

/* The columns of steep_reinit_outside_sql(). */
enum
{
	OUTSIDE_CONSTRAINT,
	OUTSIDE_CHILD,
	OUTSIDE_PARENT
};

extern const Statement *steep_reinit_tables_sql(void);
extern const Statement *steep_reinit_missing_sql(void);
extern const Statement *steep_reinit_outside_sql(void);
extern const Statement *steep_reinit_truncate_sql(List *names);
extern const Statement *steep_reinit_stop_sql(void);

#endif							/* STEEP_REPL_REINIT_SQL_H */
