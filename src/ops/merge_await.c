/*-------------------------------------------------------------------------
 *
 * merge_await.c
 *		A merge between nodes that replicate to each other meanwhile.
 *
 * Rows differ for a moment whenever one is changed, until the other node has
 * applied the change.  To settle such a difference would undo what is under
 * way, or be undone by it.  So with the option await_replication
 *
 *	1. what was found to differ is looked at again when both nodes have
 *	   applied what they had written for each other by then (recheck), and
 *	2. rows that still differ are locked on both nodes, and written once both
 *	   have applied what was written before the locks (apply).
 *
 * If replication itself waits for one of these locks the second does not come
 * to pass: then all locks are let go, and it begins anew with the first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/testpoint.h"
#include "jobs/ledger.h"
#include "ops/merge.h"
#include "ops/merge_write.h"
#include "ops/replication.h"

#define LOCKED_MS 2000			/* while rows are locked */
#define UNLOCKED_MS 60000		/* while nobody waits for us */

static const Statement mark_all_stale = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "have all looked at again",
	.text = "SELECT steep_repl.mark_all_stale($1)",
	.nparams = 1,
	.params = {"text"},
};

/* Step "recheck": have what is planned looked at again before it is written. */
void
steep_merge_recheck(StepContext *step)
{
	(void) steep_merge_book(&mark_all_stale, &step->job->merge_id, NIL);
	steep_merge_plan_again(step, true);
}

/* Let pass what is under way between the nodes, if the merge is to. */
void
steep_merge_let_pass(const Session *session, const Merge *merge)
{
	if (!merge->options->await_replication)
		return;
	if (!steep_replication_await(session, UNLOCKED_MS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("replication between the nodes did not catch up within %d s",
						UNLOCKED_MS / 1000),
				 errhint("Look at pg_stat_subscription_stats and the server logs of both nodes: a change that cannot be applied stops a subscription.")));
}

/*
 * Has replication come to the locks on the rows of a batch, and so to their
 * last change?  If not, all that is planned is marked as stale.
 */
bool
steep_merge_is_quiet(const Apply *apply)
{
	if (!apply->merge->options->await_replication || apply->forward)
		return true;
	TEST_POINT("merge-await");
	if (steep_replication_await(apply->session, LOCKED_MS))
		return true;
	(void) steep_merge_book(&mark_all_stale, &apply->merge->id, NIL);
	return false;
}
