/*-------------------------------------------------------------------------
 *
 * deadline.h
 *		A time limit for a call that hears nothing but a cancel.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DEADLINE_H
#define STEEP_REPL_DEADLINE_H

extern void steep_deadline_set(int seconds);
extern bool steep_deadline_clear(void);

#endif							/* STEEP_REPL_DEADLINE_H */
