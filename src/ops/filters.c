/*-------------------------------------------------------------------------
 *
 * filters.c
 *		Which columns and rows of two tables take part.
 *
 * A column that is excluded need not be the same on both nodes, nor exist on
 * both, nor be readable.  A condition is one about the rows of each node by
 * itself; it runs with the rights of the role that reads the table there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"

#include "base/condition.h"
#include "generate/check_sql.h"
#include "generate/table_sql.h"
#include "ops/filters.h"

/* Mark the columns that the caller excludes, on both sides. */
void
steep_filters_exclude(TablePair *pair)
{
	ListCell   *cell;

	foreach(cell, pair->excluded)
	{
		ColumnInfo *local = steep_relinfo_column(pair->local, lfirst(cell));
		ColumnInfo *peer = steep_relinfo_column(pair->peer, lfirst(cell));

		if (local == NULL && peer == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" does not exist",
							(char *) lfirst(cell), pair->asked),
					 errhint("Exclude columns that the table has on one node at least.")));
		if (local != NULL)
			local->excluded = true;
		if (peer != NULL)
			peer->excluded = true;
	}
}

/*
 * Run a statement on one node; return its error, if it is one of the
 * expression in it, else NULL.
 */
static ErrorData *
try_on(Session *session, Site site, const Statement *statement)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		if (site == SITE_LOCAL)
			(void) steep_local_row(statement, NULL, NIL);
		else
			(void) steep_peer_row(session->peer, statement, NULL);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (!steep_condition_at_fault(error))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return error;
}

/* Refuse a condition that does not work on one node. */
static void
try_where(Session *session, const TablePair *pair, Site site)
{
	ErrorData  *error = try_on(session, site, steep_check_where_sql(site, pair));

	if (error == NULL)
		return;
	ereport(ERROR,
			(errcode(error->sqlerrcode),
			 errmsg("condition of table \"%s\" cannot be used %s",
					pair->asked, steep_session_place(session, site)),
			 errdetail_internal("It fails with: %s.", error->message),
			 errhint(CONDITION_HINT)));
}

/*
 * Refuse to exclude what cannot be null on a node that is to be written: rows
 * travel as values of the table's row type, with nulls for what is excluded.
 */
void
steep_filters_check_excluded(Session *session, const TablePair *pair, Site site)
{
	ListCell   *cell;

	foreach(cell, pair->excluded)
	{
		ColumnInfo *column = steep_relinfo_column(steep_table_side(site, pair),
												  lfirst(cell));
		ErrorData  *error;

		if (column == NULL || strcmp(column->type, column->base) == 0)
			continue;
		error = try_on(session, site, steep_check_null_sql(site, column));
		if (error == NULL)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" cannot be excluded from what is written %s",
						column->name, pair->asked,
						steep_session_place(session, site)),
				 errdetail_internal("Its domain does not take null: %s.", error->message),
				 errhint("Merge the column, too, or move the condition from the domain to the column.")));
	}
}

/* Refuse a condition that may say something else each time. */
static void
check_stable(const TablePair *pair)
{
	const char *text = steep_check_where_sql(SITE_LOCAL, pair)->text;
	RawStmt    *parsed = linitial_node(RawStmt,
									   raw_parser(text, RAW_PARSE_DEFAULT));
	Query	   *query = parse_analyze_fixedparams(parsed, text, NULL, 0, NULL);

	if (contain_volatile_functions((Node *) query->jointree))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition of table \"%s\" calls a volatile function",
						pair->asked),
				 errdetail("Rows are read more than once, and must take part each time or never."),
				 errhint("Call functions only that are STABLE or IMMUTABLE.")));
}

/*
 * Refuse a condition that is not one about a row, or does not work on both
 * nodes.
 */
void
steep_filters_check_where(Session *session, const TablePair *pair)
{
	if (pair->where == NULL)
		return;
	steep_condition_check(pair->asked, pair->where);
	try_where(session, pair, SITE_LOCAL);
	try_where(session, pair, SITE_PEER);
	check_stable(pair);
}
