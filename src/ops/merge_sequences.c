/*-------------------------------------------------------------------------
 *
 * merge_sequences.c
 *		Move the sequences of merged tables past what was merged.
 *
 * A row that came from the other node has its number from the other node's
 * sequence.  Once the rows are committed on both nodes, each sequence that
 * feeds a column goes on beyond the values that the column has on either.
 * This is no transaction: a step that fails half way runs again, and a
 * sequence that is there already is not moved.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/sequence_sql.h"
#include "jobs/progress.h"
#include "ops/merge.h"

/* Run a statement on either node; return its row, or NULL. */
static char **
ask(Session *session, const Statement *statement, const char *const *values)
{
	return statement->site == SITE_LOCAL ?
		steep_local_row(statement, values, NIL) :
		steep_peer_row(session->peer, statement, values);
}

/* List which sequences feed columns of the tables, on one node. */
static List *
list_feeds(Session *session, Site site, List *pairs)
{
	const Statement *list = steep_sequence_list_sql(site);
	Spool	   *spool = steep_spool_create("feeds");
	List	   *schemas = NIL;
	List	   *names = NIL;
	List	   *feeds;
	ListCell   *cell;
	const char *values[2];

	foreach(cell, pairs)
	{
		RelInfo    *rel = ((TablePair *) lfirst(cell))->local;

		schemas = lappend(schemas, rel->schema);
		names = lappend(names, rel->name);
	}
	values[0] = steep_sql_array(schemas);
	values[1] = steep_sql_array(names);
	if (site == SITE_LOCAL)
		steep_local_rows(list, values, NIL, spool);
	else
		steep_peer_rows(session->peer, list, values, spool);
	feeds = steep_spool_texts(spool);
	steep_spool_end(spool);
	return feeds;
}

/* Find the column that a sequence feeds, or NULL if none that is merged. */
static const ColumnInfo *
find_column(const TablePair *pair, char **feed)
{
	ListCell   *cell;

	foreach(cell, pair->columns)
	{
		const ColumnInfo *column = lfirst(cell);

		if (strcmp(column->name, feed[FEED_COLUMN]) == 0)
			return steep_sequence_feeds(column) ? column : NULL;
	}
	return NULL;
}

/* Can this sequence be moved?  If not, say what can be done. */
static bool
check_feed(const Session *session, Site site, const TablePair *pair,
		   char **feed)
{
	char	   *name = steep_sql_name(feed[FEED_SCHEMA], feed[FEED_NAME]);

	if (feed[FEED_PLAIN][0] != 't')
		ereport(WARNING,
				(errmsg("sequence \"%s\" will not be moved %s", name,
						steep_session_place(session, site)),
				 errdetail("Column \"%s\" of table \"%s\" is computed from its values.",
						   feed[FEED_COLUMN], steep_merge_table(pair)),
				 errhint("Move it with setval() after the merge.")));
	else if (feed[FEED_ALLOWED][0] != 't')
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to move sequence \"%s\" %s", name,
						steep_session_place(session, site)),
				 errdetail("It may hand out values that merged rows of table \"%s\" have.",
						   steep_merge_table(pair)),
				 errhint("GRANT SELECT, UPDATE ON SEQUENCE %s, and USAGE on its schema, to the role that connects there.",
						 name)));
	else
		return true;
	return false;
}

/* Warn, once each, of sequences of the tables that will not be moved. */
void
steep_merge_check_sequences(Session *session, List *pairs)
{
	for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
	{
		char	  **warned = NULL;
		ListCell   *cell;

		/* sorted by sequence */
		foreach(cell, list_feeds(session, site, pairs))
		{
			char	  **feed = lfirst(cell);
			const TablePair *pair = list_nth(pairs, atoi(feed[FEED_TABLE]) - 1);

			if (find_column(pair, feed) == NULL ||
				(warned && strcmp(warned[FEED_NAME], feed[FEED_NAME]) == 0 &&
				 strcmp(warned[FEED_SCHEMA], feed[FEED_SCHEMA]) == 0))
				continue;
			if (!check_feed(session, site, pair, feed))
				warned = feed;
		}
	}
}

/* List the statements that read the ends of columns, on both nodes. */
static List *
statements_of_ends(const TablePair *pair, List *columns)
{
	List	   *statements = NIL;
	ListCell   *cell;

	foreach(cell, columns)
	{
		for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
			statements = lappend(statements,
								 unconstify(Statement *,
											steep_sequence_ends_sql(site, pair, lfirst(cell))));
	}
	return statements;
}

