/*-------------------------------------------------------------------------
 *
 * merge_peer.c
 *		The peer of a merge, and whether it still is the same.
 *
 * A merge may be applied long after it was planned, through a server that
 * may lead elsewhere by then.
 *
 * A worker keeps the connection for its next step, since to connect, and to
 * read catalogs with nothing cached, takes longer than a small table does.
 * After an error it is closed, and the worker ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/pinned.h"
#include "ops/merge.h"

static Session *kept = NULL;	/* by the step before */
static char kept_of[64];		/* the merge that it is of */

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

/* Refuse a peer whose role may not leave markers there. */
static void
check_markers(const Session *session)
{
	if (strcmp(steep_peer_value(session->peer, steep_merge_may_mark_sql(), NULL), "t") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to mark batches on peer \"%s\"",
					steep_peer_label(session->peer)),
			 errhint("GRANT EXECUTE on steep_repl.claim_batch, batch_result, finish_batch and tag_writes to the role that connects there.")));
}

/* Refuse a peer that cannot take part in a merge. */
void
steep_merge_check_peer(const Session *session)
{
	const char *label = steep_peer_label(session->peer);

	if (session->way != DIGEST_NATIVE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" cannot be merged with", label),
				 errdetail("A merge leaves a marker in the peer's steep_repl."),
				 errhint("Install the same version of steep_repl on the peer, and GRANT USAGE ON SCHEMA steep_repl and EXECUTE on its functions to the role.")));
	if (session->there->standby || session->there->read_only)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("peer \"%s\" is read only", label),
				 errdetail(session->there->standby ?
						   "It is a standby." :
						   "Its default_transaction_read_only is on."),
				 errhint("Connect to a node that takes writes.")));
	steep_session_check_other(session);
	check_markers(session);
}

/* Take the session that the step before has left, if it is of this merge. */
static Session *
take_kept(const Merge *merge)
{
	Session    *session = kept;

	if (session == NULL || strcmp(kept_of, merge->id) != 0)
		return NULL;
	kept = NULL;
	session->pinned = steep_pin_begin(PIN_ALWAYS);
	return session;
}

/* Connect to the peer of a merge; the session lives as long as we do. */
static Session *
connect_to_peer(const Merge *merge)
{
	PeerAddress *address = steep_peer_address_parse(merge->server);
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	Session    *session;

	address->label = pstrdup(merge->peer);
	session = steep_session_begin(address);
	MemoryContextSwitchTo(caller);
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

/* Connect to the peer of a merge, unless the step before has. */
Session *
steep_merge_connect(const Merge *merge)
{
	Session    *session = take_kept(merge);

	return session ? session : connect_to_peer(merge);
}

/* Keep a session in which nothing has gone wrong for the next step. */
void
steep_merge_keep(const Merge *merge, Session *session)
{
	if (session->open)
		steep_peer_none(session->peer, steep_merge_abort_sql(), NULL);
	session->open = false;
	steep_peer_set_time_limit(session->peer, 0);
	steep_pin_end(session->pinned);
	if (kept != NULL)
		steep_session_abandon(kept);
	kept = session;
	strlcpy(kept_of, merge->id, sizeof(kept_of));
}
