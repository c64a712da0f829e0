/*-------------------------------------------------------------------------
 *
 * client.c
 *		What writing and applying snapshots on this program's disk share.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/connection.h"
#include "files/settings.h"

#define PINNED_NAME(name, value) "\"" name "\","
#define PINNED_VALUE(name, value) "\"" value "\","

/* Complain about a file, unless all went well. */
void
steep_client_check(bool ok, const Failure *failure)
{
	Complaint	complaint = {
		.severity = "error",
		.message = failure->message,
		.detail = failure->detail[0] ? failure->detail : NULL
	};
	ExitCode	code = CODE_GENERAL;

	if (ok)
		return;
	if (failure->kind == FAILURE_ARGUMENT || failure->kind == FAILURE_UNSUPPORTED)
		code = CODE_ARGUMENTS;
	steep_complain(&complaint, code);
	exit(code);
}

/* Connect in UTF-8, which manifests are in. */
void
steep_client_connect(Session *session)
{
	if (session->conn == NULL)
		steep_connection_open(session);
	if (PQsetClientEncoding(session->conn, "UTF8") != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not set the encoding: %s",
							PQerrorMessage(session->conn));
}

/*
 * Pin the settings that decide what statements mean and values print as, and
 * let nothing end the session early or say more than people want to know.
 */
void
steep_client_pin(Session *session)
{
	const char *values[] = {
		"{" STEEP_SETTINGS(PINNED_NAME)
		"statement_timeout,lock_timeout,transaction_timeout,"
		"idle_in_transaction_session_timeout,idle_session_timeout,client_min_messages}",
		"{" STEEP_SETTINGS(PINNED_VALUE) "0,0,0,0,0,warning}"
	};

	PQclear(steep_query_run(session,
							"SELECT pg_catalog.set_config(p.name, p.value, false)"
							" FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS p(name, value)"
							" WHERE pg_catalog.current_setting(p.name, true) IS NOT NULL",
							2, values));
}

void
steep_client_run(Session *session, const char *statement)
{
	PQclear(steep_query_run(session, statement, 0, NULL));
}

/* Read a single value, or NULL. */
const char *
steep_client_value(Session *session, const char *statement, int count,
				   const char *const *values)
{
	PGresult   *rows = steep_query_run(session, statement, count, values);

	if (PQntuples(rows) == 0 || PQgetisnull(rows, 0, 0))
		return NULL;
	return PQgetvalue(rows, 0, 0);
}

/* Whoever runs this program may write wherever it may; only ".." is refused. */
DirectoryPlace
steep_client_place(const char *path)
{
	DirectoryPlace place = {.name = path};
	char	   *base = steep_text_copy(path);
	size_t		length = strlen(base);
	char	   *slash;

	while (length > 1 && base[length - 1] == '/')
		base[--length] = '\0';
	slash = strrchr(base, '/');
	place.base = slash == NULL ? "." : slash == base ? "/" : base;
	place.path = slash == NULL ? base : slash + 1;
	if (slash && slash != base)
		*slash = '\0';
	return place;
}

/* How many connections to use; there is no job to come back to. */
int
steep_client_parallel(const Arguments *arguments)
{
	const char *value = steep_arguments_option(arguments, "parallel");
	char	   *end;
	long		parallel = value ? strtol(value, &end, 10) : 4;

	if (value && (*value == '\0' || *end != '\0' || parallel < 1 || parallel > 32))
		steep_complain_fail(CODE_ARGUMENTS, NULL,
							"--parallel must be a number from 1 to 32, not \"%s\"", value);
	if (steep_arguments_has(arguments, "no-wait"))
		steep_complain_fail(CODE_ARGUMENTS, NULL, "options \"--client\" and \"--no-wait\" exclude each other");
	return (int) parallel;
}

/* End after workers have ended early; one that failed has said why. */
void
steep_client_end_early(const Session *session, ExitCode code)
{
	if (code == CODE_CANCELLED)
		steep_complain_fail(code, NULL, "cancelled");
	if (code == CODE_TIMEOUT)
		steep_complain_fail(code, "Give it more time with --timeout.",
							"not done within %d seconds", session->timeout);
	exit(code);
}

long long
steep_client_number(const PGresult *rows, int row, int column)
{
	return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}
