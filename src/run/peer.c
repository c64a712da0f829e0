/*-------------------------------------------------------------------------
 *
 * peer.c
 *		Run a Statement on the peer, through dblink.
 *
 * The only file that calls dblink.  A connection is opened by the name of a
 * postgres_fdw server, so dblink's own rules decide who may use which
 * credentials; a server of our own is dropped as soon as it has served.
 *
 * dblink keeps connections for the session, so whoever opens one closes it,
 * also after an error.  Closing needs no catalog: it calls a function that
 * was looked up at opening.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/sqltext.h"
#include "run/dblink.h"
#include "run/deadline.h"
#include "run/peer.h"
#include "run/server.h"

#define BULK_ROWS 20000			/* rows of one FETCH */
#define BULK_PIECES 16			/* FETCHes that are sent at once */
#define LONGEST_NAP 10			/* milliseconds between looks at the peer */
#define LOOKS 64				/* at most, before a nap */

struct Peer
{
	char	   *label;			/* for people, without secrets */
	Datum		name;			/* of the dblink connection, as text */
	const Statement *running;	/* sent and not yet collected */
	bool		bulk;			/* running is read through a cursor */
	int			time_limit;		/* for one answer, ms; 0 = none */
	DblinkCalls dblink;
};

/* Name the statement and the peer in the context of an error. */
static void
add_purpose(void *arg)
{
	Peer	   *peer = arg;

	errcontext("step \"%s\" on peer \"%s\"",
			   peer->running ? peer->running->purpose : "connect",
			   peer->label);
}

/*
 * Connect by the name of a server, or by a connection string.
 *
 * A server of the user's may say no connect_timeout, so libpq gets ours as
 * its default for the call.  The error keeps libpq's message as its detail:
 * host, user and cause, but never the password.
 */
static void
connect_to(Peer *peer, const char *address, int seconds)
{
	MemoryContext caller = CurrentMemoryContext;
	char		timeout[32];
	bool		ours = getenv("PGCONNECT_TIMEOUT") == NULL;

	snprintf(timeout, sizeof(timeout), "%d", steep_guc_connect_timeout);
	if (ours)
		setenv("PGCONNECT_TIMEOUT", timeout, 1);
	PG_TRY();
	{
		steep_deadline_set(seconds);
		FunctionCall2(&peer->dblink.connect, peer->name,
					  CStringGetTextDatum(address));
		(void) steep_deadline_clear();
	}
	PG_CATCH();
	{
		ErrorData  *error;
		bool		late = steep_deadline_clear();

		if (ours)
			unsetenv("PGCONNECT_TIMEOUT");
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		late = late && error->sqlerrcode == ERRCODE_QUERY_CANCELED;
		if (!late &&
			error->sqlerrcode != ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to peer \"%s\"", peer->label),
				 late ? errdetail("The timeout expired.") :
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 errhint("Check that the peer runs and that host, port, database, user and password are right.")));
	}
	PG_END_TRY();
	if (ours)
		unsetenv("PGCONNECT_TIMEOUT");
}

/*
 * Connect through a server of our own, which lives no longer than that.
 *
 * A standby cannot make one, so there dblink gets the connection string; it
 * is an argument of a C call, no text of a statement.
 */
static void
connect_to_address(Peer *peer, const PeerAddress *address)
{
	static uint32 counter = 0;
	char	   *server = psprintf("steep_repl_%d_%u", MyProcPid, ++counter);

	if (RecoveryInProgress())
	{
		steep_server_check_usage();
		connect_to(peer, steep_peer_address_conninfo(address),
				   steep_peer_address_timeout(address));
		return;
	}
	steep_server_create(server, address);
	connect_to(peer, server, steep_peer_address_timeout(address));
	PG_TRY();
	{
		steep_server_drop(server);
	}
	PG_CATCH();
	{
		steep_peer_close(peer);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Connect to a peer.
 *
 * The caller must have pinned its session's settings, and must call
 * steep_peer_close() also after an error.
 */
Peer *
steep_peer_open(const PeerAddress *address)
{
	static uint32 counter = 0;
	Peer	   *peer = palloc0(sizeof(Peer));

	peer->label = pstrdup(address->label);
	peer->name = CStringGetTextDatum(psprintf("steep_repl_%u", ++counter));
	steep_dblink_find(&peer->dblink);
	if (address->server)
		connect_to(peer, address->server,
				   steep_peer_address_timeout(address));
	else
		connect_to_address(peer, address);
	return peer;
}

/* Close the connection; safe after an error. */
void
steep_peer_close(Peer *peer)
{
	FunctionCall1(&peer->dblink.disconnect, peer->name);
}

/* Name the peer for people, without secrets. */
const char *
steep_peer_label(const Peer *peer)
{
	return peer->label;
}

/* Limit the wait for one answer; 0 waits until the connection breaks. */
void
steep_peer_set_time_limit(Peer *peer, int milliseconds)
{
	peer->time_limit = milliseconds;
}

/* Hand one SQL text to the connection. */
static void
send_text(Peer *peer, const char *sql)
{
	text	   *copy = cstring_to_text(sql);
	Datum		sent = FunctionCall2(&peer->dblink.send_query, peer->name,
									 PointerGetDatum(copy));

	pfree(copy);				/* may be large */
	if (DatumGetInt32(sent) != 1)
	{
		Datum		why = FunctionCall1(&peer->dblink.error_message,
										peer->name);

		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("lost the connection to peer \"%s\"", peer->label),
				 errdetail_internal("%s", TextDatumGetCString(why))));
	}
}

