/*-------------------------------------------------------------------------
 *
 * echo_sql.h
 *		Statements that find subscriptions between the nodes of a merge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ECHO_SQL_H
#define STEEP_REPL_ECHO_SQL_H

#include "base/statement.h"

extern const Statement *steep_echo_subscriptions_sql(Site site, int version);
extern const Statement *steep_echo_slots_sql(Site site);
extern const Statement *steep_echo_may_tag_sql(Site site);

#endif							/* STEEP_REPL_ECHO_SQL_H */
