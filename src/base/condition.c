/*-------------------------------------------------------------------------
 *
 * condition.c
 *		A condition about the rows of a table, as a user writes it.
 *
 * It becomes a part of our statements, so it must be one whole expression:
 * nothing that closes a parenthesis of ours, and nothing that reads our
 * parameters.  The server's own grammar decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "base/condition.h"
#include "base/pinned.h"

/* Is this an error that the text of a condition may have caused? */
bool
steep_condition_at_fault(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_FEATURE_NOT_SUPPORTED;
}

/* Parse a statement, and let an error name the table. */
static List *
parse(const char *table, const char *statement)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *parsed = NIL;

	PG_TRY();
	{
		parsed = raw_parser(statement, RAW_PARSE_DEFAULT);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* its position would point into the text of the caller's query */
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (!steep_condition_at_fault(error))
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("condition of table \"%s\" is not valid", table),
				 errdetail_internal("It cannot be parsed: %s.", error->message),
				 errhint(CONDITION_HINT)));
	}
	PG_END_TRY();
	return parsed;
}

/* Find what looks beyond the row. */
static bool
looks_beyond(Node *node, void *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, ParamRef))
	{
		*(const char **) found = IsA(node, SubLink) ? "a subquery" : "a parameter";
		return true;
	}
	return raw_expression_tree_walker(node, looks_beyond, found);
}

/*
 * Raise an error unless a condition is one expression about a row; table is
 * its name for the message.  Whether its columns exist is not known here.
 *
 * What can stand both by itself and in parentheses has parentheses that
 * match, and holds no clause and no second statement.
 */
void
steep_condition_check(const char *table, const char *condition)
{
	int			pinned;
	List	   *statements;
	SelectStmt *select;
	const char *found = NULL;

	if (strlen(condition) > CONDITION_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("condition of table \"%s\" is longer than %d bytes",
						table, CONDITION_MAX_BYTES),
				 errhint("Put it into a function, and call that.")));
	pinned = steep_pin_begin(PIN_ALWAYS);
	(void) parse(table, psprintf("SELECT 1 WHERE\n%s", condition));
	statements = parse(table, psprintf("SELECT 1 WHERE (\n%s\n)", condition));
	steep_pin_end(pinned);

	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (list_length(statements) != 1 || !IsA(select, SelectStmt))
		elog(ERROR, "a condition was parsed as a statement");
	if (looks_beyond(select->whereClause, &found))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("condition of table \"%s\" is not valid", table),
				 errdetail("It contains %s.", found),
				 errhint(CONDITION_HINT)));
}
