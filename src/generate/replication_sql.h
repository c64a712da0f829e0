/*-------------------------------------------------------------------------
 *
 * replication_sql.h
 *		Statements that ask how far one node has applied what another wrote.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REPLICATION_SQL_H
#define STEEP_REPL_REPLICATION_SQL_H

#include "base/statement.h"

extern const Statement *steep_replication_slots_sql(Site site);
extern const Statement *steep_replication_position_sql(Site site);
extern const Statement *steep_replication_reached_sql(Site site);

#endif							/* STEEP_REPL_REPLICATION_SQL_H */
