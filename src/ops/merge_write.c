/*-------------------------------------------------------------------------
 *
 * merge_write.c
 *		Lock, check and write the rows of one batch of a merge.
 *
 * Rows go in chunks, in the order of the decisions, which is that of the
 * keys.  Inserts come before updates, and tables after those that their
 * foreign keys point to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
	.text = "SELECT steep_repl.mark_stale($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "int8[]"},
};

static const Statement cut_images = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "cut a chunk of rows",
	.text = "SELECT last_seq, n, images, digests\n"
	"FROM steep_repl.images_chunk($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.params = {"text", "text", "text", "text", "int8", "int8", "text[]"},
};

/*
 * Walk the planned decisions of a table in the chunks that a statement cuts,
 * those of one resolution or, if NULL, all.
 */
void
steep_merge_each_chunk(Apply *apply, TablePair *pair, const Statement *cut,
					   const char *resolution, ChunkWork work, void *arg)
{
	const char *rows = steep_merge_chunk_rows(apply->merge, pair);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl merge chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char		after[32] = "0";

	for (;;)
	{
		const char *values[] = {
			apply->merge->id, steep_merge_table(pair), "planned", rows,
			after, resolution
		};
		char	  **chunk = steep_merge_ask(cut, values);

		if (chunk == NULL)
			break;
		snprintf(after, sizeof(after), "%s", chunk[0]);
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
	const char *values[] = {apply->merge->id, steep_merge_table(pair), NULL};

	if (moved->nrows > 0)
	{
		apply->moved = true;
		foreach(cell, steep_spool_texts(moved))
			numbers = lappend(numbers, ((char **) lfirst(cell))[0]);
		values[2] = steep_sql_array(numbers);
		steep_merge_book(&mark_stale, values, NIL);
	}
	steep_spool_end(moved);
}

/* The values of a lock statement: numbers, digests, keys. */
static const char *const *
lock_values(const TablePair *pair, Site site, char **chunk)
{
	int			nkeys = list_length(pair->key);
	const char **values = palloc((nkeys + 2) * sizeof(char *));

	values[0] = chunk[1];
	values[1] = site == SITE_LOCAL ? chunk[2] : chunk[3];
	memcpy(values + 2, steep_merge_chunk_keys(pair, site, chunk),
		   nkeys * sizeof(char *));
	return values;
}

/* Lock and check a chunk of rows: on both nodes, or here to roll forward. */
static void
lock_chunk(Apply *apply, TablePair *pair, char **chunk, void *arg)
{
	Spool	   *here = steep_spool_create("here");
	Spool	   *there = steep_spool_create("there");

	if (!apply->forward)
		steep_peer_send(apply->session->peer,
						steep_merge_lock_sql(SITE_PEER, pair),
						lock_values(pair, SITE_PEER, chunk));
	steep_local_rows(steep_merge_lock_sql(SITE_LOCAL, pair),
					 lock_values(pair, SITE_LOCAL, chunk), NIL, here);
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
							   steep_merge_keys_chunk_sql(lfirst(cell)),
							   apply->forward ? "remote" : NULL,
							   lock_chunk, NULL);
	TEST_POINT("merge-after-lock");
}

/* Refuse what became of rows that were written. */
static void
check_written(const TablePair *pair, const Statement *statement,
			  const char *wanted, char **row)
{
	if (strcmp(row[0], wanted) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of table \"%s\" appeared or went while they were merged",
						steep_merge_table(pair)),
				 errdetail("Step \"%s\" wrote %s rows of %s.",
						   statement->purpose, row[0], wanted)));
	if (strcmp(row[1], wanted) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("rows of table \"%s\" are not what was written %s",
						steep_merge_table(pair),
						statement->site == SITE_LOCAL ? "here" : "on the peer"),
				 errdetail("%s of %s rows are.", row[1], wanted),
				 errhint("Look for triggers and generated columns that differ between the nodes.")));
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

/*
 * Write the rows of one category to one node, chunk by chunk.  What goes to
 * the peer is what was resolved as local.
 */
static void
write_category(Apply *apply, TablePair *pair, Site site, const char *category,
			   const Statement *statement)
{
	const char *rows = steep_merge_chunk_rows(apply->merge, pair);
	const char *order = row_order(steep_table_side(site, pair));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl write chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char		after[32] = "0";

	for (;;)
	{
		const char *values[] = {
			apply->merge->id, steep_merge_table(pair),
			site == SITE_LOCAL ? "remote" : "local", category, after, rows,
			order
		};
		char	  **chunk = steep_merge_ask(&cut_images, values);

		if (chunk[0] == NULL)
			break;
		TEST_POINT("merge-write-chunk");
		snprintf(after, sizeof(after), "%s", chunk[0]);
		check_written(pair, statement, chunk[1],
					  site == SITE_LOCAL ?
					  steep_local_row(statement, (const char **) chunk + 2, NIL) :
					  steep_peer_row(apply->session->peer, statement,
									 (const char **) chunk + 2));
		steep_progress_add_rows(strtoll(chunk[1], NULL, 10));
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Write all rows of the batch that did not move. */
void
steep_merge_write_rows(Apply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);

		steep_progress_table(steep_merge_table(pair));
		write_category(apply, pair, SITE_LOCAL, "remote_only",
					   steep_merge_insert_sql(SITE_LOCAL, pair));
		if (!apply->forward)
			write_category(apply, pair, SITE_PEER, "local_only",
						   steep_merge_insert_sql(SITE_PEER, pair));
	}
	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);

		steep_progress_table(steep_merge_table(pair));
		write_category(apply, pair, SITE_LOCAL, "conflict",
					   steep_merge_update_sql(SITE_LOCAL, pair));
		if (!apply->forward)
			write_category(apply, pair, SITE_PEER, "conflict",
						   steep_merge_update_sql(SITE_PEER, pair));
		steep_progress_table_done();
	}
}
