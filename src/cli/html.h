/*-------------------------------------------------------------------------
 *
 * html.h
 *		An answer as a page that stands by itself.
 *
 * It asks for nothing: no script, no font, no picture; a policy in it forbids
 * all of them.  What comes from a server is text in it, whatever it holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_HTML_H
#define STEEP_REPL_HTML_H

#include "cli/arguments.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/text.h"

/* A part of a whole, in a bar or in a row of figures. */
typedef struct HtmlPart
{
	const char *title;
	const char *kind;			/* match, local, remote, conflict: its colour */
	double		amount;
} HtmlPart;

/*
 * Where --html says the page shall be, or NULL.  Answers come in UTF-8 from
 * then on.
 */
extern const char *steep_html_file(Session *session, const Arguments *arguments);

/* Begin a page: what it is, and of what. */
extern void steep_html_begin(Text *page, Session *session, const char *title,
							 const char *subject);

/* End the page, and write the file; if it is new, others cannot read it. */
extern void steep_html_write(const Session *session, Text *page,
							 const char *file);

/* Append text, with all that HTML would take for something else escaped. */
extern void steep_html_text(Text *page, const char *string);

extern void steep_html_figures(Text *page, const HtmlPart *parts, int count);
extern void steep_html_bar(Text *page, const HtmlPart *parts, int count);

/*
 * Append rows below headings, as on a terminal: the first columns of a
 * result.  append appends what stands right of a row; or NULL.
 */
extern void steep_html_table(Text *page, const PGresult *rows, int columns,
							 void (*append) (Text *page, const PGresult *rows, int row));

/* Append one row, a column on each line; without those that are null. */
extern void steep_html_record(Text *page, const PGresult *rows, int columns);

/* The pages of commands. */
extern void steep_html_overlap(Session *session, const PGresult *rows,
							   const char *peer, const char *file);
extern ExitCode steep_html_diff(Session *session, int count,
								const char *const *values, const char *file);
extern ExitCode steep_html_merge(Session *session, const char *id,
								 const Report *record, const Report *summary,
								 const char *file);

#endif							/* STEEP_REPL_HTML_H */
