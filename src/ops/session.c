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
	node->started = row[7];
	return node;
}

/* Say what this node is. */
NodeInfo *
steep_session_here(void)
{
	int			nestlevel = steep_pin_begin(PIN_ALWAYS);
	char	  **row = steep_local_row(steep_catalog_node_sql(SITE_LOCAL),
									  NULL, NIL);

	steep_pin_end(nestlevel);
	return make_node(row);
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
	session->here = steep_session_here();
	session->there = make_node(steep_peer_row(session->peer,
											  steep_catalog_node_sql(SITE_PEER),
											  NULL));
}

/* Get ready to digest rows on both sides. */
static void
prepare_digests(Session *session)
{
	check_encoding(session);
	session->way = choose_way(session);
}

/* Connect, pin the settings of both sides, and do what else the use takes. */
static Session *
begin(const PeerAddress *address, void (*prepare) (Session *session))
{
	Session    *session = palloc0(sizeof(Session));

	session->pinned = steep_pin_begin(PIN_ALWAYS);
	session->peer = steep_peer_open(address);
	PG_TRY();
	{
		introduce(session);
		if (prepare)
			prepare(session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return session;
}

/*
 * Connect to a peer and pin the settings of both sides, to compare rows.
 *
 * End it with steep_session_end(), or after an error with
 * steep_session_abandon().
 */
Session *
steep_session_begin(const PeerAddress *address)
{
	return begin(address, prepare_digests);
}

/* From here on the peer reads one snapshot. */
void
steep_session_read(Session *session)
{
	steep_peer_none(session->peer, steep_session_read_sql(), NULL);
	session->open = true;
}

/*
 * Is the peer this very database?
 *
 * A copy of this server, as a standby that was promoted, has its identifier
 * too, but was not started in the same microsecond.
 */
bool
steep_session_is_self(const Session *session)
{
	return strcmp(session->here->identifier, session->there->identifier) == 0 &&
		strcmp(session->here->database, session->there->database) == 0 &&
		strcmp(session->here->started, session->there->started) == 0;
}

/* Refuse a peer that is this very database. */
void
steep_session_check_other(const Session *session)
{
	if (!steep_session_is_self(session))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("peer \"%s\" is this very database",
					steep_peer_label(session->peer)),
			 errhint("Give the connection of the other node.")));
}

/* Run a statement that returns one value, on its node. */
char *
steep_session_value(const Session *session, const Statement *statement,
					const char *const *values)
{
	return statement->site == SITE_LOCAL ?
		steep_local_value(statement, values, NIL) :
		steep_peer_value(session->peer, statement, values);
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

/*
 * Connect to any peer to look at its catalogs, do the work, and leave no
 * connection behind, whatever happens.
 */
void
steep_session_look(const PeerAddress *address, SessionWork work, void *arg)
{
	Session    *session = begin(address, NULL);

	PG_TRY();
	{
		work(session, arg);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}
