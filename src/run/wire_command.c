/*-------------------------------------------------------------------------
 *
 * wire_command.c
 *		What is done over a wire.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "replication/slot.h"

#include "base/sqltext.h"
#include "run/wire_parts.h"

static void
report_lost(const Wire *wire)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("lost the connection to peer \"%s\"", wire->label),
			 errdetail_internal("%s", pchomp(PQerrorMessage(wire->conn)))));
}

/* Pass an error of the other node on as it is. */
static void
report_failed(const Wire *wire, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (state == NULL || message == NULL)
		report_lost(wire);
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3],
								   state[4])),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 errcontext("step \"%s\" on peer \"%s\"", wire->purpose,
						wire->label)));
}

/* Wait for the next result; NULL at the end of a command. */
static PGresult *
next_result(Wire *wire)
{
	while (PQisBusy(wire->conn))
	{
		if (steep_wire_wait(wire, WL_SOCKET_READABLE) &&
			PQconsumeInput(wire->conn) == 0)
			report_lost(wire);
	}
	return PQgetResult(wire->conn);
}

/* Pass the error on that a result tells, if it does, and free that. */
static void
check_result(Wire *wire, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
		status == PGRES_COPY_OUT)
		return;
	PG_TRY();
	{
		report_failed(wire, result);
	}
	PG_FINALLY();
	{
		PQclear(result);
	}
	PG_END_TRY();
}

/* Send a command and wait for its first result. */
static PGresult *
start_command(Wire *wire, const char *purpose, const char *text)
{
	PGresult   *result;

	if (wire->purpose != NULL)
		elog(ERROR, "the wire to \"%s\" is in use", wire->label);
	wire->purpose = purpose;
	if (!PQsendQuery(wire->conn, text))
		report_lost(wire);
	result = next_result(wire);
	check_result(wire, result);
	return result;
}

/* Wait for the end of a command. */
static void
end_command(Wire *wire)
{
	PGresult   *result;

	while ((result = next_result(wire)) != NULL)
	{
		check_result(wire, result);
		PQclear(result);
	}
	wire->purpose = NULL;
}

/* Run a command; of what it returns nothing is wanted. */
void
steep_wire_none(Wire *wire, const Statement *statement)
{
	PQclear(start_command(wire, statement->purpose, statement->text));
	end_command(wire);
}

/* Run a query; return the first value of its first row, or NULL. */
char *
steep_wire_value(Wire *wire, const Statement *statement,
				 const char *const *values)
{
	PGresult   *result = start_command(wire, statement->purpose,
									   steep_sql_bind(statement, values));
	char	   *value = NULL;

	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		value = pstrdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	end_command(wire);
	return value;
}

/* Make sure that the other node has not gone while nothing runs there. */
void
steep_wire_check(Wire *wire)
{
	if (PQconsumeInput(wire->conn) == 0 ||
		PQstatus(wire->conn) == CONNECTION_BAD)
		report_lost(wire);
}

/*
 * Create a replication slot for pgoutput, and do something with the snapshot
 * that shows what was committed before all it will send.  Returns the name of
 * that.  Waits for all transactions that write on that node.
 */
static char *
create_slot(Wire *wire, const char *slot, const char *action, char **lsn)
{
	char	   *text;
	char	   *snapshot;
	PGresult   *result;

	ReplicationSlotValidateName(slot, ERROR);
	text = psprintf("CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput (SNAPSHOT '%s')",
					slot, action);

	result = start_command(wire, "create the slot", text);
	*lsn = pstrdup(PQgetvalue(result, 0, 1));
	snapshot = pstrdup(PQgetvalue(result, 0, 2));
	PQclear(result);
	end_command(wire);
	return snapshot;
}

/*
 * Create a slot and export its snapshot.  That is good until the next command
 * on this wire, or its end.
 */
char *
steep_wire_create_slot(Wire *wire, const char *slot, char **lsn)
{
	return create_slot(wire, slot, "export", lsn);
}

/*
 * Create a slot in a transaction that reads its snapshot from then on.  It
 * must be repeatable read, and may have taken locks before, but read nothing.
 */
void
steep_wire_use_slot(Wire *wire, const char *slot, char **lsn)
{
	(void) create_slot(wire, slot, "use", lsn);
}

/* Begin a COPY TO STDOUT. */
void
steep_wire_copy_begin(Wire *wire, const Statement *copy)
{
	PQclear(start_command(wire, copy->purpose, copy->text));
}

/*
 * Have a row that is not given on yet; false at the end.  With "wait" not
 * set, false too if none has come.
 */
static bool
have_row(Wire *wire, bool wait)
{
	bool		looked = false;

	if (wire->row != NULL && wire->taken < wire->length)
		return true;
	if (wire->row != NULL)
		PQfreemem(wire->row);
	wire->row = NULL;
	wire->taken = 0;
	while ((wire->length = PQgetCopyData(wire->conn, &wire->row, true)) == 0)
	{
		if (!wait)
			return false;
		/* what has come since costs less to take than to wait for */
		if (looked)
			(void) steep_wire_wait(wire, WL_SOCKET_READABLE);
		looked = true;
		if (PQconsumeInput(wire->conn) == 0)
			report_lost(wire);
	}
	return wire->length > 0;
}

/* Give the next bytes of what COPY sends, 0 at its end: a CopyInSource. */
int
steep_wire_copy_read(void *arg, void *buffer, int room)
{
	Wire	   *wire = arg;
	int			filled = 0;

	while (filled < room && have_row(wire, filled == 0))
	{
		int			bytes = Min(room - filled, wire->length - wire->taken);

		memcpy((char *) buffer + filled, wire->row + wire->taken, bytes);
		wire->taken += bytes;
		filled += bytes;
	}
	return filled;
}

/* End a COPY, of which all has been read. */
void
steep_wire_copy_end(Wire *wire)
{
	end_command(wire);
}
