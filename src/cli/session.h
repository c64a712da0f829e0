/*-------------------------------------------------------------------------
 *
 * session.h
 *		What a command works with: a connection, and how to answer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SESSION_H
#define STEEP_REPL_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>

typedef struct Session
{
	const char *conninfo;		/* of -c, or NULL */
	const char *connection;		/* of --connection, or NULL */
	bool		json;			/* answer for a machine */
	bool		quiet;			/* answer no more than was asked */
	int			timeout;		/* in seconds; 0: none */
	long long	deadline;		/* by steep_interrupt_clock(); 0: none */
	PGconn	   *conn;			/* NULL until the first statement */
} Session;

#endif							/* STEEP_REPL_SESSION_H */
