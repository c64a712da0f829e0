/*-------------------------------------------------------------------------
 *
 * merge_peer.c
 *		The peer of a merge, and whether it still is the same.
 *
 * A merge may be applied long after it was planned, through a server that
 * may lead elsewhere by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "ops/merge.h"

/* Say which database a peer is. */
char *
steep_merge_identity(const Session *session)
{
	return psprintf("%s/%s", session->there->identifier,
					session->there->database);
}

/* Refuse a peer that is not the one of a merge. */
void
steep_merge_check_identity(const Session *session, const char *id,
						   const char *identity)
{
	if (identity == NULL ||
		strcmp(identity, steep_merge_identity(session)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("peer \"%s\" is not the one of merge \"%s\"",
					steep_peer_label(session->peer), id),
			 errhint("Give the connection of the node that it was planned with.")));
}

/* Connect to the peer of a merge. */
Session *
steep_merge_connect(const Merge *merge)
{
	PeerAddress *address = steep_peer_address_parse(merge->server);
	Session    *session;

	address->label = pstrdup(merge->peer);
	session = steep_session_begin(address);
	PG_TRY();
	{
		steep_merge_check_identity(session, merge->id, merge->identity);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return session;
}
