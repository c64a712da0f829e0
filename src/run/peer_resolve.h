/*-------------------------------------------------------------------------
 *
 * peer_resolve.h
 *		What the address of a peer stands for: libpq's own options.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PEER_RESOLVE_H
#define STEEP_REPL_PEER_RESOLVE_H

#include "run/peer_address.h"

extern const PeerAddress *steep_peer_address_resolve(const PeerAddress *address);
extern bool steep_peer_address_has_password(const PeerAddress *address);

#endif							/* STEEP_REPL_PEER_RESOLVE_H */
