/*-------------------------------------------------------------------------
 *
 * connection.h
 *		The connection to this node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CONNECTION_H
#define STEEP_REPL_CONNECTION_H

#include "cli/session.h"

/* Connect, as psql does; complain if that fails, and end with 6. */
extern void steep_connection_open(Session *session);

/* Connect anew after the server has gone; false if it is not back yet. */
extern bool steep_connection_reopen(Session *session);

#endif							/* STEEP_REPL_CONNECTION_H */
