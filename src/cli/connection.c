/*-------------------------------------------------------------------------
 *
 * connection.c
 *		The connection to this node.
 *
 * libpq does it all: its environment variables, password file, service file
 * and TLS work as in psql.  It asks for a password only if the server wants
 * one and there is somebody to ask.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/config.h"
#include "cli/connection.h"
#include "cli/interrupt.h"
#include "cli/prompt.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define MOST_PARAMETERS 20

/* Parameters of libpq; of two with one name the later one counts. */
typedef struct Parameters
{
	const char *keywords[MOST_PARAMETERS + 1];
	const char *values[MOST_PARAMETERS + 1];
	int			count;
} Parameters;

static const char *password = NULL; /* that somebody has typed */

static void
add(Parameters *parameters, const char *keyword, const char *value)
{
	parameters->keywords[parameters->count] = keyword;
	parameters->values[parameters->count++] = value;
}

/*
 * Complain about a connection string that libpq cannot read.  Its own message
 * is not shown: it quotes what it cannot read, which may be a password.
 */
static void
check_conninfo(const char *conninfo)
{
	char	   *error = NULL;
	PQconninfoOption *options;

	if (strchr(conninfo, '=') == NULL && strstr(conninfo, "://") == NULL)
		return;					/* the name of a database, as in psql */
	options = PQconninfoParse(conninfo, &error);
	if (options == NULL)
		steep_complain_fail(CODE_ARGUMENTS,
							"Write it like \"host=b dbname=app user=merger\" or \"postgresql://merger@b/app\".",
							"this is not a connection string: the value of -c");
	PQconninfoFree(options);
}

static void
collect(Session *session, Parameters *parameters)
{
	add(parameters, "fallback_application_name", "steep-repl");
	if (session->json)
		add(parameters, "client_encoding", "UTF8");
	else if (getenv("PGCLIENTENCODING") == NULL)
		add(parameters, "client_encoding", "auto");
	if (getenv("PGCONNECT_TIMEOUT") == NULL)
		add(parameters, "connect_timeout", "10");
	if (session->connection)
	{
		for (const ConfigPair *pair = steep_config_connection(session->connection);
			 pair->keyword; pair++)
			add(parameters, pair->keyword, pair->value);
	}
	if (session->conninfo)
	{
		check_conninfo(session->conninfo);
		add(parameters, "dbname", session->conninfo);
	}
	if (password)
		add(parameters, "password", password);
}

static void
show_notice(void *arg, const PGresult *result)
{
	const Session *session = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	bool		is_warning = severity && strcmp(severity, "WARNING") == 0;
	Complaint	complaint = {
		.severity = is_warning ? "warning" : "notice",
		.sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE),
		.message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
		.detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
		.hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)
	};

	if (complaint.message && (is_warning || !session->quiet))
		steep_complain(&complaint, CODE_FINE);
}

static bool
connect_once(Session *session)
{
	Parameters	parameters = {0};

	collect(session, &parameters);
	PQfinish(session->conn);
	session->conn = PQconnectdbParams(parameters.keywords, parameters.values, 1);
	if (session->conn == NULL)
		steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
	PQsetNoticeReceiver(session->conn, show_notice, session);
	return PQstatus(session->conn) == CONNECTION_OK;
}

static void
fail(Session *session)
{
	char	   *message = steep_text_copy(PQerrorMessage(session->conn));
	size_t		length = strlen(message);
	const char *hint = NULL;

	if (length > 0 && message[length - 1] == '\n')
		message[length - 1] = '\0';
	if (PQconnectionNeedsPassword(session->conn) || PQconnectionUsedPassword(session->conn))
		hint = "Passwords are taken from ~/.pgpass, or PGPASSFILE names another file.";
	else if (session->conninfo == NULL && session->connection == NULL)
		hint = "Say where the node is with -c CONNINFO, --connection NAME, or PGHOST and PGDATABASE.";
	steep_complain_fail(CODE_CONNECTION, hint, "%s", message);
}

void
steep_connection_open(Session *session)
{
	bool		connected = connect_once(session);

	if (!connected && PQconnectionNeedsPassword(session->conn) &&
		steep_prompt_is_possible())
	{
		password = steep_prompt_secret("Password: ");
		connected = connect_once(session);
	}
	if (!connected)
		fail(session);
	/* not before: a signal shall end an attempt to connect at once */
	steep_interrupt_setup();
}

bool
steep_connection_reopen(Session *session)
{
	return connect_once(session);
}
