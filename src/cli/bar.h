/*-------------------------------------------------------------------------
 *
 * bar.h
 *		Proportions, drawn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_BAR_H
#define STEEP_REPL_BAR_H

#include <stdio.h>

#include "cli/terminal.h"
#include "cli/text.h"

typedef struct BarPart
{
	double		amount;
	Color		shade;
	const char *utf8;			/* a character that takes one column */
	const char *ascii;
} BarPart;

/*
 * Append a bar of so many columns.  Whatever there is any of takes one at
 * least: one conflict in a million rows is what somebody looks for.
 */
extern void steep_bar_append(Text *buf, FILE *stream, int width,
							 const BarPart *parts, int count);

#endif							/* STEEP_REPL_BAR_H */
