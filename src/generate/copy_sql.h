/*-------------------------------------------------------------------------
 *
 * copy_sql.h
 *		Statements that read tables to copy them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPY_SQL_H
#define STEEP_REPL_COPY_SQL_H

#include "base/statement.h"

/* The columns of steep_copy_tables_sql(). */
enum
{
	COPY_TABLE_RELID,
	COPY_TABLE_SCHEMA,
	COPY_TABLE_NAME,
	COPY_TABLE_COLUMNS,
	COPY_TABLE_TYPES,
	COPY_TABLE_FINGERPRINT,
	COPY_TABLE_READABLE,
	COPY_TABLE_POLICIES,
	COPY_TABLE_BLOCKS,
	COPY_TABLE_BYTES
};

extern const Statement *steep_copy_relids_sql(Site site);
extern const Statement *steep_copy_tables_sql(Site site);
extern const Statement *steep_copy_state_sql(Site site);
extern const Statement *steep_copy_names_sql(void);
extern const Statement *steep_copy_sequences_sql(Site site);
extern const Statement *steep_copy_sequence_sql(Site site, List *sequences);
extern const Statement *steep_copy_rows_sql(const char *schema,
											const char *table, List *columns,
											bool first, bool last);
extern const Statement *steep_copy_stream_sql(const char *schema,
											  const char *table, List *columns,
											  const char *first,
											  const char *last, bool binary);
extern const Statement *steep_copy_lock_sql(List *tables);
extern const Statement *steep_copy_import_sql(const char *snapshot);
extern const Statement *steep_copy_export_sql(void);

#endif							/* STEEP_REPL_COPY_SQL_H */
