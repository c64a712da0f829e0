/*-------------------------------------------------------------------------
 *
 * server.h
 *		A postgres_fdw server of our own, with its user mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SERVER_H
#define STEEP_REPL_SERVER_H

#include "run/peer_address.h"

extern void steep_server_check_usage(void);
extern void steep_server_create(const char *name, const PeerAddress *address);
extern void steep_server_drop(const char *name);

#endif							/* STEEP_REPL_SERVER_H */
