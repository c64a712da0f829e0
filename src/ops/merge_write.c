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

/* Rows of one table to be written to one node in one way. */
typedef struct Writing
{
	const Apply *apply;
	TablePair  *pair;
	Site		site;
	const char *actions;		/* that it is about, as an array */
	bool		old;			/* the rows as they were */
	const Statement *statement;
	ChunkWalk  *walk;			/* of the rows */
} Writing;

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

/* Does no trigger fire on a node? */
static bool
is_replica(const Apply *apply, Site site)
{
	return site == SITE_LOCAL ? apply->local_replica : apply->peer_replica;
}

/* Are a table's rows on a node updated by deleting and inserting them? */
static bool
replaces(const Apply *apply, Site site, const TablePair *pair)
{
	return is_replica(apply, site) && steep_merge_replaces(site, pair);
}

/* Say what it takes to delete and insert rows instead, or NULL. */
static char *
way_to_replace(const Writing *writing)
{
	const TablePair *pair = writing->pair;
	const RelInfo *rel = steep_table_side(writing->site, pair);
	List	   *grants = NIL;

	if (pair->excluded != NIL)
		return NULL;
	if (writing->apply->merge->options->fire_triggers)
		return "merge without the option fire_triggers";
	if (!rel->deletable)
		grants = lappend(grants, psprintf("DELETE ON %s",
										  steep_sql_name(rel->schema, rel->name)));
	if (!is_replica(writing->apply, writing->site))
		grants = lappend(grants, "SET ON PARAMETER session_replication_role");
	return grants == NIL ? NULL :
		psprintf("GRANT %s to the role that connects there",
				 steep_sql_join(grants, " and "));
}

/* Tell how values that no two rows may share can change places. */
static void
add_hint(void *arg)
{
	int			code = geterrcode();
	char	   *way = way_to_replace(arg);

	if ((code == ERRCODE_UNIQUE_VIOLATION ||
		 code == ERRCODE_EXCLUSION_VIOLATION) && way != NULL)
		errhint("If rows exchange such values, %s.", way);
}

/* Refuse what became of rows that were written. */
static void
check_written(Apply *apply, const Writing *writing, const char *wanted,
			  char **row)
{
	const char *table = steep_merge_table(writing->pair);
	const char *where = writing->site == SITE_LOCAL ? "here" : "on the peer";
	char	   *way = steep_merge_is_rigid(writing->site, writing->pair) ?
		way_to_replace(writing) : NULL;

	if (strcmp(row[0], wanted) != 0 && is_replica(apply, writing->site))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of table \"%s\" appeared or went while they were merged",
						table),
				 errdetail("Step \"%s\" wrote %s rows of %s.",
						   writing->statement->purpose, row[0], wanted)));
	if (strcmp(row[0], wanted) != 0 || strcmp(row[1], wanted) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("rows of table \"%s\" are not what was written %s",
						table, where),
				 errdetail("%s of %s rows are.", row[1], wanted),
				 way ? errhint("No update can write an identity column that is always generated: %s.", way) :
				 errhint("Look for triggers and generated columns that differ between the nodes; if there are none, start a new merge.")));
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

/* Start to walk the rows of a writing. */
static ChunkWalk *
walk_rows(const Writing *writing)
{
	const Apply *apply = writing->apply;
	TablePair  *pair = writing->pair;
	const char *values[] = {
		pair->record, writing->site == SITE_LOCAL ? "local" : "remote",
		writing->actions, writing->old ? "true" : "false", apply->after,
		apply->until, steep_merge_chunk_rows(apply->merge, pair),
		row_order(steep_table_side(writing->site, pair))
	};

	return steep_merge_walk_cut(&cut_rows, values, 4);
}

/*
 * Run the statement of a writing on a chunk of rows, or collect what the peer
 * has answered to it, and check that.
 */
static void
write_chunk(Apply *apply, const Writing *writing, char **chunk)
{
	const char *const *rows = (const char *const *) chunk + 2;
	ErrorContextCallback hint = {
		.previous = error_context_stack,
		.callback = add_hint,
		.arg = unconstify(Writing *, writing),
	};
	char	  **row;

	error_context_stack = &hint;
	if (writing->site == SITE_LOCAL)
		row = steep_local_row(writing->statement, rows, NIL);
	else
		row = steep_peer_collect_row(apply->session->peer);
	check_written(apply, writing, chunk[1], row);
	error_context_stack = hint.previous;
	steep_progress_add_rows(strtoll(chunk[1], NULL, 10));
}

/*
 * Write the next chunk of rows on each node, both at once, and cut the
 * peer's next one meanwhile.  False if there was none.
 */
static bool
write_chunks(Apply *apply, const Writing *here, const Writing *there)
{
	char	  **theirs = there->walk ? steep_merge_walk_next(there->walk) : NULL;
	char	  **ours = here->walk ? steep_merge_walk_next(here->walk) : NULL;

	if (ours == NULL && theirs == NULL)
		return false;
	TEST_POINT("merge-write-chunk");
	if (theirs)
		steep_peer_send(apply->session->peer, there->statement,
						(const char *const *) theirs + 2);
	if (ours)
		write_chunk(apply, here, ours);
	if (theirs)
	{
		steep_merge_walk_ahead(there->walk);
		write_chunk(apply, there, theirs);
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
		here.walk = walk_rows(&here);
	if (there.statement && !apply->forward)
		there.walk = walk_rows(&there);
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
