/*-------------------------------------------------------------------------
 *
 * peer_address.h
 *		What a caller calls a peer: a conninfo string, a URI or a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PEER_ADDRESS_H
#define STEEP_REPL_PEER_ADDRESS_H

#include "nodes/pg_list.h"

typedef struct PeerAddress
{
	char	   *server;			/* an existing postgres_fdw server, or NULL */
	List	   *server_options; /* DefElems for a server of our own */
	List	   *user_options;	/* DefElems for its user mapping: secrets */
	char	   *label;			/* for people, without secrets */
} PeerAddress;

/* peer_address.c */
extern PeerAddress *steep_peer_address_parse(const char *text);
extern bool steep_peer_host_is_local(const char *host);
extern PeerAddress *steep_peer_address_of_server(const char *name);
extern PeerAddress *steep_peer_address_of_host(const char *host, int port,
											   const char *database,
											   const char *user);

/* peer_conninfo.c */
extern const char *steep_peer_option(List *options, const char *name);
extern bool steep_peer_option_suspect(const char *keyword, const char *value);
extern char *steep_peer_options_write(List *options);
extern int	steep_peer_address_timeout(const PeerAddress *address);
extern char *steep_peer_address_conninfo(const PeerAddress *address);
extern char *steep_peer_address_lasting(const PeerAddress *address,
										bool *password);
extern char *steep_peer_address_public(const PeerAddress *address);

#endif							/* STEEP_REPL_PEER_ADDRESS_H */
