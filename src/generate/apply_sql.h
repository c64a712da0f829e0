/*-------------------------------------------------------------------------
 *
 * apply_sql.h
 *		Statements that look at, load and finish the tables of a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_APPLY_SQL_H
#define STEEP_REPL_APPLY_SQL_H

#include "base/statement.h"

/* The columns of steep_apply_target_sql(). */
enum
{
	TARGET_KIND,				/* of pg_class */
	TARGET_INSERT,				/* the role may */
	TARGET_SELECT,
	TARGET_POLICIES,			/* hide rows from it */
	TARGET_TRIGGERS,			/* may fire */
	TARGET_MISFIT,				/* a column that does not fit, or NULL */
	TARGET_MISFIT_TYPE,			/* what the snapshot has */
	TARGET_MISFIT_HERE			/* what this table has, or NULL */
};

extern const Statement *steep_apply_target_sql(void);
extern const Statement *steep_apply_occupied_sql(const char *schema,
												 const char *table);
extern const Statement *steep_apply_may_quiet_sql(void);
extern const Statement *steep_apply_quiet_sql(void);
extern const Statement *steep_apply_sequence_sql(void);
extern const Statement *steep_apply_analyze_sql(const char *table);
extern const Statement *steep_apply_blocks_sql(void);
extern const Statement *steep_apply_references_sql(void);
extern const Statement *steep_apply_run_sql(const char *purpose,
											const char *text);

#endif							/* STEEP_REPL_APPLY_SQL_H */
