/*-------------------------------------------------------------------------
 *
 * peer_verbs.c
 *		The verbs of local.h for the peer: send a Statement and collect.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "run/peer.h"

/* Run a statement and append its rows to a spool. */
void
steep_peer_rows(Peer *peer, const Statement *statement,
				const char *const *values, Spool *into)
{
	steep_peer_send(peer, statement, values);
	steep_peer_collect(peer, into);
}

/* Wait for the answer; return its first row as text, or NULL if it has none. */
char	  **
steep_peer_collect_row(Peer *peer)
{
	Spool	   *spool = steep_spool_create("answer");
	List	   *rows;

	steep_peer_collect(peer, spool);
	rows = steep_spool_texts(spool);
	steep_spool_end(spool);
	return rows ? linitial(rows) : NULL;
}

/* Run a statement; return its first row as text, or NULL if it has none. */
char	  **
steep_peer_row(Peer *peer, const Statement *statement,
			   const char *const *values)
{
	steep_peer_send(peer, statement, values);
	return steep_peer_collect_row(peer);
}

/* Run a statement; return the first value of its first row, or NULL. */
char *
steep_peer_value(Peer *peer, const Statement *statement,
				 const char *const *values)
{
	char	  **row = steep_peer_row(peer, statement, values);

	return row ? row[0] : NULL;
}

/* Run a statement that returns nothing. */
void
steep_peer_none(Peer *peer, const Statement *statement,
				const char *const *values)
{
	(void) steep_peer_row(peer, statement, values);
}
