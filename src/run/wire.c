/*-------------------------------------------------------------------------
 *
 * wire.c
 *		Connections to another node: open, keep and close them.
 *
 * A wire is listed from the moment it has a socket, so that an error, wherever
 * it comes from, can't leave it open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "run/wire_parts.h"

#define LOOK_MS 1000			/* the most between two looks at the time */

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
	if (wire->name != NULL)
		pfree(wire->name);
	pfree(wire->label);
	pfree(wire);
}

/* Keep a wire for later steps. */
void
steep_wire_keep(Wire *wire, const char *name)
{
	wire->name = MemoryContextStrdup(TopMemoryContext, name);
}

/* Find a wire that was kept; NULL if there is none. */
Wire *
steep_wire_kept(const char *name)
{
	for (Wire *wire = wires; wire; wire = wire->next)
	{
		if (wire->name != NULL && strcmp(wire->name, name) == 0)
			return wire;
	}
	return NULL;
}

/* Close the wires that were kept. */
void
steep_wire_close_kept(void)
{
	Wire	   *next;

	for (Wire *wire = wires; wire; wire = next)
	{
		next = wire->next;
		if (wire->name != NULL)
			steep_wire_close(wire);
	}
}

/* An error has ended the transaction: no wire is in a known state. */
static void
close_all(XactEvent event, void *arg)
{
	while (event == XACT_EVENT_ABORT && wires != NULL)
		steep_wire_close(wires);
}

/* The process ends: take leave, or the other node logs that we have not. */
static void
close_at_exit(int code, Datum arg)
{
	while (wires != NULL)
		steep_wire_close(wires);
}

/* Wait until the socket is ready, or for a moment. */
bool
steep_wire_wait(Wire *wire, int ready)
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
			 errmsg("could not open another connection to peer \"%s\"",
					wire->label),
			 errdetail_internal("%s", why),
			 wire->replication ?
			 errhint("Check that the peer runs, that the role may log in there and has REPLICATION, and that max_wal_senders leaves room.") :
			 errhint("Check that the peer runs, that the role may log in there, and that max_connections leaves room.")));
}

/* Wait until the other node has let us in. */
static void
finish_connecting(Wire *wire, int seconds)
{
	TimestampTz start = GetCurrentTimestamp();
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
	{
		if (steep_wire_wait(wire, status == PGRES_POLLING_READING ?
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

/*
 * Begin to connect, and have the wire closed after an error.
 *
 * What comes before the address is what it may say otherwise: a node that has
 * vanished is noticed before long.
 */
static Wire *
start_connecting(const char *label, const char *conninfo, bool replication)
{
	const char *const keywords[] = {
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "dbname", "replication", "client_encoding",
		"fallback_application_name", NULL
	};
	const char *const values[] = {
		"10", "5", "3", "30000", conninfo, replication ? "database" : "false",
		GetDatabaseEncodingName(), "steep_repl", NULL
	};
	Wire	   *wire = MemoryContextAllocZero(TopMemoryContext, sizeof(Wire));
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(close_all, NULL);
		before_shmem_exit(close_at_exit, 0);
	}
	registered = true;
	wire->label = MemoryContextStrdup(TopMemoryContext, label);
	wire->replication = replication;
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open another connection to peer \"%s\"",
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
 * Connect to the database of an address.
 *
 * Who is no superuser must give a password that the other node asks for, as
 * with dblink: else the server's own account would be let in.
 */
static Wire *
connect_wire(const PeerAddress *address, bool replication)
{
	bool		password;
	char	   *conninfo = steep_peer_address_lasting(address, &password);
	Wire	   *wire;

	if (!superuser() && !password)
		ereport(ERROR,
				(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
				 errmsg("password is required"),
				 errdetail("Who is no superuser must give a password to connect to peer \"%s\".",
						   address->label),
				 errhint("Add it to the user mapping of a postgres_fdw server, and name that server.")));
	wire = start_connecting(address->label, conninfo, replication);
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

/* Open a wire that can make slots: one of max_wal_senders there. */
Wire *
steep_wire_connect(const PeerAddress *address)
{
	return connect_wire(address, true);
}

/* Open a wire for SQL and COPY only: a connection as any other. */
Wire *
steep_wire_connect_plain(const PeerAddress *address)
{
	return connect_wire(address, false);
}
