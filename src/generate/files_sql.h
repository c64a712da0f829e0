/*-------------------------------------------------------------------------
 *
 * files_sql.h
 *		Calls of steep_repl's own functions for snapshots, here and on a peer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_FILES_SQL_H
#define STEEP_REPL_FILES_SQL_H

#include "base/statement.h"

/* The columns of steep_files_progress_sql(). */
enum
{
	FILES_PHASE,				/* its status, once it has ended */
	FILES_PERCENT,
	FILES_TABLE,
	FILES_BYTES,
	FILES_ERROR
};

extern const Statement *steep_files_may_sql(void);
extern const Statement *steep_files_write_sql(void);
extern const Statement *steep_files_apply_sql(void);
extern const Statement *steep_files_progress_sql(Site site);
extern const Statement *steep_files_discard_sql(void);

#endif							/* STEEP_REPL_FILES_SQL_H */
