/*-------------------------------------------------------------------------
 *
 * merge_verify.c
 *		Look again at the rows that a merge has written.
 *
 * What was written was checked before it was committed, so a row that is not
 * the same on both nodes here was changed since: by the application, or by
 * replication.  They are counted, for the report.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "jobs/progress.h"
#include "ops/merge.h"

static const Statement record_verify = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the result",
	.text = "SELECT steep_repl.record_verify($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "int8"},
};

/* Count the rows of a chunk that are not the same on both nodes. */
static int64
verify_chunk(Session *session, TablePair *pair, char **chunk)
{
	const char *local_keys = chunk[CHUNK_LOCAL];
	const char *peer_keys = chunk[CHUNK_PEER];
	Spool	   *here = steep_spool_create("local_rows");
	Spool	   *there = steep_spool_create("peer_rows");
	char	   *differ;

	steep_peer_send(session->peer, steep_merge_look_sql(SITE_PEER, pair),
					&peer_keys);
	steep_local_rows(steep_merge_look_sql(SITE_LOCAL, pair), &local_keys, NIL,
					 here);
	steep_peer_collect(session->peer, there);
	differ = steep_local_value(steep_merge_verify_sql(pair), NULL,
							   list_make2(here, there));
	steep_spool_end(here);
	steep_spool_end(there);
	return strtoll(differ, NULL, 10);
}

/* Count the merged rows of a table that are not the same on both nodes. */
static int64
verify_table(const Merge *merge, Session *session, const char *table)
{
	TablePair  *pair = linitial(steep_merge_pairs(session, merge, table));
	const Statement *cut = steep_merge_keys_chunk_sql(pair);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl verify chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char		after[32] = "0";
	int64		differ = 0;

	for (;;)
	{
		const char *values[] = {
			merge->id, table, "applied", steep_merge_chunk_rows(merge, pair),
			after, NULL
		};
		char	  **chunk = steep_merge_ask(cut, values);

		if (chunk == NULL)
			break;
		snprintf(after, sizeof(after), "%s", chunk[CHUNK_LAST]);
		differ += verify_chunk(session, pair, chunk);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return differ;
}

/* Step "verify": compare the target's merged rows once more. */
void
steep_merge_verify(StepContext *step)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);
	const char *values[] = {merge->id, step->target, NULL};
	int64		differ = 0;

	steep_progress_phase("verify");
	steep_progress_table(step->target);
	PG_TRY();
	{
		steep_session_read(session);
		differ = verify_table(merge, session, step->target);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
	values[2] = psprintf(INT64_FORMAT, differ);
	steep_merge_book(&record_verify, values, NIL);
}
