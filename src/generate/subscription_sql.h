/*-------------------------------------------------------------------------
 *
 * subscription_sql.h
 *		Statements of logical replication: publications, slots, subscriptions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SUBSCRIPTION_SQL_H
#define STEEP_REPL_SUBSCRIPTION_SQL_H

#include "base/statement.h"

/* The columns of steep_publish_facts_sql(). */
enum
{
	PUBLISH_LEVEL,				/* wal_level */
	PUBLISH_REPLICATION,		/* may the role replicate? */
	PUBLISH_CREATE,				/* may it create a publication? */
	PUBLISH_SLOTS,				/* max_replication_slots */
	PUBLISH_SLOTS_USED,
	PUBLISH_SENDERS,			/* max_wal_senders */
	PUBLISH_SENDERS_USED,
	PUBLISH_SLOT_EXISTS,
	PUBLISH_PUBLICATION_EXISTS
};

/* The columns of steep_publish_tables_sql(). */
enum
{
	PUBLISH_TABLE_SCHEMA,
	PUBLISH_TABLE_NAME,
	PUBLISH_TABLE_EXISTS,
	PUBLISH_TABLE_KIND,			/* relkind */
	PUBLISH_TABLE_PERSISTENT,
	PUBLISH_TABLE_IDENTIFIED,	/* has a replica identity */
	PUBLISH_TABLE_READABLE,
	PUBLISH_TABLE_OWNED			/* may the role publish it? */
};

/* The columns of steep_subscription_state_sql(). */
enum
{
	SUBSCRIPTION_ENABLED,
	SUBSCRIPTION_RELATIONS,
	SUBSCRIPTION_READY,			/* of them */
	SUBSCRIPTION_ERRORS,		/* of its workers, so far */
	SUBSCRIPTION_TABLE,			/* that is being copied, or null */
	SUBSCRIPTION_ROWS,			/* inserted so far, by whomever */
	SUBSCRIPTION_BYTES			/* that the tables have */
};

extern const Statement *steep_publish_facts_sql(void);
extern const Statement *steep_publish_tables_sql(void);
extern const Statement *steep_publish_size_sql(void);
extern const Statement *steep_publish_position_sql(void);
extern const Statement *steep_publication_create_sql(const char *name,
													 List *tables);
extern const Statement *steep_publication_filters_sql(void);
extern const Statement *steep_publication_drop_sql(const char *name);
extern const Statement *steep_slot_create_sql(void);
extern const Statement *steep_slot_release_sql(void);
extern const Statement *steep_slot_drop_sql(void);
extern const Statement *steep_subscription_may_sql(void);
extern const Statement *steep_subscription_exists_sql(void);
extern const Statement *steep_subscription_has_rows_sql(const char *table);
extern const Statement *steep_subscription_slots_sql(void);
extern const Statement *steep_subscription_state_sql(void);
extern List *steep_subscription_drop_sql(const char *name);
extern const Statement *steep_subscription_errors_sql(Site site);
extern const Statement *steep_subscription_foreign_sql(void);
extern const Statement *steep_subscription_make_sql(void);
extern const Statement *steep_subscription_undo_sql(void);
extern const Statement *steep_slot_reader_sql(Site site);

#endif							/* STEEP_REPL_SUBSCRIPTION_SQL_H */
