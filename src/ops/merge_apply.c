/*-------------------------------------------------------------------------
 *
 * merge_apply.c
 *		Write what was decided, on both nodes, or nothing.
 *
 * One step is one transaction on each node, with these moments:
 *
 *	1. peer: insert the marker
 *	2. both: lock the rows and check that they are as decided on
 *	3. both: write the rows that moved on neither; the peer records in the
 *	   marker which rows were left out, and commits
 *	4. local: mark the decisions and commit
 *
 * When the reply to the peer's COMMIT is lost, or this node fails between the
 * two commits, the step runs again, finds the marker, and rolls this node
 * forward from the decisions.  Another attempt that still holds the marker
 * uncommitted is waited for.
 *
 * A row that moved is marked stale, never overwritten, and planned again.
 * If another row cannot be written without it, since it is its parent, none
 * is, and the round ends with the marks.
 *
 * Once the peer may have committed, a cancel is held off until this node has
 * committed too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/testpoint.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/merge.h"
#include "ops/merge_echo.h"
#include "ops/merge_write.h"

#define PATIENCE 30				/* lock timeouts that one answer may take */

static const Statement mark_left_out = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark what the peer left out",
	.text = "SELECT steep_repl.mark_left_out($1, $2)",
	.nparams = 2,
	.params = {"text", "jsonb"},
};

static const Statement left_out = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list what is left out",
	.text = "SELECT steep_repl.left_out($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement mark_applied = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark what is applied",
	.text = "SELECT steep_repl.mark_applied($1, $2)",
	.nparams = 2,
	.params = {"text", "int4"},
};

/* Set the limits of a transaction; learn whether triggers fire, and more. */
static void
set_limits(Apply *apply, Site site)
{
	const char *values[] = {
		apply->merge->lock_timeout,
		apply->merge->options->fire_triggers ? "origin" : "replica"
	};
	const Statement *set = steep_merge_settings_sql(site);
	char	  **row = site == SITE_LOCAL ? steep_local_row(set, values, NIL) :
		steep_peer_row(apply->session->peer, set, values);
	bool		replica = strcmp(row[0], "replica") == 0;

	if (site == SITE_LOCAL)
	{
		apply->local_replica = replica;
		apply->local_tagged = row[4][0] == 't';
	}
	else
	{
		apply->peer_replica = replica;
		apply->peer_tagged = row[4][0] == 't';
	}
	if (!replica && !apply->merge->options->fire_triggers)
		ereport(WARNING,
				(errmsg("triggers fire %s",
						site == SITE_LOCAL ? "here" : "on the peer"),
				 errdetail("The role may not set session_replication_role."),
				 errhint("GRANT SET ON PARAMETER session_replication_role to the role.")));
}

/*
 * Claim the batch on the peer, or learn that the peer has done it before.
 *
 * That comes first: no lock is held while another attempt is waited for, and
 * no other reason for an error, like a table that has changed, is in the way
 * of finding out.  Once we have the marker, no earlier attempt can commit.
 *
 * The extension is held, lest DROP EXTENSION takes the books from us between
 * the two commits.
 */
void
steep_merge_claim_batch(Apply *apply)
{
	const char *values[] = {apply->merge->id, apply->batch};
	Peer	   *peer = apply->session->peer;

	if (!steep_books_hold_extension())
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" does not exist any more", "steep_repl")));
	steep_peer_set_time_limit(peer,
							  (int) Min(PATIENCE * strtoll(apply->merge->lock_timeout, NULL, 10),
										PG_INT32_MAX));
	steep_peer_none(peer, steep_merge_begin_sql(), NULL);
	apply->session->open = true;
	set_limits(apply, SITE_LOCAL);
	set_limits(apply, SITE_PEER);
	TEST_POINT("merge-before-marker");
	apply->forward = steep_peer_value(peer, steep_merge_claim_sql(), values)[0] != 't';
	TEST_POINT("merge-after-marker");
	if (!apply->forward)
		apply->step->in_doubt = false;
}

/* Take over from the marker which decisions the peer left out. */
static void
roll_forward(Apply *apply)
{
	const char *batch[] = {apply->merge->id, apply->batch};
	const char *values[] = {apply->merge->id, NULL};

	values[1] = steep_peer_value(apply->session->peer,
								 steep_merge_result_sql(), batch);
	if (values[1] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("marker of batch %s is not this merge's own", apply->batch),
				 errdetail("Another role has claimed it on the peer."),
				 errhint("Start a new merge.")));
	steep_merge_book(&mark_left_out, values, NIL);
}

/* From here on a cancel comes too late: the peer may have committed. */
static void
hold_cancel(Apply *apply)
{
	HOLD_CANCEL_INTERRUPTS();
	apply->step->decided = true;
}

/* Record on the peer what was left out, and commit there. */
static void
commit_peer(Apply *apply)
{
	const char *id[] = {apply->merge->id};
	const char *values[] = {apply->merge->id, apply->batch, NULL};
	char	   *done;

	values[2] = steep_merge_ask(&left_out, id)[0];
	steep_peer_none(apply->session->peer, steep_merge_record_sql(), values);
	TEST_POINT("merge-before-peer-commit");
	hold_cancel(apply);
	done = steep_peer_value(apply->session->peer, steep_merge_commit_sql(),
							NULL);
	if (strcmp(done, "COMMIT") != 0)
		elog(ERROR, "the peer answered COMMIT with %s", done);
	apply->session->open = false;
	TEST_POINT("merge-after-peer-commit");
}

