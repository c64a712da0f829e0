/*-------------------------------------------------------------------------
 *
 * wire.h
 *		A connection to another node, for what dblink can't do.
 *
 * It takes the output of COPY as it comes, and makes a replication slot
 * together with its snapshot.  It runs SQL too.  Each call waits on
 * the latch, so a cancel is noticed at once.
 *
 * A wire outlives the transaction that opened it, so that steps may share one
 * that is kept by a name; a transaction that aborts closes all wires of its
 * process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_WIRE_H
#define STEEP_REPL_WIRE_H

#include "base/statement.h"
#include "run/peer_address.h"

typedef struct Wire Wire;

extern Wire *steep_wire_connect(const PeerAddress *address);
extern Wire *steep_wire_connect_plain(const PeerAddress *address);
extern void steep_wire_close(Wire *wire);

extern void steep_wire_keep(Wire *wire, const char *name);
extern Wire *steep_wire_kept(const char *name);
extern void steep_wire_close_kept(void);

extern void steep_wire_check(Wire *wire);
extern void steep_wire_none(Wire *wire, const Statement *statement);
extern char *steep_wire_value(Wire *wire, const Statement *statement,
							  const char *const *values);
extern char *steep_wire_create_slot(Wire *wire, const char *slot, char **lsn);
extern void steep_wire_use_slot(Wire *wire, const char *slot, char **lsn);

extern void steep_wire_copy_begin(Wire *wire, const Statement *copy);
extern int	steep_wire_copy_read(void *wire, void *buffer, int room);
extern void steep_wire_copy_end(Wire *wire);

#endif							/* STEEP_REPL_WIRE_H */
