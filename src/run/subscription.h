/*-------------------------------------------------------------------------
 *
 * subscription.h
 *		Make a subscription of this node to a peer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SUBSCRIPTION_H
#define STEEP_REPL_SUBSCRIPTION_H

#include "run/peer_address.h"

typedef struct SubscriptionSpec
{
	const char *name;
	const char *publication;
	const char *slot;			/* exists already */
	bool		copy;			/* its workers copy the rows */
	bool		no_origin;		/* only what was written there (16+) */
	const char *start;			/* LSN that is the last one to skip, or NULL
								 * for where the slot starts */
} SubscriptionSpec;

extern void steep_subscription_create(const SubscriptionSpec *spec,
									  const PeerAddress *address);

extern void steep_subscription_copy_again(Oid subscription, Oid table);

#endif							/* STEEP_REPL_SUBSCRIPTION_H */