/* List the statements that move the sequences of a table, on both nodes. */
List *
steep_merge_sequence_statements(Session *session, TablePair *pair)
{
	List	   *ends = NIL;
	List	   *moves = NIL;

	for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
	{
		ListCell   *cell;

		foreach(cell, list_feeds(session, site, list_make1(pair)))
		{
			char	  **feed = lfirst(cell);
			const ColumnInfo *column = find_column(pair, feed);

			if (column == NULL || feed[FEED_PLAIN][0] != 't' ||
				feed[FEED_ALLOWED][0] != 't')
				continue;
			ends = list_append_unique_ptr(ends, unconstify(ColumnInfo *, column));
			moves = lappend(moves, unconstify(Statement *,
											  steep_sequence_move_sql(site, feed[FEED_SCHEMA],
																	  feed[FEED_NAME], column)));
		}
	}
	return list_concat(statements_of_ends(pair, ends), moves);
}

/* Move one sequence beyond the values of the column that it feeds. */
static void
move(Session *session, Site site, const TablePair *pair,
	 const ColumnInfo *column, char **feed, const char *const *ends)
{
	char	   *name = steep_sql_name(feed[FEED_SCHEMA], feed[FEED_NAME]);
	char	  **moved = ask(session,
							steep_sequence_move_sql(site, feed[FEED_SCHEMA],
													feed[FEED_NAME], column),
							ends);

	if (moved == NULL)
		return;
	if (moved[MOVE_FITS][0] == 't')
		ereport(LOG,
				(errmsg("sequence \"%s\" has moved to %s %s", name,
						moved[MOVE_TO], steep_session_place(session, site)),
				 errhidecontext(true)));
	else if (moved[MOVE_CYCLES][0] != 't')
		ereport(WARNING,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s\" was not moved %s", name,
						steep_session_place(session, site)),
				 errdetail("It would have no value left beyond %s in column \"%s\" of table \"%s\".",
						   moved[MOVE_BEYOND], column->name,
						   steep_merge_table(pair)),
				 errhint("Move it with setval() to where it meets no row, or raise its limit.")));
}

/* Read the ends of a column: the greatest here and there, then the least. */
static const char **
read_ends(Session *session, const TablePair *pair, const ColumnInfo *column)
{
	const char **ends = palloc0(4 * sizeof(char *));
	Spool	   *answer = steep_spool_create("ends");
	char	  **here;
	char	  **there;

	steep_peer_send(session->peer,
					steep_sequence_ends_sql(SITE_PEER, pair, column), NULL);
	here = steep_local_row(steep_sequence_ends_sql(SITE_LOCAL, pair, column),
						   NULL, NIL);
	steep_peer_collect(session->peer, answer);
	there = steep_spool_next(answer);
	steep_spool_end(answer);
	ends[0] = here[0];
	ends[1] = there[0];
	ends[2] = here[1];
	ends[3] = there[1];
	return ends;
}

/* List the sequences among "feeds" that feed a column and can be moved. */
static List *
feeds_of(const Session *session, Site site, const TablePair *pair,
		 const ColumnInfo *column, List *feeds)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, feeds)
	{
		if (find_column(pair, lfirst(cell)) == column &&
			check_feed(session, site, pair, lfirst(cell)))
			found = lappend(found, lfirst(cell));
	}
	return found;
}

/* Move the sequences that feed a column, on both nodes. */
static void
move_column(Session *session, const TablePair *pair, const ColumnInfo *column,
			List *local_feeds, List *peer_feeds)
{
	List	   *here = feeds_of(session, SITE_LOCAL, pair, column, local_feeds);
	List	   *there = feeds_of(session, SITE_PEER, pair, column, peer_feeds);
	const char **ends;
	ListCell   *cell;

	if (here == NIL && there == NIL)
		return;
	ends = read_ends(session, pair, column);
	TEST_POINT("merge-before-sequences");
	foreach(cell, here)
		move(session, SITE_LOCAL, pair, column, lfirst(cell), ends);
	foreach(cell, there)
		move(session, SITE_PEER, pair, column, lfirst(cell), ends);
}

/* Move the sequences of a table, waiting no longer for locks than asked. */
static void
move_sequences(Merge *merge, Session *session, const char *table)
{
	TablePair  *pair = linitial(steep_merge_pairs(session, merge, table));
	const char *limits[] = {merge->lock_timeout, "origin"};
	List	   *here;
	List	   *there;
	ListCell   *cell;

	steep_peer_none(session->peer, steep_merge_begin_sql(), NULL);
	session->open = true;
	(void) ask(session, steep_merge_settings_sql(SITE_LOCAL), limits);
	(void) ask(session, steep_merge_settings_sql(SITE_PEER), limits);
	here = list_feeds(session, SITE_LOCAL, list_make1(pair));
	there = list_feeds(session, SITE_PEER, list_make1(pair));
	foreach(cell, pair->columns)
		move_column(session, pair, lfirst(cell), here, there);
	steep_peer_none(session->peer, steep_merge_commit_sql(), NULL);
	session->open = false;
}

/* Step "sequences": move those of the target past what was merged. */
void
steep_merge_sequences(StepContext *step)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);

	steep_progress_phase("sequences");
	steep_progress_table(step->target);
	PG_TRY();
	{
		move_sequences(merge, session, step->target);
		steep_merge_keep(merge, session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
}
