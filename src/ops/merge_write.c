/*-------------------------------------------------------------------------
 *
 * merge_write.c
 *		Lock, check and write the rows of one batch of a merge.
 *
 * Rows go in chunks, in the order of the decisions, which is that of the
 * keys, to both nodes at once: while the peer works on a chunk, we write ours
 * and cut the peer's next.  Deletes come before inserts, and these before
 * updates; tables come after those that their foreign keys point to, but for
 * deletes.  What undoes a merge goes backwards.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"

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

/* Parameters of cut_rows. */
enum
{
	CUT_AFTER = 4,				/* the decision after which it starts */
	CUT_NVALUES = 8
};

/* Say how rows go to a node, in one way; without a statement none do. */
typedef Writing (*WritingMaker) (const Apply *apply, Site site,
								 TablePair *pair);

/* Walk the decisions of the batch on a table that a cut takes. */
ChunkWalk *
steep_merge_walk_batch(const Apply *apply, const TablePair *pair,
					   const Statement *cut)
{
	return steep_merge_walk_decisions(apply->merge, pair, cut,
									  apply->after, apply->until);
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

/* Lock and check the rows of a walk: on both nodes, or here to roll forward. */
static void
lock_rows(Apply *apply, TablePair *pair, ChunkWalk *walk)
{
	char	  **chunk;

	while ((chunk = steep_merge_walk_next(walk)) != NULL)
	{
		const char *local_keys = chunk[CHUNK_LOCAL];
		const char *peer_keys = chunk[CHUNK_PEER];
		Spool	   *here = steep_spool_create("here");
		Spool	   *there = steep_spool_create("there");

		if (!apply->forward)
			steep_peer_send(apply->session->peer,
							steep_merge_lock_sql(SITE_PEER, pair), &peer_keys);
		steep_local_rows(steep_merge_lock_sql(SITE_LOCAL, pair), &local_keys,
						 NIL, here);
		steep_merge_walk_ahead(walk);
		if (!apply->forward)
			steep_peer_collect(apply->session->peer, there);
		mark_moved(apply, pair, here);
		mark_moved(apply, pair, there);
	}
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
	{
		TablePair  *pair = lfirst(cell);
		ChunkWalk  *walk =
			steep_merge_walk_batch(apply, pair,
								   steep_merge_keys_chunk_sql(pair, apply->forward ?
															  CUT_PLANNED_HERE : CUT_PLANNED));

		lock_rows(apply, pair, walk);
		steep_merge_walk_end(walk);
	}
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

/* The values by which rows of a writing are cut, up to n after a decision. */
static void
cut_values(const Writing *writing, const char *after, const char *n,
		   const char **values)
{
	const Apply *apply = writing->apply;
	TablePair  *pair = writing->pair;

	values[0] = pair->record;
	values[1] = writing->site == SITE_LOCAL ? "local" : "remote";
	values[2] = writing->actions;
	values[3] = writing->old ? "true" : "false";
	values[CUT_AFTER] = after;
	values[5] = apply->until;
	values[6] = n;
	values[7] = row_order(steep_table_side(writing->site, pair));
}

/* Start to walk the rows of a writing. */
static void
walk_rows(const Apply *apply, Writing *writing)
{
	const char *values[CUT_NVALUES];

	cut_values(writing, apply->after,
			   steep_merge_chunk_rows(apply->merge, writing->pair), values);
	writing->walk = steep_merge_walk_cut(&cut_rows, values, CUT_AFTER);
	strlcpy(writing->after, apply->after, sizeof(writing->after));
}

/* Cut the next n rows after a decision; none has NULL for the last. */
char	  **
steep_merge_cut_rows(const Writing *writing, const char *after, int64 n)
{
	const char *values[CUT_NVALUES];

	cut_values(writing, after, psprintf(INT64_FORMAT, n), values);
	return steep_merge_ask(&cut_rows, values);
}

/* Let the peer start on a chunk of rows, if it is for the peer. */
void
steep_merge_send_chunk(Apply *apply, const Writing *writing, char **chunk)
{
	if (writing->site == SITE_PEER)
		steep_peer_send(apply->session->peer, writing->statement,
						(const char *const *) chunk + ROWS_IMAGES);
}

/*
 * Run the statement of a writing on a chunk of rows, or collect what the peer
 * has answered to it, and check that.
 */
void
steep_merge_write_chunk(Apply *apply, const Writing *writing, char **chunk)
{
	ErrorContextCallback hint = {
		.previous = error_context_stack,
		.callback = steep_merge_add_hint,
		.arg = unconstify(Writing *, writing),
	};
	char	  **row;

	error_context_stack = &hint;
	apply->chunk = writing->chunk;
	if (writing->site == SITE_LOCAL)
		row = steep_local_row(writing->statement,
							  (const char *const *) chunk + ROWS_IMAGES, NIL);
	else
		row = steep_peer_collect_row(apply->session->peer);
	steep_merge_check_written(apply, writing, chunk[ROWS_COUNT], row);
	apply->chunk = 0;
	error_context_stack = hint.previous;
	steep_progress_add_rows(strtoll(chunk[ROWS_COUNT], NULL, 10));
}

/* Go on to the next chunk of rows of a writing; NULL if there is none. */
static char **
next_chunk(Apply *apply, Writing *writing)
{
	char	  **chunk = writing->walk ? steep_merge_walk_next(writing->walk) : NULL;

	if (chunk != NULL)
		writing->chunk = ++apply->chunks;
	return chunk;
}

/* End with a chunk, which was sent before; look for the row that fails. */
static void
end_chunk(Apply *apply, Writing *writing, char **chunk)
{
	if (writing->chunk == apply->suspect)
		steep_merge_write_halves(apply, writing, writing->after,
								 strtoll(chunk[ROWS_COUNT], NULL, 10));
	else
		steep_merge_write_chunk(apply, writing, chunk);
	strlcpy(writing->after, chunk[ROWS_LAST], sizeof(writing->after));
}

/*
 * Write the next chunk of rows on each node, both at once, and cut the
 * peer's next one meanwhile.  False if there was none.
 */
static bool
write_chunks(Apply *apply, Writing *here, Writing *there)
{
	char	  **theirs = next_chunk(apply, there);
	char	  **ours = next_chunk(apply, here);

	if (ours == NULL && theirs == NULL)
		return false;
	TEST_POINT("merge-write-chunk");
	if (theirs && there->chunk != apply->suspect)
		steep_merge_send_chunk(apply, there, theirs);
	if (ours)
		end_chunk(apply, here, ours);
	if (theirs)
	{
		steep_merge_walk_ahead(there->walk);
		end_chunk(apply, there, theirs);
	}
	return true;
}

/* Delete the rows of a table that go from a node, or are written anew. */
static Writing
deletion(const Apply *apply, Site site, TablePair *pair)
{
	Writing		writing = {
		.apply = apply,
		.pair = pair,
		.site = site,
		.actions = replaces(apply, site, pair) ? "{delete,update}" : "{delete}",
		.old = true,
		.event = TRIGGER_TYPE_DELETE,
	};

	if (pair->deletes || replaces(apply, site, pair))
		writing.statement = steep_merge_delete_sql(site, pair);
	return writing;
}

static Writing
insertion(const Apply *apply, Site site, TablePair *pair)
{
	return (Writing)
	{
		.apply = apply,
			.pair = pair,
			.site = site,
			.actions = replaces(apply, site, pair) ? "{insert,update}" : "{insert}",
			.statement = steep_merge_insert_sql(site, pair),
			.event = TRIGGER_TYPE_INSERT,
	};
}

static Writing
update(const Apply *apply, Site site, TablePair *pair)
{
	Writing		writing = {
		.apply = apply,
		.pair = pair,
		.site = site,
		.actions = "{update}",
		.event = TRIGGER_TYPE_UPDATE,
	};

	if (!replaces(apply, site, pair))
		writing.statement = steep_merge_update_sql(site, pair);
	return writing;
}

/* Write rows of a table in one way on the nodes that are to be written. */
static void
write_table(Apply *apply, TablePair *pair, WritingMaker make)
{
	Writing		here = make(apply, SITE_LOCAL, pair);
	Writing		there = make(apply, SITE_PEER, pair);

	steep_progress_table(steep_merge_table(pair));
	if (here.statement)
		walk_rows(apply, &here);
	if (there.statement && !apply->forward)
		walk_rows(apply, &there);
	while (write_chunks(apply, &here, &there))
		continue;
	if (here.walk)
		steep_merge_walk_end(here.walk);
	if (there.walk)
		steep_merge_walk_end(there.walk);
}

/* Write rows of all tables in one way, parents first or last. */
static void
write_tables(Apply *apply, bool parents_first, bool finishes,
			 WritingMaker make)
{
	int			n = list_length(apply->pairs);

	for (int i = 0; i < n; i++)
	{
		write_table(apply,
					list_nth(apply->pairs, parents_first ? i : n - 1 - i),
					make);
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
		write_tables(apply, false, false, update);
	write_tables(apply, false, false, deletion);
	write_tables(apply, true, backwards, insertion);
	if (!backwards)
		write_tables(apply, true, true, update);
}
