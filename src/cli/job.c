/*-------------------------------------------------------------------------
 *
 * job.c
 *		Long work, from its start to its end.
 *
 * The work is the server's.  If we go, it goes on; if the server goes, it
 * goes on when that is back, and so do we.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/connection.h"
#include "cli/job.h"
#include "cli/listen.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "cli/terminal.h"

/* Columns of a look. */
enum
{
	LOOK_ENDED,
	LOOK_PHASE,
	LOOK_PERCENT,
	LOOK_TABLES_COMPLETED,
	LOOK_TABLES_TOTAL,
	LOOK_TABLE,
	LOOK_ROWS,
	LOOK_BYTES,
	LOOK_ETA,
	LOOK_JSON
};

typedef struct Waiting
{
	Session    *session;
	const JobKind *kind;
	const char *id;
	double		rows;			/* that a message has told; -1: none has */
	Pace		pace;
	Text		shown;			/* the last line of JSON */
} Waiting;

/* Say that the work goes on, and end. */
static void
leave(const Waiting *waiting, ExitCode code, const char *reason)
{
	Text		message = {0};
	Text		hint = {0};
	Complaint	complaint = {.severity = code == CODE_CONNECTION ? "error" : "notice"};

	steep_text_format(&message, "%s; %s \"%s\" goes on", reason,
					  waiting->kind->noun, waiting->id);
	steep_text_format(&hint, "Wait for it again with \"steep-repl ops watch %s\"; \"ops cancel\" ends it.", waiting->id);
	complaint.message = message.data;
	complaint.hint = hint.data;
	steep_complain(&complaint, code);
	exit(code);
}

/*----------
 * Look how far it is.
 *
 *	SELECT <ended>, phase, …, row_to_json(r)
 *	FROM (SELECT 'progress' AS event, p.* FROM <progress> AS p) AS r
 *----------
 */
static Answer
look(Waiting *waiting)
{
	const JobKind *kind = waiting->kind;
	Text		statement = {0};

	steep_text_format(&statement,
					  "SELECT %s, phase, overall_percent, tables_completed, tables_total,"
					  " current_table, %s, %s, eta_seconds, pg_catalog.row_to_json(r)"
					  " FROM (SELECT 'progress' AS event, p.* FROM %s AS p) AS r",
					  kind->ended, kind->rows ? kind->rows : "NULL", kind->bytes, kind->progress);
	return steep_query_try(waiting->session, statement.data, 1, &waiting->id);
}

static void
show_look(Waiting *waiting, const PGresult *row)
{
	const char *json = PQgetvalue(row, 0, LOOK_JSON);
	Look		seen = {
		.phase = PQgetvalue(row, 0, LOOK_PHASE),
		.table = PQgetvalue(row, 0, LOOK_TABLE),
		.tables_completed = PQgetvalue(row, 0, LOOK_TABLES_COMPLETED),
		.tables_total = PQgetvalue(row, 0, LOOK_TABLES_TOTAL),
		.eta_seconds = PQgetvalue(row, 0, LOOK_ETA),
		.percent = strtod(PQgetvalue(row, 0, LOOK_PERCENT), NULL),
		.rows = PQgetisnull(row, 0, LOOK_ROWS) ? waiting->rows : strtod(PQgetvalue(row, 0, LOOK_ROWS), NULL),
		.bytes = strtod(PQgetvalue(row, 0, LOOK_BYTES), NULL)
	};

	steep_progress_show(waiting->session, &seen, &waiting->pace);
	if (waiting->session->json && !waiting->session->quiet &&
		(waiting->shown.data == NULL || strcmp(waiting->shown.data, json) != 0))
	{
		printf("%s\n", json);
		fflush(stdout);
		steep_text_reset(&waiting->shown);
		steep_text_append(&waiting->shown, json);
	}
}

/* Is the server going down, or not quite up? */
static bool
is_going(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return sqlstate && strncmp(sqlstate, "57P", 3) == 0;
}

/* Look; has it ended? */
static AnswerKind
look_and_show(Waiting *waiting, bool *ended)
{
	Answer		answer = look(waiting);

	if (answer.kind == ANSWER_ERROR && is_going(answer.result))
		answer.kind = ANSWER_LOST;
	if (answer.kind == ANSWER_ERROR)
		exit(steep_query_complain(answer.result));
	if (answer.kind == ANSWER_FINE)
	{
		if (PQntuples(answer.result) == 0)
			steep_complain_fail(CODE_GENERAL, NULL, "%s \"%s\" is not known any more",
								waiting->kind->noun, waiting->id);
		*ended = PQgetvalue(answer.result, 0, LOOK_ENDED)[0] == 't';
		if (!*ended)
			show_look(waiting, answer.result);
	}
	PQclear(answer.result);
	return answer.kind;
}

