/*-------------------------------------------------------------------------
 *
 * local_slot.h
 *		Make a replication slot on this node, and read from where it starts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LOCAL_SLOT_H
#define STEEP_REPL_LOCAL_SLOT_H

extern void steep_local_slot_create(const char *name);

#endif							/* STEEP_REPL_LOCAL_SLOT_H */