/* Where constraints are checked as rows are written, put off what can be. */
static void
defer_constraints(Apply *apply)
{
	if (!apply->local_replica)
		(void) steep_local_none(steep_merge_deferred_sql(SITE_LOCAL), NULL, NIL);
	if (!apply->peer_replica && !apply->forward)
		steep_peer_none(apply->session->peer,
						steep_merge_deferred_sql(SITE_PEER), NULL);
}

/*
 * Write the batch, here and on the peer; false if a parent is left out, or if
 * replication is at one of its rows.
 */
static bool
write_batch(Apply *apply)
{
	defer_constraints(apply);
	steep_merge_lock_rows(apply);
	if (!steep_merge_is_quiet(apply))
		return false;
	steep_merge_write_rows(apply);
	(void) steep_local_none(steep_merge_immediate_sql(SITE_LOCAL), NULL, NIL);
	if (!apply->forward)
		steep_peer_none(apply->session->peer,
						steep_merge_immediate_sql(SITE_PEER), NULL);
	steep_merge_check_exclusions(apply);
	return steep_merge_check_references(apply);
}

/*
 * Write the batch, or nothing of it if it has to wait for rows that moved.
 * What was left out stays marked in either case.
 */
static bool
try_batch(Apply *apply)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	const char *values[] = {apply->merge->id, NULL};

	apply->may_retreat = !apply->forward && apply->replans > 0;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	if (write_batch(apply))
	{
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		return true;
	}
	values[1] = steep_merge_ask(&left_out, values)[0];
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	steep_merge_book(&mark_left_out, values, NIL);
	return false;
}

/*
 * Write a batch that was claimed, and commit on the peer; if the peer has done
 * it before, only here.  Then only the rows to be written here need to be as
 * decided on.  False if nothing was written.
 */
bool
steep_merge_finish_batch(Apply *apply)
{
	apply->pairs = steep_merge_pairs(apply->session, apply->merge, apply->table);
	steep_merge_exclude_others(apply);
	steep_merge_guard_tables(apply);
	if (apply->forward)
	{
		hold_cancel(apply);
		roll_forward(apply);
	}
	else if (!apply->merge->options->allow_echo)
		steep_merge_refuse_echo(apply->session, apply->pairs,
								apply->local_tagged, apply->peer_tagged);
	if (!try_batch(apply))
		return false;
	if (!apply->forward)
		commit_peer(apply);
	return true;
}

/* Do moments 1 to 3. */
static void
apply_batch(Apply *apply, void *written)
{
	apply->chunks = 0;
	apply->chunk = 0;
	apply->moved = false;
	steep_merge_claim_batch(apply);
	if (apply->step->settle && !apply->forward)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("batch %s is not applied on the peer, and will not be",
						apply->batch)));
	*(bool *) written = steep_merge_finish_batch(apply);
}

/*
 * Do moments 1 to 3; return the error if rows can't be written, or NULL.
 * *written says whether any was, or all wait for one that has moved.
 */
ErrorData *
steep_merge_try_batch(Apply *apply, bool *written)
{
	return steep_merge_try(apply, apply_batch, written);
}

/* Read what the step is to apply, and connect. */
Apply *
steep_merge_prepare(StepContext *step)
{
	Apply	   *apply = palloc0(sizeof(Apply));

	apply->step = step;
	apply->merge = steep_merge_load(step->job->merge_id);
	apply->table = step->target;
	apply->batch = psprintf(INT64_FORMAT,
							steep_merge_param(step, "batch", step->id));
	apply->after = psprintf(INT64_FORMAT, steep_merge_param(step, "after", 0));
	apply->until = psprintf(INT64_FORMAT,
							steep_merge_param(step, "until", PG_INT64_MAX));
	apply->round = (int) steep_merge_param(step, "round", 1);
	apply->replans = (int) steep_merge_param(step, "replans", 0);
	apply->session = steep_merge_connect(apply->merge);
	steep_progress_phase("apply");
	return apply;
}

/* Mark what was planned up to this round as applied. */
void
steep_merge_mark_round(const Apply *apply)
{
	const char *values[] = {apply->merge->id, psprintf("%d", apply->round)};

	steep_merge_book(&mark_applied, values, NIL);
}

/* Write what is planned; if a row can't be written, the error names it. */
static bool
apply_all(Apply *apply)
{
	bool		written = false;
	ErrorData  *error = steep_merge_try_batch(apply, &written);

	if (error != NULL && steep_merge_search(apply, error))
		error = steep_merge_try_batch(apply, &written);
	if (error != NULL)
		ReThrowError(error);
	return written;
}

/*
 * Step "apply": write every decision that is planned, on both nodes.
 *
 * The engine commits this node's transaction when we return: moment 4.
 */
void
steep_merge_apply(StepContext *step)
{
	Apply	   *apply;
	volatile bool written = false;

	steep_merge_check_limits(step);
	apply = steep_merge_prepare(step);
	PG_TRY();
	{
		written = apply_all(apply);
		steep_merge_keep(apply->merge, apply->session);
	}
	PG_CATCH();
	{
		steep_session_abandon(apply->session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (written)
		steep_merge_mark_round(apply);
	steep_merge_plan_again(step, false);
	TEST_POINT("merge-before-local-commit");
}
