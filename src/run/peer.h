/*-------------------------------------------------------------------------
 *
 * peer.h
 *		Run a Statement on the peer, through dblink.
 *
 * The same verbs as local.h.  Each waits on its latch until the peer has
 * answered, so a cancel is noticed at once; send and collect let this node
 * work meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PEER_H
#define STEEP_REPL_PEER_H

#include "run/local.h"
#include "run/peer_address.h"

typedef struct Peer Peer;

extern Peer *steep_peer_open(const PeerAddress *address);
extern void steep_peer_close(Peer *peer);
extern const char *steep_peer_label(const Peer *peer);
extern void steep_peer_set_time_limit(Peer *peer, int milliseconds);

extern void steep_peer_none(Peer *peer, const Statement *statement,
							const char *const *values);
extern char *steep_peer_value(Peer *peer, const Statement *statement,
							  const char *const *values);
extern char **steep_peer_row(Peer *peer, const Statement *statement,
							 const char *const *values);
extern char **steep_peer_collect_row(Peer *peer);
extern void steep_peer_rows(Peer *peer, const Statement *statement,
							const char *const *values, Spool *into);

extern void steep_peer_recover(Peer *peer, const Statement *undo);

extern void steep_peer_send(Peer *peer, const Statement *statement,
							const char *const *values);
extern void steep_peer_send_bulk(Peer *peer, const Statement *statement,
								 const char *const *values);
extern void steep_peer_collect(Peer *peer, Spool *into);

#endif							/* STEEP_REPL_PEER_H */
