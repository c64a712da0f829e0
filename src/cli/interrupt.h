/*-------------------------------------------------------------------------
 *
 * interrupt.h
 *		Signals, seen by who waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INTERRUPT_H
#define STEEP_REPL_INTERRUPT_H

typedef enum WaitEnd
{
	WAIT_READY,					/* there is something to read */
	WAIT_TIMEOUT,
	WAIT_INTERRUPT,				/* SIGINT: somebody has pressed Ctrl-C */
	WAIT_TERMINATE				/* SIGTERM or SIGHUP */
} WaitEnd;

/* From now on signals end a wait instead of the program. */
extern void steep_interrupt_setup(void);

/*
 * Wait until a descriptor can be read, or for so many milliseconds; without
 * end if that is negative.  A signal that came before counts.
 */
extern WaitEnd steep_interrupt_wait(int fd, int milliseconds);

/* The time, in milliseconds since some moment. */
extern long long steep_interrupt_clock(void);

#endif							/* STEEP_REPL_INTERRUPT_H */
