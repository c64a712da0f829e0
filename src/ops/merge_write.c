/*-------------------------------------------------------------------------
 *
 * merge_write.c
 *		Lock, check and write the rows of one batch of a merge.
 *
 * Rows go in chunks, in the order of the decisions, which is that of the
 * keys.  Deletes come before inserts, and these before updates; tables come
 * after those that their foreign keys point to, but for deletes.  What undoes
 * a merge goes backwards.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"
#include "utils/memutils.h"

#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/table_sql.h"
#include "jobs/progress.h"
#include "ops/merge_write.h"

static const Statement mark_stale = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark stale decisions",
	.text = "SELECT steep_repl.mark_stale($1, $2)",
	.nparams = 2,
	.params = {"int8", "int8[]"},
};

static const Statement cut_rows = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "cut a chunk of rows",
	.text = "SELECT last_seq, n, images, digests\n"
	"FROM steep_repl.rows_to_write($1, $2, $3, $4, $5, $6, $7, $8)",
	.nparams = 8,
	.params = {"int8", "text", "text[]", "bool", "int8", "int8", "int8", "text[]"},
};

/* Walk the decisions of a batch on a table in the chunks that a statement cuts. */
void
steep_merge_each_chunk(Apply *apply, TablePair *pair, const Statement *cut,
					   ChunkWork work, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl merge chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char		after[32];

	snprintf(after, sizeof(after), "%s", apply->after);
	for (;;)
	{
		const char *values[] = {
			pair->record, after, apply->until,
			steep_merge_chunk_rows(apply->merge, pair)
		};
		char	  **chunk = steep_merge_ask(cut, values);

		if (chunk == NULL)
			break;
		snprintf(after, sizeof(after), "%s", chunk[CHUNK_LAST]);
		work(apply, pair, chunk, arg);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Mark the decisions that a lock statement named as moved. */
static void
mark_moved(Apply *apply, TablePair *pair, Spool *moved)
{
	List	   *numbers = NIL;
	ListCell   *cell;
	const char *values[] = {pair->record, NULL};

	if (moved->nrows > 0)
	{
		apply->moved = true;
		foreach(cell, steep_spool_texts(moved))
			numbers = lappend(numbers, ((char **) lfirst(cell))[0]);
		values[1] = steep_sql_array(numbers);
		steep_merge_book(&mark_stale, values, NIL);
	}
	steep_spool_end(moved);
}

/* Lock and check a chunk of rows: on both nodes, or here to roll forward. */
static void
lock_chunk(Apply *apply, TablePair *pair, char **chunk, void *arg)
{
	const char *local_keys = chunk[CHUNK_LOCAL];
	const char *peer_keys = chunk[CHUNK_PEER];
	Spool	   *here = steep_spool_create("here");
	Spool	   *there = steep_spool_create("there");

	if (!apply->forward)
		steep_peer_send(apply->session->peer,
						steep_merge_lock_sql(SITE_PEER, pair), &peer_keys);
	steep_local_rows(steep_merge_lock_sql(SITE_LOCAL, pair), &local_keys, NIL,
					 here);
	if (!apply->forward)
		steep_peer_collect(apply->session->peer, there);
	mark_moved(apply, pair, here);
	mark_moved(apply, pair, there);
}

/*
 * Lock all rows of the batch and mark those that moved.
 *
 * Rolling forward, what is to be written on the peer is written; only rows
 * to be written here must be as they were.
 */
void
steep_merge_lock_rows(Apply *apply)
{
	ListCell   *cell;

	TEST_POINT("merge-before-lock");
	foreach(cell, apply->pairs)
		steep_merge_each_chunk(apply, lfirst(cell),
							   steep_merge_keys_chunk_sql(lfirst(cell),
														  apply->forward ?
														  CUT_PLANNED_HERE : CUT_PLANNED),
							   lock_chunk, NULL);
	TEST_POINT("merge-after-lock");
}

/* Are a table's rows on a node updated by deleting and inserting them? */
static bool
replaces(const Apply *apply, Site site, const TablePair *pair)
{
	return steep_merge_is_replica(apply, site) && steep_merge_replaces(site, pair);
}

/* List the names of a side's columns in the order of its row type. */
static char *
row_order(const RelInfo *rel)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, steep_relinfo_row_order(rel))
		names = lappend(names, ((ColumnInfo *) lfirst(cell))->name);
	return steep_sql_array(names);
}

