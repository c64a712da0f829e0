/*-------------------------------------------------------------------------
 *
 * merge_statements.c
 *		Record the statements that will apply a plan, for steep_repl.merge_sql.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "ops/merge.h"

static const Statement record_statement = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the statements",
	.text = "SELECT steep_repl.add_merge_statement($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.params = {"text", "text", "int4", "text", "text", "text", "text"},
};

/* Record statements of one phase, with numbers from "first" on. */
static void
record_statements(const Merge *merge, const TablePair *pair, const char *phase,
				  List *statements, int first)
{
	ListCell   *cell;

	foreach(cell, statements)
	{
		Statement  *statement = lfirst(cell);
		const char *values[] = {
			merge->id, steep_merge_table(pair),
			psprintf("%d", first + foreach_current_index(cell)), phase,
			statement->site == SITE_LOCAL ? "local" : "peer",
			statement->purpose, statement->text
		};

		steep_merge_book(&record_statement, values, NIL);
	}
}

/* Record the statements that will apply the plan for a table. */
void
steep_merge_record_statements(Session *session, const Merge *merge,
							  TablePair *pair)
{
	List	   *pairs = list_make1(pair);
	List	   *statements =
		steep_merge_statements(pair,
							   steep_merge_constraints(session, SITE_LOCAL, pairs),
							   steep_merge_constraints(session, SITE_PEER, pairs));

	record_statements(merge, pair, "apply", statements, 1);
	if (merge->options->sequences && !merge->reverts)
		record_statements(merge, pair, "sequences",
						  steep_merge_sequence_statements(session, pair),
						  list_length(statements) + 1);
}
