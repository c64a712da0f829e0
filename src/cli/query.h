/*-------------------------------------------------------------------------
 *
 * query.h
 *		Statements, and waiting for their answers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_QUERY_H
#define STEEP_REPL_QUERY_H

#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/session.h"

typedef enum AnswerKind
{
	ANSWER_FINE,
	ANSWER_ERROR,				/* the server's; the connection is well */
	ANSWER_LOST,				/* the connection is gone */
	ANSWER_LATE,				/* the deadline has come */
	ANSWER_INTERRUPTED,			/* by Ctrl-C */
	ANSWER_TERMINATED			/* by another signal */
} AnswerKind;

typedef struct Answer
{
	AnswerKind	kind;
	PGresult   *result;			/* if it is fine or an error; else NULL */
} Answer;

/*
 * Run a statement.  When it is not answered it may still run; the connection
 * is of no use then.
 */
extern Answer steep_query_try(Session *session, const char *statement,
							  int count, const char *const *values);

/*
 * Run a statement and return its rows; connects first.  Whatever goes wrong
 * is complained about and ends the program, and the statement with it.
 */
extern PGresult *steep_query_run(Session *session, const char *statement,
								 int count, const char *const *values);

/* Complain about an error of the server; say what to end with. */
extern ExitCode steep_query_complain(const PGresult *result);

#endif							/* STEEP_REPL_QUERY_H */
