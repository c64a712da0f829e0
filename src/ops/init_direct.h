/*-------------------------------------------------------------------------
 *
 * init_direct.h
 *		Inits by the method "direct": rows are copied over the wire.
 *
 *	schema		create		create the tables that are missing here
 *	plan		plan		cut the source's tables into parts
 *	copy		hold		create the slot on the source, and hold its snapshot
 *				load		a step a part: copy its rows
 *	index		index		a step an index or key: build it
 *	finish		references	a step a table that existed: look for missing parents
 *				finish		constraints, foreign keys, comments, grants
 *				sequences	set the sequences
 *	analyze		analyze		a step a table: gather statistics
 *
 * The subscription then starts where the slot does: what the snapshot shows
 * was copied, all that was committed later is sent, nothing twice.
 *
 * A part's rows commit together with the record that its step is complete.
 * But they are of one snapshot, which lives no longer than the step that holds
 * it: if that is lost, the slot is dropped, the tables are emptied, and the
 * copy starts over from its plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INIT_DIRECT_H
#define STEEP_REPL_INIT_DIRECT_H

#include "ops/init.h"
#include "run/wire.h"

/* init_direct.c */
extern void steep_direct_create(StepContext *step);

/* init_direct_plan.c */
extern void steep_direct_start_over(const Job *job);
extern List *steep_direct_list_tables(Session *session, const Init *init,
									  char **relids);
extern void steep_direct_plan(StepContext *step);

/* init_direct_hold.c */
extern void steep_direct_begin(const Init *init, Wire *wire);
extern void steep_direct_hold(StepContext *step);

/* init_direct_load.c */
extern void steep_direct_load(StepContext *step);

/* init_direct_sequences.c */
extern void steep_direct_sequences(StepContext *step);

#endif							/* STEEP_REPL_INIT_DIRECT_H */
