/*-------------------------------------------------------------------------
 *
 * hold.h
 *		A database snapshot that one step of a job holds for the others.
 *
 * The step that holds it exports the snapshot, has its locks and waits until
 * the others are done.  They import the snapshot, and join the lock group of
 * who holds it: so a lock that somebody else waits for in between, say to
 * ALTER a table, does not keep them from reading it.
 *
 * The snapshot may be one of another node.  Then that node is where the others
 * import it, by its name, and lock what they read.
 *
 * Who holds it counts neither as one of the job's parallel workers nor to
 * steep_repl.max_workers.  If it goes before its end, what the others have
 * read is worth nothing: the leader dies of it, and the job starts over.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_HOLD_H
#define STEEP_REPL_HOLD_H

#include "jobs/operation.h"
#include "jobs/slot.h"

/* for the step that holds */
extern void steep_hold_begin(void);
extern void steep_hold_publish(const char *snapshot);
extern bool steep_hold_is_over(const StepContext *step);
extern void steep_hold_keep(bool (*done) (void *arg), void *arg);
extern void steep_hold_end(void);

/* for the others: in begin_step, before there is a snapshot */
extern void steep_hold_join(void);

/* for others that read elsewhere; they should have no snapshot meanwhile */
extern char *steep_hold_await(void);

extern void steep_hold_report_lost(void);

/* for the leader */
extern bool steep_hold_is_lost(JobSlot *slot);

#endif							/* STEEP_REPL_HOLD_H */
