/*-------------------------------------------------------------------------
 *
 * client_copy.c
 *		Rows out of a server and into one, by COPY.
 *
 * Only workers do this.  A signal ends them at once, so they may wait for the
 * server without looking up.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/workers.h"

#define PIECE (256 * 1024)

/* Complain about what the server has refused, and end. */
static void
fail(Session *session, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	ExitCode	code;

	if (PQstatus(session->conn) != CONNECTION_OK)
		steep_complain_fail(CODE_CONNECTION, "The server's log says why.",
							"the connection to the server was lost");
	code = steep_query_complain(result);
	/* an administrator has ended it, or the server goes down */
	exit(sqlstate && strncmp(sqlstate, "57P", 3) == 0 ? CODE_CONNECTION : code);
}

static void
start(Session *session, const char *statement, ExecStatusType expected)
{
	PGresult   *result = PQexec(session->conn, statement);

	if (PQresultStatus(result) != expected)
		fail(session, result);
	PQclear(result);
}

/* See that COPY has ended well; returns how many rows it has had. */
static uint64_t
finish(Session *session)
{
	PGresult   *result = PQgetResult(session->conn);
	uint64_t	rows;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(session, result);
	rows = strtoull(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	while ((result = PQgetResult(session->conn)) != NULL)
		PQclear(result);
	return rows;
}

/*----------
 * Read the rows of a query, and write them to a file unless that is NULL.
 *
 *	COPY (<query>) TO STDOUT (ENCODING <encoding>)
 *----------
 */
void
steep_client_read_rows(Session *session, const char *query,
					   const char *encoding, StreamWriter *writer,
					   CopyTotals *totals)
{
	Text		statement = {0};
	uint64_t	reported = totals->bytes;
	char	   *line;
	int			length;
	Failure		failure;

	steep_text_format(&statement, "COPY (%s) TO STDOUT (ENCODING '%s')", query, encoding);
	start(session, statement.data, PGRES_COPY_OUT);
	free(statement.data);
	while ((length = PQgetCopyData(session->conn, &line, 0)) > 0)
	{
		steep_copydigest_line(totals, line, length - 1);
		if (writer)
			steep_client_check(steep_writer_put(writer, line, length, &failure), &failure);
		PQfreemem(line);
		if (totals->bytes - reported >= PIECE)
		{
			steep_workers_add_bytes(totals->bytes - reported);
			reported = totals->bytes;
		}
	}
	steep_workers_add_bytes(totals->bytes - reported);
	finish(session);
}

/* Load a file by a COPY statement; returns how many rows it has had. */
uint64_t
steep_client_load_rows(Session *session, const char *statement,
					   StreamReader *reader)
{
	static char piece[PIECE];
	size_t		length;
	Failure		failure;

	start(session, statement, PGRES_COPY_IN);
	for (;;)
	{
		/* the last piece is only given once all of the file was right */
		steep_client_check(steep_reader_get(reader, piece, PIECE, &length, &failure), &failure);
		if (length == 0)
			break;
		if (PQputCopyData(session->conn, piece, (int) length) != 1)
			fail(session, PQgetResult(session->conn));
		steep_workers_add_bytes(length);
	}
	if (PQputCopyEnd(session->conn, NULL) != 1)
		fail(session, PQgetResult(session->conn));
	return finish(session);
}
