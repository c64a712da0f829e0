/*-------------------------------------------------------------------------
 *
 * session.h
 *		This node and a peer, connected and pinned, ready for statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SESSION_H
#define STEEP_REPL_SESSION_H

#include "base/relinfo.h"
#include "run/peer.h"

typedef struct NodeInfo
{
	char	   *identifier;		/* system identifier */
	char	   *database;
	char	   *encoding;
	int			version;		/* server_version_num */
	bool		can_digest;		/* the role may call the digest's functions */
	bool		standby;
	bool		read_only;		/* a new transaction is read only */
	char	   *started;		/* when its server was, in seconds */
} NodeInfo;

typedef struct Session
{
	Peer	   *peer;
	NodeInfo   *here;
	NodeInfo   *there;
	DigestWay	way;
	int			pinned;			/* nest level of the pinned settings */
	bool		open;			/* the peer is in a transaction */
} Session;

extern NodeInfo *steep_session_here(void);

/* What is done while a session lasts. */
typedef void (*SessionWork) (Session *session, void *arg);

extern Session *steep_session_begin(const PeerAddress *address);
extern void steep_session_look(const PeerAddress *address, SessionWork work,
							   void *arg);
extern void steep_session_read(Session *session);
extern bool steep_session_is_self(const Session *session);
extern void steep_session_check_other(const Session *session);
extern char *steep_session_value(const Session *session,
								 const Statement *statement,
								 const char *const *values);
extern char *steep_session_place(const Session *session, Site site);
extern void steep_session_end(Session *session);
extern void steep_session_abandon(Session *session);

#endif							/* STEEP_REPL_SESSION_H */
