/*-------------------------------------------------------------------------
 *
 * init_manual.h
 *		Inits by the method "manual": rows are of a backup of the user's own.
 *
 * First prepare_init() publishes tables and creates a slot on a node.  That is
 * done by a job, which comes to be in a transaction of its own, so that what
 * is created is recorded before, and the call can return the slot's row:
 *
 *	1	publish		publish the tables; what the slot sends needs that already
 *	2	slot		create the slot
 *	3	hold		hold the snapshot that fits it, until somebody uses the slot
 *
 * Then the user copies the node as it was at that moment: by pg_dump from that
 * snapshot, or by a physical copy that is recovered up to the slot's LSN.  At
 * last complete_init() checks what is here and follows the slot.
 *
 * A node that prepares its own slot can't export the snapshot: a replication
 * connection would be needed, to itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INIT_MANUAL_H
#define STEEP_REPL_INIT_MANUAL_H

#include "ops/init.h"

#define INIT_HOLD "init_hold"

/* A row of steep_repl.init_slots. */
typedef struct PreparedSlot
{
	const char *name;
	const char *node;			/* that has it */
	const char *status;			/* preparing, prepared, used, dropped, failed */
	const char *publication;
	bool		published;		/* the publication is ours */
	const char *tables;			/* text[] of quoted names */
	const char *error;			/* why it failed, or NULL */
	bool		may;			/* the caller may manage it */
} PreparedSlot;

/* init_manual_slot.c */
extern PreparedSlot *steep_manual_find_slot(const char *name);
extern void steep_manual_check_may(const PreparedSlot *slot);
extern Datum steep_manual_slot_record(const char *name);
extern void steep_manual_end_slot(const char *name, const char *status,
								  const char *init);
extern bool steep_manual_drop_slots(const char *node);

/* init_manual_hold.c */
extern const Operation steep_hold_operation;

#endif							/* STEEP_REPL_INIT_MANUAL_H */