/* Ask what Ctrl-C was meant to say. */
static AnswerKind
ask(Waiting *waiting)
{
	Text		question = {0};
	Answer		answer;

	if (!steep_prompt_is_possible())
		leave(waiting, CODE_CANCELLED, "interrupted");
	steep_text_format(&question, "Leave the %s running, cancel it, or wait on? [l/c/w] ",
					  waiting->kind->noun);
	switch (steep_prompt_choice(question.data, "lcw"))
	{
		case 'l':
			leave(waiting, CODE_CANCELLED, "interrupted");
			break;
		case 'c':
			/* a statement may have been under way */
			if (PQtransactionStatus(waiting->session->conn) != PQTRANS_IDLE)
				return ANSWER_LOST;
			answer = steep_query_try(waiting->session, waiting->kind->cancel, 1, &waiting->id);
			if (answer.kind == ANSWER_ERROR)
				steep_query_complain(answer.result);
			return answer.kind == ANSWER_ERROR ? ANSWER_FINE : answer.kind;
	}
	return PQtransactionStatus(waiting->session->conn) == PQTRANS_IDLE ?
		ANSWER_FINE : ANSWER_LOST;
}

/* Do what it takes to go on waiting after something has come between. */
static void
go_on(Waiting *waiting, AnswerKind kind)
{
	while (kind != ANSWER_FINE && kind != ANSWER_ERROR)
	{
		switch (kind)
		{
			case ANSWER_LOST:
				steep_progress_away(waiting->session);
				kind = steep_listen_again(waiting->session);
				if (kind == ANSWER_LOST)
					leave(waiting, CODE_CONNECTION, "the server does not come back");
				break;
			case ANSWER_LATE:
				leave(waiting, CODE_TIMEOUT, "the time is over");
				break;
			case ANSWER_TERMINATED:
				leave(waiting, CODE_CANCELLED, "terminated");
				break;
			default:
				kind = ask(waiting);
				break;
		}
	}
}

/* Wait until it has ended, however it does. */
static void
wait_for_end(Waiting *waiting)
{
	bool		ended = false;

	go_on(waiting, steep_listen_start(waiting->session));
	for (;;)
	{
		AnswerKind	kind = look_and_show(waiting, &ended);

		if (ended)
			break;
		if (kind == ANSWER_FINE)
			kind = steep_listen_wait(waiting->session, waiting->id, &waiting->rows);
		go_on(waiting, kind);
	}
	steep_terminal_clear();
}

/* Say how it has ended. */
static ExitCode
conclude(Session *session, const JobKind *kind, const char *id,
		 const char *status, const char *error)
{
	Complaint	complaint = {.severity = "error"};
	Text		message = {0};
	ExitCode	code = strcmp(status, "cancelled") == 0 ? CODE_CANCELLED : CODE_GENERAL;

	if (strcmp(status, "complete") == 0 || strcmp(status, "needs_resolution") == 0)
		return CODE_FINE;
	if (code == CODE_CANCELLED)
		steep_text_format(&message, "%s \"%s\" was cancelled", kind->noun, id);
	else
		steep_text_format(&message, "%s \"%s\" has failed: %s", kind->noun, id, error);
	complaint.message = message.data;
	steep_complain(&complaint, code);
	return code;
}

static ExitCode
finish(Session *session, const JobKind *kind, const char *id)
{
	Text		statement = {0};
	PGresult   *row;

	steep_text_format(&statement,
					  "SELECT status, error_message, pg_catalog.row_to_json(r)"
					  " FROM (SELECT 'result' AS event, p.* FROM %s AS p) AS r",
					  kind->result);
	row = steep_query_run(session, statement.data, 1, &id);
	if (session->json)
		printf("%s\n", PQgetvalue(row, 0, 2));
	else if (kind->show && !session->quiet)
		kind->show(session, id);
	return conclude(session, kind, id, PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1));
}

ExitCode
steep_job_watch(Session *session, const JobKind *kind, const char *id)
{
	Waiting		waiting = {.session = session,.kind = kind,.id = id,.rows = -1};

	if (session->conn == NULL)
		steep_connection_open(session);
	wait_for_end(&waiting);
	return finish(session, kind, id);
}

/*----------
 *	SELECT <id>, row_to_json(r) FROM <call> AS r
 *----------
 */
ExitCode
steep_job_start(Session *session, const Arguments *arguments,
				const JobKind *kind, const char *id_column, const char *call,
				int count, const char *const *values)
{
	Text		statement = {0};
	PGresult   *row;
	const char *id;

	steep_text_format(&statement, "SELECT %s, pg_catalog.row_to_json(r) FROM %s AS r",
					  id_column, call);
	row = steep_query_run(session, statement.data, count, values);
	id = PQgetvalue(row, 0, 0);
	if (steep_arguments_has(arguments, "no-wait"))
	{
		printf("%s\n", PQgetvalue(row, 0, session->json ? 1 : 0));
		return CODE_FINE;
	}
	if (!session->quiet && !session->json)
		fprintf(stderr, "Started %s \"%s\".\n", kind->noun, id);
	return steep_job_watch(session, kind, id);
}
