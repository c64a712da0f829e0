/*-------------------------------------------------------------------------
 *
 * listen.c
 *		News of jobs, which the server sends on a channel.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "cli/connection.h"
#include "cli/listen.h"
#include "cli/text.h"

#define LOOK_MS 1000			/* the most between two looks */
#define RETRY_MS 500			/* between two attempts to connect */
#define AWAY_MS 300000			/* the longest that a server may be away */

AnswerKind
steep_listen_start(Session *session)
{
	Answer		answer = steep_query_try(session, "LISTEN steep_repl_progress", 0, NULL);

	PQclear(answer.result);
	return answer.kind == ANSWER_ERROR ? ANSWER_FINE : answer.kind;
}

/*
 * Is the message about this job?  Quotes within a string of JSON are escaped,
 * so a field is found by its name, whatever tables are called.
 */
static bool
is_about(const char *message, const char *id, double *rows)
{
	Text		wanted = {0};
	const char *field;

	if (id == NULL)
		return true;
	steep_text_append(&wanted, "\"id\":");
	steep_text_json(&wanted, id);
	if (strstr(message, wanted.data) == NULL)
		return false;
	field = strstr(message, "\"rows\":");
	if (field)
		*rows = strtod(field + strlen("\"rows\":"), NULL);
	return true;
}

/* Take all messages; was one of them about this job? */
static bool
take_messages(Session *session, const char *id, double *rows)
{
	bool		found = false;
	PGnotify   *message;

	while ((message = PQnotifies(session->conn)) != NULL)
	{
		found |= is_about(message->extra, id, rows);
		PQfreemem(message);
	}
	return found;
}

/* How long to wait now, if until a moment but not beyond the deadline. */
static int
milliseconds_until(const Session *session, long long moment)
{
	long long	now = steep_interrupt_clock();

	if (session->deadline > 0 && session->deadline < moment)
		moment = session->deadline;
	return moment > now ? (int) (moment - now) : 0;
}

static bool
is_late(const Session *session)
{
	return session->deadline > 0 && steep_interrupt_clock() >= session->deadline;
}

AnswerKind
steep_listen_wait(Session *session, const char *id, double *rows)
{
	long long	end = steep_interrupt_clock() + LOOK_MS;

	while (!take_messages(session, id, rows))
	{
		switch (steep_interrupt_wait(PQsocket(session->conn),
									 milliseconds_until(session, end)))
		{
			case WAIT_READY:
				if (!PQconsumeInput(session->conn))
					return ANSWER_LOST;
				break;
			case WAIT_TIMEOUT:
				return is_late(session) ? ANSWER_LATE : ANSWER_FINE;
			case WAIT_INTERRUPT:
				return ANSWER_INTERRUPTED;
			case WAIT_TERMINATE:
				return ANSWER_TERMINATED;
		}
	}
	return ANSWER_FINE;
}

AnswerKind
steep_listen_again(Session *session)
{
	long long	end = steep_interrupt_clock() + AWAY_MS;

	while (!steep_connection_reopen(session))
	{
		switch (steep_interrupt_wait(-1, RETRY_MS))
		{
			case WAIT_INTERRUPT:
				return ANSWER_INTERRUPTED;
			case WAIT_TERMINATE:
				return ANSWER_TERMINATED;
			default:
				break;
		}
		if (is_late(session))
			return ANSWER_LATE;
		if (steep_interrupt_clock() >= end)
			return ANSWER_LOST;
	}
	return steep_listen_start(session);
}
