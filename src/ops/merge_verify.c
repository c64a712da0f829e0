/*-------------------------------------------------------------------------
 *
 * merge_verify.c
 *		Look again at the rows that a merge has written.
 *
 * What was written was checked before it was committed, so a row that is not
 * what it was made on both nodes was changed since: by the application, or by
 * replication.  They are counted, for the report.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/progress.h"
#include "ops/merge_walk.h"

static const Statement record_verify = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the result",
	.text = "SELECT steep_repl.record_verify($1, $2)",
	.nparams = 2,
	.params = {"int8", "int8"},
};

static const Statement count_moved = {
	.site = SITE_LOCAL,
	.purpose = "count the rows that moved",
	.text = "SELECT count(*) FROM (SELECT n FROM local_rows\n"
	"  UNION SELECT n FROM peer_rows) AS moved",
};

/* Count the rows of a walk that are not, on both nodes, as they were left. */
static int64
count_changed(Session *session, const TablePair *pair, ChunkWalk *walk)
{
	int64		changed = 0;
	char	  **chunk;

	while ((chunk = steep_merge_walk_next(walk)) != NULL)
	{
		const char *local_keys = chunk[CHUNK_LOCAL];
		const char *peer_keys = chunk[CHUNK_PEER];
		Spool	   *here = steep_spool_create("local_rows");
		Spool	   *there = steep_spool_create("peer_rows");

		steep_peer_send(session->peer, steep_merge_look_sql(SITE_PEER, pair),
						&peer_keys);
		steep_local_rows(steep_merge_look_sql(SITE_LOCAL, pair), &local_keys,
						 NIL, here);
		steep_merge_walk_ahead(walk);
		steep_peer_collect(session->peer, there);
		changed += strtoll(steep_local_value(&count_moved, NULL,
											 list_make2(here, there)), NULL, 10);
		steep_spool_end(here);
		steep_spool_end(there);
	}
	return changed;
}

/* Count and record the merged rows of a table that are not as they were left. */
static void
verify_table(const Merge *merge, Session *session, const char *table)
{
	TablePair  *pair = linitial(steep_merge_pairs(session, merge, table));
	ChunkWalk  *walk =
		steep_merge_walk_decisions(merge, pair,
								   steep_merge_keys_chunk_sql(pair, CUT_APPLIED),
								   "0", CHUNK_WHOLE);
	int64		changed = count_changed(session, pair, walk);
	const char *values[2];

	steep_merge_walk_end(walk);
	values[0] = pair->record;
	values[1] = psprintf(INT64_FORMAT, changed);
	steep_merge_book(&record_verify, values, NIL);
}

/*
 * Step "verify": compare the target's merged rows once more.  The last one has
 * the peer forget what it has marked, whatever becomes of the others.
 */
void
steep_merge_verify(StepContext *step)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);
	bool		last = steep_merge_param(step, "last", 0) != 0;

	steep_progress_phase("verify");
	steep_progress_table(step->target);
	PG_TRY();
	{
		steep_session_read(session);
		verify_table(merge, session, step->target);
		if (!last)
			steep_merge_keep(merge, session);
		else
			steep_merge_forget_batches(session, merge->id);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (last)
		steep_session_end(session);
}
