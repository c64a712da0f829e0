/*-------------------------------------------------------------------------
 *
 * report.h
 *		The answer of a function, for people and for machines.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REPORT_H
#define STEEP_REPL_REPORT_H

#include "cli/arguments.h"
#include "cli/complain.h"
#include "cli/session.h"
#include "cli/text.h"

/* A statement; its values are $1 and so on. */
typedef struct Report
{
	const char *columns;		/* a select list: what people see, with its
								 * headings */
	const char *from;			/* a row of r is what machines see */
	const char *order;			/* what comes after that; or NULL */
	bool		is_record;		/* has one row */
	bool		is_line;		/* as JSON it takes one line, however many
								 * rows */
	const char *nothing;		/* what people see if there is no row */

	/* Say what to end with; or NULL: all is well. */
	ExitCode	(*judge) (const PGresult *rows);

	/* Append what stands right of a row; or NULL. */
	void		(*append) (Text *line, const PGresult *rows, int row);
} Report;

/* Run it.  The last column of the result is the row as JSON. */
extern PGresult *steep_report_fetch(Session *session, const Report *report,
									int count, const char *const *values);

/* Show what was fetched. */
extern void steep_report_show(const Session *session, const Report *report,
							  const PGresult *rows);

/* Do both. */
extern PGresult *steep_report(Session *session, const Report *report,
							  int count, const char *const *values);

/*
 * Do it for a command: its values are its arguments, NULL for one that was
 * left out, then its options in the order of the table, true or false for one
 * that takes no value.
 */
extern ExitCode steep_report_command(Session *session, const Report *report,
									 const Arguments *arguments);

#endif							/* STEEP_REPL_REPORT_H */
