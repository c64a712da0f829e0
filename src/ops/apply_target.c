/*-------------------------------------------------------------------------
 *
 * apply_target.c
 *		Tables that exist before rows are loaded into them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "jobs/ledger.h"
#include "ops/apply.h"

static void
check_shape(const char *name, char **row)
{
	if (row[TARGET_KIND][0] != 'r')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" exists and is not a table", name),
				 errdetail("Where its rows come from it is one."),
				 errhint("Rename or drop it, or list other tables in the option \"tables\".")));
	if (row[TARGET_MISFIT] != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("table \"%s\" exists and does not fit", name),
				 row[TARGET_MISFIT_HERE] == NULL ?
				 errdetail("It lacks column \"%s\" of type %s.",
						   row[TARGET_MISFIT], row[TARGET_MISFIT_TYPE]) :
				 errdetail("Column \"%s\" is %s, where its rows come from it is %s.",
						   row[TARGET_MISFIT], row[TARGET_MISFIT_HERE],
						   row[TARGET_MISFIT_TYPE]),
				 errhint("Alter the table, or drop it and have it created.")));
}

static void
check_privileges(const char *name, char **row)
{
	const char *role = GetUserNameFromId(GetUserId(), false);

	if (!steep_books_bool(row[TARGET_INSERT]) ||
		!steep_books_bool(row[TARGET_SELECT]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\"", name),
				 errdetail("Loading needs INSERT, and SELECT to see what is there."),
				 errhint("GRANT SELECT, INSERT on the table, and USAGE on its schema, to the role \"%s\".",
						 role)));
	if (steep_books_bool(row[TARGET_POLICIES]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row level security hides rows of table \"%s\"", name),
				 errhint("Start it as the table's owner or as a role with BYPASSRLS.")));
}

/*
 * Make sure that rows can be loaded into a table, if it exists;
 * "triggers" is set if it has some.  Returns whether it has rows.
 */
bool
steep_apply_check_target(const ApplyTable *table, bool force, bool *triggers)
{
	const char *values[] = {
		table->schema, table->name, table->columns, table->types
	};
	char	  **row = steep_local_row(steep_apply_target_sql(), values, NIL);
	const char *name = steep_sql_name(table->schema, table->name);
	bool		occupied;

	if (row == NULL)
		return false;
	check_shape(name, row);
	check_privileges(name, row);
	if (steep_books_bool(row[TARGET_TRIGGERS]))
		*triggers = true;
	occupied = steep_books_bool(steep_local_value(steep_apply_occupied_sql(table->schema,
																		   table->name),
												  NULL, NIL));
	if (occupied && !force)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has rows", name),
				 errhint("Empty it, list other tables in the option \"tables\", or add to its rows with the option \"force\".")));
	return occupied;
}
