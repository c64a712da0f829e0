/*-------------------------------------------------------------------------
 *
 * merge_search.c
 *		Find the row that a merge cannot write.
 *
 * Rows are written many at a time, and the error of a trigger or of a type
 * does not say which one it was about.  If all or nothing is to be written,
 * that is tried once more: the chunk that has failed is written in halves, of
 * which the one that fails is halved again, until the row is alone.  Nothing
 * else is different, so should no row fail this time, the merge is complete.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "jobs/ledger.h"
#include "ops/merge_write.h"

static const Statement read_key = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the key",
	.text = "SELECT CASE WHEN $3 THEN key ELSE coalesce(peer_key, key) END\n"
	"FROM steep_repl.merge_rows WHERE table_id = $1 AND seq = $2",
	.nparams = 3,
	.params = {"int8", "int8", "bool"},
};

/* A chunk of rows, while it is tried. */
typedef struct Trial
{
	const Writing *writing;
	char	  **chunk;
} Trial;

/*
 * Is an error about the rows, so that the other rows can be written?  So is a
 * state that neither the standard nor the server has: a trigger raises it.
 */
static bool
about_rows(int sqlstate)
{
	if (strchr("689IJKLMNOQRSTUVWYZ", PGUNSIXBIT(sqlstate)) != NULL)
		return true;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION:
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
		case ERRCODE_PLPGSQL_ERROR:
			return true;
		default:
			return false;
	}
}

/*
 * Do a part of the work of applying.  If rows can't be written, what it has
 * done here is rolled back and the error returned, else NULL.
 */
ErrorData *
steep_merge_try(Apply *apply, void (*work) (Apply *apply, void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	int			level = GetCurrentTransactionNestLevel();

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(apply, arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (apply->step->decided || apply->step->in_doubt ||
			!about_rows(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		while (GetCurrentTransactionNestLevel() > level)
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * Prepare to try again, and look for the row that can't be written; false if
 * the error names it, or is not about a single row.
 */
bool
steep_merge_search(Apply *apply, const ErrorData *error)
{
	Session    *failed = apply->session;

	if (apply->chunk == 0 ||
		(ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
		 error->detail != NULL))
		return false;
	apply->suspect = apply->chunk;
	apply->session = steep_merge_connect(apply->merge);
	steep_session_abandon(failed);
	return true;
}

/* Write a chunk; on the peer in a subtransaction, too. */
static void
write_chunk(Apply *apply, void *arg)
{
	const Trial *trial = arg;
	Peer	   *peer = trial->writing->site == SITE_PEER ?
		apply->session->peer : NULL;

	if (peer != NULL)
		steep_peer_none(peer, steep_merge_savepoint_sql(), NULL);
	steep_merge_send_chunk(apply, trial->writing, trial->chunk);
	steep_merge_write_chunk(apply, trial->writing, trial->chunk);
	if (peer != NULL)
		steep_peer_none(peer, steep_merge_release_sql(), NULL);
}

/* Add to an error which row it is about, and raise it. */
static void
report_row(const Writing *writing, const char *seq, ErrorData *error)
{
	bool		here = writing->site == SITE_LOCAL;
	const char *values[] = {
		writing->pair->record, seq, here ? "true" : "false"
	};
	char	   *row = psprintf("Row %s of table \"%s\" cannot be written %s.",
							   steep_merge_ask(&read_key, values)[0],
							   steep_merge_table(writing->pair),
							   here ? "here" : "on the peer");

	error->detail = error->detail ? psprintf("%s %s", row, error->detail) : row;
	ReThrowError(error);
}

/* Write the n rows of a chunk in halves, until the one that can't is alone. */
void
steep_merge_write_halves(Apply *apply, const Writing *writing,
						 const char *after, int64 n)
{
	while (n > 0)
	{
		Trial		trial = {.writing = writing};
		ErrorData  *error;
		int64		count;

		trial.chunk = steep_merge_cut_rows(writing, after, (n + 1) / 2);
		count = strtoll(trial.chunk[ROWS_COUNT], NULL, 10);
		error = steep_merge_try(apply, write_chunk, &trial);
		if (error == NULL)
		{
			after = trial.chunk[ROWS_LAST];
			n -= count;
			continue;
		}
		if (count == 1)
			report_row(writing, trial.chunk[ROWS_LAST], error);
		if (writing->site == SITE_PEER)
			steep_peer_recover(apply->session->peer,
							   steep_merge_rollback_sql());
		n = count;
	}
}