/* Cut the next n rows after a decision; none has NULL for the last. */
char	  **
steep_merge_cut_rows(const Writing *writing, const char *after, int64 n)
{
	const char *values[] = {
		writing->pair->record,
		writing->site == SITE_LOCAL ? "local" : "remote",
		writing->actions, writing->old ? "true" : "false", after,
		writing->apply->until, psprintf(INT64_FORMAT, n),
		row_order(steep_table_side(writing->site, writing->pair))
	};

	return steep_merge_ask(&cut_rows, values);
}

/* Run the statement of a writing on a chunk of rows. */
void
steep_merge_write_chunk(Apply *apply, const Writing *writing, char **chunk)
{
	const char *const *rows = (const char *const *) chunk + ROWS_IMAGES;
	ErrorContextCallback hint = {
		.previous = error_context_stack,
		.callback = steep_merge_add_hint,
		.arg = unconstify(Writing *, writing),
	};

	TEST_POINT("merge-write-chunk");
	error_context_stack = &hint;
	apply->writing = true;
	steep_merge_check_written(apply, writing, chunk[ROWS_COUNT],
							  writing->site == SITE_LOCAL ?
							  steep_local_row(writing->statement, rows, NIL) :
							  steep_peer_row(apply->session->peer,
											 writing->statement, rows));
	apply->writing = false;
	error_context_stack = hint.previous;
	steep_progress_add_rows(strtoll(chunk[ROWS_COUNT], NULL, 10));
}

/* Write rows of one table to one node in one way, chunk by chunk. */
static void
write_rows(Apply *apply, const Writing *writing)
{
	int64		limit = strtoll(steep_merge_chunk_rows(apply->merge, writing->pair),
								NULL, 10);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl write chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char		after[32];

	snprintf(after, sizeof(after), "%s", apply->after);
	for (;;)
	{
		char	  **chunk = steep_merge_cut_rows(writing, after, limit);

		if (chunk[ROWS_LAST] == NULL)
			break;
		if (++apply->chunk == apply->suspect)
			steep_merge_write_halves(apply, writing, after,
									 strtoll(chunk[ROWS_COUNT], NULL, 10));
		else
			steep_merge_write_chunk(apply, writing, chunk);
		snprintf(after, sizeof(after), "%s", chunk[ROWS_LAST]);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Delete the rows of a table that go from a node, or are written anew. */
static void
delete_rows(Apply *apply, Site site, TablePair *pair)
{
	Writing		writing = {
		.apply = apply,
		.pair = pair,
		.site = site,
		.actions = replaces(apply, site, pair) ? "{delete,update}" : "{delete}",
		.old = true,
		.event = TRIGGER_TYPE_DELETE,
	};

	if (!pair->deletes && !replaces(apply, site, pair))
		return;
	writing.statement = steep_merge_delete_sql(site, pair);
	write_rows(apply, &writing);
}

static void
insert_rows(Apply *apply, Site site, TablePair *pair)
{
	Writing		writing = {
		.apply = apply,
		.pair = pair,
		.site = site,
		.actions = replaces(apply, site, pair) ? "{insert,update}" : "{insert}",
		.statement = steep_merge_insert_sql(site, pair),
		.event = TRIGGER_TYPE_INSERT,
	};

	write_rows(apply, &writing);
}

static void
update_rows(Apply *apply, Site site, TablePair *pair)
{
	Writing		writing = {
		.apply = apply,
		.pair = pair,
		.site = site,
		.actions = "{update}",
		.statement = steep_merge_update_sql(site, pair),
		.event = TRIGGER_TYPE_UPDATE,
	};

	if (!replaces(apply, site, pair))
		write_rows(apply, &writing);
}

/* Do something to a table on the nodes that are to be written. */
static void
on_both(Apply *apply, TablePair *pair,
		void (*write) (Apply *apply, Site site, TablePair *pair))
{
	steep_progress_table(steep_merge_table(pair));
	write(apply, SITE_LOCAL, pair);
	if (!apply->forward)
		write(apply, SITE_PEER, pair);
}

/* Do something to all tables, parents first or last. */
static void
on_all(Apply *apply, bool parents_first, bool finishes,
	   void (*write) (Apply *apply, Site site, TablePair *pair))
{
	int			n = list_length(apply->pairs);

	for (int i = 0; i < n; i++)
	{
		on_both(apply, list_nth(apply->pairs, parents_first ? i : n - 1 - i),
				write);
		if (finishes)
			steep_progress_table_done();
	}
}

/* Write all rows of the batch that did not move. */
void
steep_merge_write_rows(Apply *apply)
{
	bool		backwards = apply->merge->backwards;

	if (backwards)
		on_all(apply, false, false, update_rows);
	on_all(apply, false, false, delete_rows);
	on_all(apply, true, backwards, insert_rows);
	if (!backwards)
		on_all(apply, true, true, update_rows);
}
