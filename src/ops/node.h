/*-------------------------------------------------------------------------
 *
 * node.h
 *		A node that is registered in steep_repl.nodes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_NODE_H
#define STEEP_REPL_NODE_H

#include "fmgr.h"

#include "ops/session.h"

typedef struct RegisteredNode
{
	const char *id;
	char	   *name;			/* for people */
	char	   *host;			/* or NULL */
	int			port;
	char	   *server;			/* a postgres_fdw server, or NULL */
	bool		local;			/* it is this very database */
} RegisteredNode;

extern const char *steep_node_argument(FunctionCallInfo fcinfo, int number);
extern void steep_node_report_unknown(const char *id);
extern RegisteredNode *steep_node_find(const char *id);
extern bool steep_node_touch(const char *id);
extern PeerAddress *steep_node_address(const RegisteredNode *node);
extern Session *steep_node_open(const RegisteredNode *node);

#endif							/* STEEP_REPL_NODE_H */