/*
 * Has the peer not answered yet?
 *
 * Each look takes no more than libpq's buffer, 16 kB, off the socket, so a
 * long answer takes many; a nap after each would slow it to a crawl.
 */
static bool
busy(Peer *peer)
{
	for (int i = 0; i < LOOKS; i++)
	{
		if (!DatumGetInt32(FunctionCall1(&peer->dblink.is_busy, peer->name)))
			return false;
	}
	return true;
}

/*
 * Wait until the peer has answered, in naps of an eighth of the time so far.
 *
 * dblink_is_busy() also sends what the socket has not taken yet of a long
 * statement, a few ten kilobytes each time, so the first naps are short.
 */
static void
wait_for_answer(Peer *peer)
{
	static uint32 wait_event = 0;
	TimestampTz start = GetCurrentTimestamp();
	long		waited = 0;

	if (wait_event == 0)
		wait_event = WaitEventExtensionNew("SteepReplPeer");

	while (busy(peer))
	{
		if (peer->time_limit > 0 && waited >= peer->time_limit)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("peer \"%s\" did not answer within %d ms",
							peer->label, peer->time_limit),
					 errhint("Check that the peer and the network between are alive, and run again.")));
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(waited / 8 + 1, LONGEST_NAP), wait_event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		waited = TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
	}
}

/*
 * Collect an answer of the peer, of so many results, into a spool.
 *
 * dblink wants to be asked once more, for the empty end of the answer.
 */
static void
get_results(Peer *peer, const char *columns, int results, Spool *into)
{
	Statement	get = {
		.site = SITE_LOCAL,
		.purpose = "read the peer's answer",
		.nparams = 1,
		.params = {"text"},
	};
	char	   *name = TextDatumGetCString(peer->name);
	const char *values[] = {name};

	get.text = psprintf("SELECT * FROM %s.dblink_get_result($1) AS r(%s)",
						peer->dblink.schema, columns ? columns : "status text");
	for (int i = 0; i < results; i++)
	{
		wait_for_answer(peer);
		steep_local_rows(&get, values, NIL, into);
	}
	wait_for_answer(peer);
	steep_local_none(&get, values, NIL);
}

/* Send one text of our own and wait for its end. */
static void
command(Peer *peer, const char *sql)
{
	Spool	   *status = steep_spool_create("status");

	send_text(peer, sql);
	get_results(peer, NULL, 1, status);
	steep_spool_end(status);
}

/* Start a statement and return at once; steep_peer_collect() must follow. */
void
steep_peer_send(Peer *peer, const Statement *statement,
				const char *const *values)
{
	char	   *bound = steep_sql_bind(statement, values);

	Assert(statement->site == SITE_PEER);
	peer->running = statement;
	peer->bulk = false;
	send_text(peer, bound);
	pfree(bound);
}

/* Ask for the next pieces of a long answer: the peer works ahead of us. */
static void
send_fetches(Peer *peer)
{
	char	   *fetches = "";

	for (int i = 0; i < BULK_PIECES; i++)
		fetches = psprintf("%sFETCH %d FROM steep_repl_rows;", fetches, BULK_ROWS);
	send_text(peer, fetches);
}

/*
 * Like steep_peer_send() for an answer of any size: it comes through a
 * cursor, in pieces, as libpq keeps each piece in memory.  The cursor costs
 * the peer its parallel plan, so this is for answers that are long.
 */
void
steep_peer_send_bulk(Peer *peer, const Statement *statement,
					 const char *const *values)
{
	char	   *bound = steep_sql_bind(statement, values);

	Assert(statement->site == SITE_PEER);
	peer->running = statement;
	peer->bulk = true;
	command(peer, psprintf("DECLARE steep_repl_rows NO SCROLL CURSOR FOR %s",
						   bound));
	send_fetches(peer);
}

/* Wait for what steep_peer_send() started and append its rows to a spool. */
void
steep_peer_collect(Peer *peer, Spool *into)
{
	ErrorContextCallback callback;
	int64		before = into->nrows;
	int			results = peer->bulk ? BULK_PIECES : 1;

	callback.callback = add_purpose;
	callback.arg = peer;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	get_results(peer, peer->running->result, results, into);
	while (results > 1 && into->nrows - before == (int64) BULK_ROWS * results)
	{
		before = into->nrows;
		send_fetches(peer);
		get_results(peer, peer->running->result, results, into);
	}
	if (peer->bulk)
		command(peer, "CLOSE steep_repl_rows");
	peer->running = NULL;

	error_context_stack = callback.previous;
}

/* After an error of the peer that was caught, undo what has failed there. */
void
steep_peer_recover(Peer *peer, const Statement *undo)
{
	get_results(peer, NULL, 0, NULL);	/* the end of the answer */
	steep_peer_none(peer, undo, NULL);
}
