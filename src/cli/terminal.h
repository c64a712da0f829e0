/*-------------------------------------------------------------------------
 *
 * terminal.h
 *		What the program's output goes to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TERMINAL_H
#define STEEP_REPL_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef enum Color
{
	COLOR_NONE,
	COLOR_HEAD,
	COLOR_DIM,
	COLOR_GOOD,
	COLOR_WARN,
	COLOR_BAD,
	COLOR_LOCAL,
	COLOR_REMOTE
} Color;

extern void steep_terminal_setup(bool colors);

/* What switches a stream to a colour; empty unless it is to have any. */
extern const char *steep_terminal_color(FILE *stream, Color shade);

/* Does the locale know more than ASCII? */
extern bool steep_terminal_is_utf8(void);

extern bool steep_terminal_is(FILE *stream);
extern int	steep_terminal_columns(FILE *stream);
extern int	steep_terminal_rows(FILE *stream);

/*
 * Show a line at the end of stderr, in place of the one shown before; and
 * take it away, so that something else can be written.
 */
extern void steep_terminal_show(const char *line);
extern void steep_terminal_clear(void);

#endif							/* STEEP_REPL_TERMINAL_H */
