/*-------------------------------------------------------------------------
 *
 * merge_time.c
 *		When rows were changed, for the strategy last-modified.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "generate/merge_sql.h"
#include "ops/merge.h"

#define MUCH_SKEW 1.0			/* seconds */

/* Columns that tell when a row was changed, by their usual names. */
static const char *const usual[] = {"updated_at", "modified_at", "last_modified"};

/* Can this column say which row is newer? */
static bool
tells_time(const ColumnInfo *column)
{
	static const char *const types[] = {
		"timestamp with time zone", "timestamp without time zone", "date",
		"smallint", "integer", "bigint", "numeric"
	};

	for (size_t i = 0; i < lengthof(types); i++)
	{
		if (strcmp(column->base, types[i]) == 0)
			return true;
	}
	return false;
}

/* Is a column among those that are merged? */
static ColumnInfo *
find_column(const TablePair *pair, const char *name)
{
	ListCell   *cell;

	foreach(cell, pair->columns)
	{
		if (strcmp(((ColumnInfo *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	}
	return NULL;
}

/* Check the column that the caller has named. */
static void
check_named(const TablePair *pair, const char *name)
{
	const ColumnInfo *column = find_column(pair, name);

	if (column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						name, steep_merge_table(pair)),
				 errdetail("The option modified_column names it."),
				 errhint("Name a column that both nodes have.")));
	if (!tells_time(column))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" does not say which row is newer",
						name, steep_merge_table(pair)),
				 errdetail("It has type %s.", column->definition),
				 errhint("Name a timestamp, a date or a number that grows with each change.")));
}

/* Do both nodes keep the time of each commit? */
static bool
keeps_commit_times(Session *session, Site site)
{
	const Statement *ask = steep_merge_commit_times_sql(site);
	char	   *kept = site == SITE_LOCAL ? steep_local_value(ask, NULL, NIL) :
		steep_peer_value(session->peer, ask, NULL);

	return strcmp(kept, "on") == 0;
}

/* Choose what tells the time of a table's rows; NULL is that of the commit. */
static const char *
choose_column(Session *session, const TablePair *pair)
{
	for (size_t i = 0; i < lengthof(usual); i++)
	{
		const ColumnInfo *column = find_column(pair, usual[i]);

		if (column != NULL && tells_time(column))
			return usual[i];
	}
	if (!keeps_commit_times(session, SITE_LOCAL) ||
		!keeps_commit_times(session, SITE_PEER))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nothing says which row of table \"%s\" is newer",
						steep_merge_table(pair)),
				 errdetail("It has no column updated_at, modified_at or last_modified, and track_commit_timestamp is not on on both nodes."),
				 errhint("Name a column with the option modified_column, or set track_commit_timestamp = on on both nodes, which holds for rows changed from then on.")));
	return NULL;
}

/* Measure how far the peer's clock is ahead, in seconds. */
static double
measure_skew(Session *session)
{
	double		before = strtod(steep_local_value(steep_merge_clock_sql(SITE_LOCAL), NULL, NIL), NULL);
	double		there = strtod(steep_peer_value(session->peer, steep_merge_clock_sql(SITE_PEER), NULL), NULL);
	double		after = strtod(steep_local_value(steep_merge_clock_sql(SITE_LOCAL), NULL, NIL), NULL);

	return there - (before + after) / 2;
}

/*
 * Settle for each table of strategy last-modified what says when its rows
 * were changed.  Returns how far the peer's clock is ahead, as an interval,
 * or NULL if no table needs it.
 */
char *
steep_merge_settle_times(Session *session, List *pairs, TableOptions *tables)
{
	bool		any = false;
	double		skew;
	ListCell   *cell;

	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);
		TableOptions *table = &tables[foreach_current_index(cell)];

		if (strcmp(table->strategy, "last-modified") != 0)
			continue;
		any = true;
		if (table->modified_column != NULL)
			check_named(pair, table->modified_column);
		else
			table->modified_column = choose_column(session, pair);
	}
	if (!any)
		return NULL;
	skew = measure_skew(session);
	if (fabs(skew) > MUCH_SKEW)
		ereport(WARNING,
				(errmsg("clock of peer \"%s\" is %.1f seconds %s",
						steep_peer_label(session->peer), fabs(skew),
						skew > 0 ? "ahead" : "behind"),
				 errdetail("The strategy last-modified compares times of both nodes."),
				 errhint("Synchronize the clocks, or choose another strategy.")));
	return psprintf("%.6f seconds", skew);
}
