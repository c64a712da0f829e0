/*-------------------------------------------------------------------------
 *
 * query.c
 *		Statements, and waiting for their answers.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "cli/connection.h"
#include "cli/query.h"

/* How long we may wait yet, in milliseconds; -1: as long as it takes. */
static int
time_left(const Session *session)
{
	long long	left;

	if (session->deadline == 0)
		return -1;
	left = session->deadline - steep_interrupt_clock();
	return left > 0 ? (int) left : 0;
}

/* Wait until the server has said all. */
static AnswerKind
wait_for_input(Session *session)
{
	while (PQisBusy(session->conn))
	{
		switch (steep_interrupt_wait(PQsocket(session->conn), time_left(session)))
		{
			case WAIT_READY:
				if (!PQconsumeInput(session->conn))
					return ANSWER_LOST;
				break;
			case WAIT_TIMEOUT:
				return ANSWER_LATE;
			case WAIT_INTERRUPT:
				return ANSWER_INTERRUPTED;
			case WAIT_TERMINATE:
				return ANSWER_TERMINATED;
		}
	}
	return ANSWER_FINE;
}

Answer
steep_query_try(Session *session, const char *statement, int count,
				const char *const *values)
{
	Answer		answer = {ANSWER_LOST, NULL};
	PGresult   *result;

	if (!PQsendQueryParams(session->conn, statement, count, NULL, values, NULL, NULL, 0))
		return answer;
	do
	{
		answer.kind = wait_for_input(session);
		if (answer.kind != ANSWER_FINE)
		{
			PQclear(answer.result);
			answer.result = NULL;
			return answer;
		}
		result = PQgetResult(session->conn);
		if (result)
		{
			PQclear(answer.result);
			answer.result = result;
		}
	} while (result);
	switch (PQresultStatus(answer.result))
	{
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			break;
		default:
			answer.kind = PQstatus(session->conn) == CONNECTION_OK ?
				ANSWER_ERROR : ANSWER_LOST;
			break;
	}
	return answer;
}

/* Find the way out where the server does not know it. */
static const char *
better_hint(const char *sqlstate, const char *hint)
{
	if (sqlstate == NULL)
		return hint;
	if (strcmp(sqlstate, "3F000") == 0)
		return "Run CREATE EXTENSION steep_repl CASCADE in this database, or connect to another one.";
	if (strcmp(sqlstate, "42883") == 0)
		return "The extension in this database may be older than this program.";
	return hint;
}

ExitCode
steep_query_complain(const PGresult *result)
{
	Complaint	complaint = {
		.severity = "error",
		.sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE),
		.message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
		.detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL)
	};
	ExitCode	code = CODE_GENERAL;

	if (complaint.sqlstate && strncmp(complaint.sqlstate, "08", 2) == 0)
		code = CODE_CONNECTION;
	complaint.hint = better_hint(complaint.sqlstate,
								 PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
	if (complaint.message == NULL)
		complaint.message = PQresultErrorMessage(result);
	steep_complain(&complaint, code);
	return code;
}

/* Have the server stop what nobody waits for any more. */
static void
cancel(Session *session)
{
	char		problem[256];
	PGcancel   *request = PQgetCancel(session->conn);

	if (request)
		PQcancel(request, problem, sizeof(problem));
	PQfreeCancel(request);
}

PGresult *
steep_query_run(Session *session, const char *statement, int count,
				const char *const *values)
{
	Answer		answer;

	if (session->conn == NULL)
		steep_connection_open(session);
	answer = steep_query_try(session, statement, count, values);
	switch (answer.kind)
	{
		case ANSWER_FINE:
			break;
		case ANSWER_ERROR:
			exit(steep_query_complain(answer.result));
		case ANSWER_LOST:
			steep_complain_fail(CODE_CONNECTION, "The server's log says why.",
								"the connection to the server was lost");
		case ANSWER_LATE:
			cancel(session);
			steep_complain_fail(CODE_TIMEOUT, "Give it more time with --timeout.",
								"no answer within %d seconds", session->timeout);
		case ANSWER_INTERRUPTED:
		case ANSWER_TERMINATED:
			cancel(session);
			steep_complain_fail(CODE_CANCELLED, NULL, "cancelled");
	}
	return answer.result;
}
