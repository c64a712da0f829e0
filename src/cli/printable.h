/*-------------------------------------------------------------------------
 *
 * printable.h
 *		Text of others, made fit for a terminal.
 *
 * What comes from a server or from its peer may hold anything: sequences that
 * move the cursor, characters that turn the line around.  They are shown, not
 * obeyed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PRINTABLE_H
#define STEEP_REPL_PRINTABLE_H

#include "cli/text.h"

typedef enum PrintableKind
{
	PRINTABLE_CELL,				/* one line: newlines and tabs are escaped */
	PRINTABLE_LINES				/* newlines and tabs stay */
} PrintableKind;

extern void steep_printable_append(Text *buf, const char *string,
								   PrintableKind kind);

/* How many columns of a terminal a string takes. */
extern int	steep_printable_width(const char *string);

/* Append a string, cut to a number of columns. */
extern void steep_printable_cut(Text *buf, const char *string, int width);

#endif							/* STEEP_REPL_PRINTABLE_H */
