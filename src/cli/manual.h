/*-------------------------------------------------------------------------
 *
 * manual.h
 *		What the manual says of all commands, from their table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MANUAL_H
#define STEEP_REPL_MANUAL_H

/* Print it, as troff reads it; src/cli/steep-repl.1 holds a copy. */
extern void steep_manual_print(void);

#endif							/* STEEP_REPL_MANUAL_H */
