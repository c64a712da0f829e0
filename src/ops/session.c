/*-------------------------------------------------------------------------
 *
 * session.c
 *		This node and a peer, connected and pinned, ready for statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/digest.h"
#include "base/pinned.h"
#include "generate/catalog_sql.h"
#include "ops/session.h"

/* Read the answer to steep_catalog_node_sql(). */
static NodeInfo *
make_node(char **row)
{
	NodeInfo   *node = palloc0(sizeof(NodeInfo));

	if (row == NULL)
		elog(ERROR, "a node does not say what it is");
	node->identifier = row[0];
	node->database = row[1];
	node->encoding = row[2];
	node->version = atoi(row[3]);
	node->can_digest = row[4][0] == 't';
	node->standby = row[5][0] == 't';
	node->read_only = strcmp(row[6], "on") == 0;
	return node;
}

/* Refuse a peer whose bytes mean other characters. */
static void
check_encoding(const Session *session)
{
	if (strcmp(session->here->encoding, session->there->encoding) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("encoding of peer \"%s\" differs",
					steep_peer_label(session->peer)),
			 errdetail("This database uses %s, the peer's uses %s.",
					   session->here->encoding, session->there->encoding),
			 errhint("Compare and merge need two databases of one encoding.")));
}

/* Digest natively if the peer can, in our version; else say why not. */
static DigestWay
choose_way(const Session *session)
{
	char	   *version = NULL;

	if (session->there->can_digest)
		version = steep_peer_value(session->peer,
								   steep_catalog_digest_version_sql(SITE_PEER),
								   NULL);
	if (version != NULL && atoi(version) == DIGEST_VERSION)
		return DIGEST_NATIVE;
	ereport(NOTICE,
			(errmsg("peer \"%s\" is digested in stock SQL, which is slower",
					steep_peer_label(session->peer)),
			 version ?
			 errdetail("Its digest has version %s, this one %d.",
					   version, DIGEST_VERSION) :
			 errdetail("The peer's role cannot use the extension steep_repl there."),
			 errhint("Install the same version of steep_repl on the peer, and GRANT USAGE ON SCHEMA steep_repl to the role.")));
	return DIGEST_STOCK;
}

/* Pin the peer's session and learn what both nodes are. */
static void
introduce(Session *session)
{
	steep_peer_none(session->peer, steep_session_path_sql(), NULL);
	steep_peer_none(session->peer, steep_session_pin_sql(), NULL);
	session->here = make_node(steep_local_row(steep_catalog_node_sql(SITE_LOCAL),
											  NULL, NIL));
	session->there = make_node(steep_peer_row(session->peer,
											  steep_catalog_node_sql(SITE_PEER),
											  NULL));
	check_encoding(session);
	session->way = choose_way(session);
}

/*
 * Connect to a peer and pin the settings of both sides.
 *
 * End it with steep_session_end(), or after an error with
 * steep_session_abandon().
 */
Session *
steep_session_begin(const PeerAddress *address)
{
	Session    *session = palloc0(sizeof(Session));

	session->pinned = steep_pin_begin(PIN_ALWAYS);
	session->peer = steep_peer_open(address);
	PG_TRY();
	{
		introduce(session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return session;
}

/* From here on the peer reads one snapshot. */
void
steep_session_read(Session *session)
{
	steep_peer_none(session->peer, steep_session_read_sql(), NULL);
}

/* Say where a side is, for messages. */
char *
steep_session_place(const Session *session, Site site)
{
	return site == SITE_LOCAL ? "here" :
		psprintf("on peer \"%s\"", steep_peer_label(session->peer));
}

/* Disconnect and give the caller his settings back. */
void
steep_session_end(Session *session)
{
	steep_peer_close(session->peer);
	steep_pin_end(session->pinned);
}

/* Disconnect after an error, whose rollback gives the settings back. */
void
steep_session_abandon(Session *session)
{
	steep_peer_close(session->peer);
}
