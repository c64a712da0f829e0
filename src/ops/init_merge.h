/*-------------------------------------------------------------------------
 *
 * init_merge.h
 *		Inits by the method "bidirectional-merge": both nodes have rows.
 *
 *	schema		schema			create the tables that are missing here
 *	copy		publish_back	publish the tables here, too
 *	index		hold_slots		make a slot on each node, and hold the snapshots
 *								that come with them
 *				merge			submit a merge that is planned from these
 *	finish		await_merge		wait until it is applied
 *	subscribe	subscribe		to the source
 *				subscribe_back	have the source subscribe to this node
 *	catchup		catchup_both	wait until each has applied the other's log
 *				settle			submit a merge of what still differs
 *				await_merge		wait for that
 *				conclude		say whether it has settled all
 *
 * What was committed on a node before its slot was made is merged, what was
 * committed later is replicated: nothing is lost, and nothing comes twice.
 * Only a row that was changed between the slots and the merge can end up
 * different: the change wins there, on its way, over what the merge has
 * decided here.  The first merge leaves such rows alone where it sees them;
 * the second one, which awaits replication, settles those that differ for
 * good, and any that both nodes have changed at once.
 *
 * What the source has to follow this node is called "back": a slot and a
 * publication here, and a subscription there, all of one name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INIT_MERGE_H
#define STEEP_REPL_INIT_MERGE_H

#include "ops/init.h"

/* How the merge stands that an init waits for: steep_repl.init_merge(). */
enum
{
	AWAITED_ID,
	AWAITED_STATUS,
	AWAITED_ERROR,
	AWAITED_PLANNED,			/* its plan has all it needs */
	AWAITED_UNSETTLED,			/* rows that it could not write */
	AWAITED_JOB					/* NULL once it has ended */
};

/* init_back.c */
extern bool steep_init_is_mutual(const Init *init);
extern char *steep_init_back_name(const Init *init);
extern void steep_init_record_back(const Init *init);
extern void steep_init_check_back(Session *session, const Init *init,
								  List *tables);
extern void steep_init_publish_back(StepContext *step);
extern void steep_init_subscribe_back(StepContext *step);

/* init_merge.c */
extern char **steep_init_find_merge(const char *init);
extern void steep_init_cancel_merge(const char *init);
extern void steep_init_start_over_merge(const Job *job);
extern void steep_init_begin_merge(StepContext *step);
extern void steep_init_merge(StepContext *step);
extern void steep_init_begin_wait(StepContext *step);
extern void steep_init_await_merge(StepContext *step);
extern void steep_init_settle(StepContext *step);
extern void steep_init_conclude(StepContext *step);

/* init_merge_hold.c */
extern void steep_init_begin_slots(StepContext *step);
extern void steep_init_hold_slots(StepContext *step);
extern void steep_init_record_slots(StepContext *step);

/* init_meet.c */
extern void steep_init_meet(StepContext *step);

#endif							/* STEEP_REPL_INIT_MERGE_H */
