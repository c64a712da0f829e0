/*-------------------------------------------------------------------------
 *
 * progress.h
 *		How far a job is, on one live line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PROGRESS_H
#define STEEP_REPL_PROGRESS_H

#include <stdio.h>

#include "cli/session.h"
#include "cli/text.h"

/* One look at a job. */
typedef struct Look
{
	const char *phase;
	const char *table;			/* or "" */
	const char *tables_completed;	/* or "" */
	const char *tables_total;
	const char *eta_seconds;	/* or "" */
	double		percent;
	double		rows;			/* -1 if nobody says */
	double		bytes;
} Look;

/* Where the speed is counted from. */
typedef struct Pace
{
	char		phase[64];
	long long	since;			/* by steep_interrupt_clock() */
	double		rows;
	double		bytes;
} Pace;

/* Show it, if there is a terminal and somebody wants to see. */
extern void steep_progress_show(const Session *session, const Look *look,
								Pace *pace);

/* Show instead that the server is away. */
extern void steep_progress_away(const Session *session);

/* Append a bar that is full to so many percent. */
extern void steep_progress_bar(Text *buf, FILE *stream, int width, double percent);

/* Append a time in seconds as "4 s", "3:20" or "1:02:03". */
extern void steep_progress_time(Text *buf, long seconds);

#endif							/* STEEP_REPL_PROGRESS_H */
