/*-------------------------------------------------------------------------
 *
 * catalog_sql.h
 *		Statements that ask a node about its tables and about itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CATALOG_SQL_H
#define STEEP_REPL_CATALOG_SQL_H

#include "base/statement.h"

extern const Statement *steep_catalog_columns_sql(Site site);
extern const Statement *steep_catalog_keys_sql(Site site);
extern const Statement *steep_catalog_foreign_keys_sql(Site site);
extern const Statement *steep_catalog_exclusions_sql(Site site);
extern const Statement *steep_catalog_triggers_sql(Site site);
extern const Statement *steep_catalog_expand_schema_sql(Site site);
extern const Statement *steep_catalog_expand_publication_sql(Site site);
extern const Statement *steep_catalog_node_sql(Site site);
extern const Statement *steep_catalog_digest_version_sql(Site site);

extern const Statement *steep_session_path_sql(void);
extern const Statement *steep_session_pin_sql(void);
extern const Statement *steep_session_read_sql(void);
extern const Statement *steep_session_snapshot_sql(const char *name);
extern const Statement *steep_session_patient_sql(void);
extern const Statement *steep_session_lock_timeout_sql(int milliseconds);

#endif							/* STEEP_REPL_CATALOG_SQL_H */
