/*-------------------------------------------------------------------------
 *
 * merge_settle.c
 *		Find out what an earlier job of a merge has left on the peer.
 *
 * A job can end, by a cancel or for good, without knowing whether the peer
 * has committed: then its step stays in doubt.  The next job of the merge
 * looks for the step's marker first.  If it is there, this node is rolled
 * forward as the step itself would have done; if not, nothing was written,
 * and what was planned still is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/ledger.h"
#include "ops/merge.h"
#include "ops/merge_write.h"

static const Statement mark_settled = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark the step as settled",
	.text = "SELECT steep_repl.mark_settled($1)",
	.nparams = 1,
	.params = {"int8"},
};

static const Statement list_settled = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list the batches whose markers nobody needs",
	.text = "SELECT merges, batches FROM steep_repl.settled_batches($1)",
	.nparams = 1,
	.params = {"text"},
};

/* Step "settle": finish here what the peer has applied of an earlier step. */
void
steep_merge_settle(StepContext *step)
{
	Apply	   *apply = steep_merge_prepare(step);
	const char *values[] = {apply->batch};

	PG_TRY();
	{
		steep_merge_claim_batch(apply);
		if (apply->forward)
			(void) steep_merge_finish_batch(apply);
		steep_merge_keep(apply->merge, apply->session);
	}
	PG_CATCH();
	{
		steep_session_abandon(apply->session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (apply->forward && apply->table != NULL)
		steep_merge_mark_batch(apply, true);
	else if (apply->forward)
		steep_merge_mark_round(apply);
	steep_merge_book(&mark_settled, values, NIL);
}

/*
 * Have the peer forget what it has marked for a merge, and for those that have
 * failed before, but what may be needed to settle a doubt.  Nobody waits for
 * the answer: if it fails, the markers are among what steep_repl.leftovers()
 * lists there.
 */
void
steep_merge_forget_batches(Session *session, const char *id)
{
	char	  **settled = steep_merge_ask(&list_settled, &id);

	steep_peer_none(session->peer, steep_merge_commit_sql(), NULL);
	steep_peer_send(session->peer, steep_merge_forget_sql(),
					(const char *const *) settled);
}
