/*-------------------------------------------------------------------------
 *
 * wire.c
 *		A replication connection to another node, for what dblink can't do.
 *
 * libpq sends and receives without blocking.  A wire is listed from the
 * moment it has a socket, so that an error, wherever it comes from, can't
 * leave it open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "run/peer_resolve.h"
#include "run/wire.h"

#define LOOK_MS 1000			/* the most between two looks at the time */

struct Wire
{
	PGconn	   *conn;
	char	   *label;			/* of the node, for people */
	const char *purpose;		/* of what runs, or NULL */
	char	   *row;			/* what COPY has sent, or NULL */
	int			length;			/* of row */
	int			taken;			/* bytes of row that were given on */
	Wire	   *next;
};

static Wire *wires = NULL;

/* Close a wire.  What runs on the other node ends when it next looks. */
void
steep_wire_close(Wire *wire)
{
	for (Wire **link = &wires; *link; link = &(*link)->next)
	{
		if (*link == wire)
		{
			*link = wire->next;
			break;
		}
	}
	if (wire->row != NULL)
		PQfreemem(wire->row);
	PQfinish(wire->conn);
	ReleaseExternalFD();
	pfree(wire->label);
	pfree(wire);
}

/* An error has ended the transaction: no wire is in a known state. */
static void
close_all(XactEvent event, void *arg)
{
	while (event == XACT_EVENT_ABORT && wires != NULL)
		steep_wire_close(wires);
}

/* Wait until the socket is ready, or for a moment. */
static bool
wait_for_socket(Wire *wire, int ready)
{
	static uint32 wait_event = 0;
	int			events;

	if (wait_event == 0)
		wait_event = WaitEventExtensionNew("SteepReplWire");
	events = WaitLatchOrSocket(MyLatch,
							   ready | WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							   PQsocket(wire->conn), LOOK_MS, wait_event);
	if (events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return (events & ready) != 0;
}

static void
report_unconnected(const Wire *wire, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not open a replication connection to peer \"%s\"",
					wire->label),
			 errdetail_internal("%s", why),
			 errhint("Check that the peer runs, that the role may log in there and has REPLICATION, and that max_wal_senders leaves room.")));
}

/* Wait until the other node has let us in. */
static void
finish_connecting(Wire *wire, int seconds)
{
	TimestampTz start = GetCurrentTimestamp();
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
	{
		if (wait_for_socket(wire, status == PGRES_POLLING_READING ?
							WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE))
			status = PQconnectPoll(wire->conn);
		if (seconds > 0 &&
			TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   seconds * 1000))
			report_unconnected(wire, "The timeout expired.");
	}
	if (status != PGRES_POLLING_OK)
		report_unconnected(wire, pchomp(PQerrorMessage(wire->conn)));
}

/* Begin to connect, and have the wire closed after an error. */
static Wire *
start_connecting(const PeerAddress *address)
{
	const char *keywords[] = {"dbname", "replication", "client_encoding",
	"fallback_application_name", NULL};
	const char *values[] = {NULL, "database", GetDatabaseEncodingName(),
	"steep_repl", NULL};
	Wire	   *wire = MemoryContextAllocZero(TopMemoryContext, sizeof(Wire));
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(close_all, NULL);
	registered = true;
	wire->label = MemoryContextStrdup(TopMemoryContext, address->label);
	values[0] = steep_peer_address_conninfo(address);
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a replication connection to peer \"%s\"",
						wire->label),
				 errdetail("There are too many open files."),
				 errhint("Raise max_files_per_process and the limit of the operating system.")));
	wire->conn = PQconnectStartParams(keywords, values, true);
	wire->next = wires;
	wires = wire;
	return wire;
}

static void
ignore_notice(void *arg, const PGresult *result)
{
}

/*
 * Open a replication connection in the database of an address.
 *
 * Who is no superuser must give a password that the other node asks for, as
 * with dblink: else the server's own account would be let in.
 */
Wire *
steep_wire_connect(const PeerAddress *address)
{
	Wire	   *wire;

	address = steep_peer_address_resolve(address);
	if (!superuser() && !steep_peer_address_has_password(address))
		ereport(ERROR,
				(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
				 errmsg("password is required"),
				 errdetail("Who is no superuser must give a password to connect to peer \"%s\".",
						   address->label),
				 errhint("Add it to the user mapping of a postgres_fdw server, and name that server.")));
	wire = start_connecting(address);
	if (PQstatus(wire->conn) == CONNECTION_BAD)
		report_unconnected(wire, pchomp(PQerrorMessage(wire->conn)));
	finish_connecting(wire, steep_peer_address_timeout(address));
	if (!superuser() && !PQconnectionUsedPassword(wire->conn))
		ereport(ERROR,
				(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
				 errmsg("password is required"),
				 errdetail("Peer \"%s\" does not ask for one.", wire->label),
				 errhint("Have pg_hba.conf of the peer ask for a password.")));
	PQsetNoticeReceiver(wire->conn, ignore_notice, NULL);
	return wire;
}

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
		if (wait_for_socket(wire, WL_SOCKET_READABLE) &&
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

/*
 * Create a replication slot for pgoutput and export the snapshot that shows
 * what was committed before all it will send.
 *
 * Returns the snapshot's name: it is good until the next command on this
 * wire, or its end.  Waits for all transactions that write on that node.
 */
char *
steep_wire_create_slot(Wire *wire, const char *slot, char **lsn)
{
	char	   *text;
	char	   *snapshot;
	PGresult   *result;

	ReplicationSlotValidateName(slot, ERROR);
	text = psprintf("CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput (SNAPSHOT 'export')", slot);

	result = start_command(wire, "create the slot", text);
	snapshot = pstrdup(PQgetvalue(result, 0, 2));
	*lsn = pstrdup(PQgetvalue(result, 0, 1));
	PQclear(result);
	end_command(wire);
	return snapshot;
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
		if (wait_for_socket(wire, WL_SOCKET_READABLE) &&
			PQconsumeInput(wire->conn) == 0)
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
