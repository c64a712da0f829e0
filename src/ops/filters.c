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

/* Run the condition's statement on one node, and let an error name the table. */
static void
try_where(Session *session, const TablePair *pair, Site site)
{
	const Statement *statement = steep_check_where_sql(site, pair);
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		if (site == SITE_LOCAL)
			(void) steep_local_row(statement, NULL, NIL);
		else
			(void) steep_peer_row(session->peer, statement, NULL);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (!steep_condition_at_fault(error))
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("condition of table \"%s\" cannot be used %s",
						pair->asked, steep_session_place(session, site)),
				 errdetail_internal("It fails with: %s.", error->message),
				 errhint(CONDITION_HINT)));
	}
	PG_END_TRY();
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
