/*-------------------------------------------------------------------------
 *
 * wire_parts.h
 *		What wire.c and wire_command.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_WIRE_PARTS_H
#define STEEP_REPL_WIRE_PARTS_H

#include "libpq-fe.h"
#include "storage/latch.h"

#include "run/wire.h"

struct Wire
{
	PGconn	   *conn;
	char	   *label;			/* of the node, for people */
	bool		replication;	/* it can make slots */
	char	   *name;			/* by which it is kept, or NULL */
	const char *purpose;		/* of what runs, or NULL */
	char	   *row;			/* what COPY has sent, or NULL */
	int			length;			/* of row */
	int			taken;			/* bytes of row that were given on */
	Wire	   *next;
};

extern bool steep_wire_wait(Wire *wire, int ready);

#endif							/* STEEP_REPL_WIRE_PARTS_H */
