/*-------------------------------------------------------------------------
 *
 * replication.h
 *		Wait until two nodes have applied what they wrote for each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REPLICATION_H
#define STEEP_REPL_REPLICATION_H

#include "ops/session.h"

/* One node's log, which the other node applies. */
typedef struct Crossing
{
	Site		publisher;
	char	   *slots;			/* of the other's subscriptions, or NULL */
	char	   *position;		/* that they have to reach */
} Crossing;

extern void steep_replication_begin(const Session *session,
									Crossing *crossing, Site publisher);
extern bool steep_replication_reached(const Session *session,
									  const Crossing *crossing);
extern bool steep_replication_await(const Session *session, long milliseconds);

#endif							/* STEEP_REPL_REPLICATION_H */
