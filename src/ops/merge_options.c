/*-------------------------------------------------------------------------
 *
 * merge_options.c
 *		The options of a merge that are by table.
 *
 * Each is an object with a member for a table, which is named as the caller
 * likes: as in the list of tables, or by schema and name, or by name alone if
 * only one of the tables has it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/options.h"
#include "ops/merge_options.h"
#include "ops/tables.h"

/* Takes the value that one member of an option has. */
typedef void (*TakeValue) (TableOptions *table, const JsonbValue *value);

static void
report_name(const char *option, const char *table, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" names table \"%s\", %s", option, table,
					problem),
			 errhint("Name each table once, as in the list of tables.")));
}

/* Find the table that a member of an option names. */
static int
find_table(const char *option, const char *name, List *pairs)
{
	int			found = -1;
	ListCell   *cell;

	foreach(cell, pairs)
	{
		if (strcmp(name, ((TablePair *) lfirst(cell))->asked) == 0)
			return foreach_current_index(cell);
	}
	foreach(cell, pairs)
	{
		if (!steep_tables_names(name, lfirst(cell)))
			continue;
		if (found >= 0)
			report_name(option, name, "which may be one of several");
		found = foreach_current_index(cell);
	}
	if (found < 0)
		report_name(option, name, "which is not merged");
	return found;
}

static char *
copy_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
take_strategy(TableOptions *table, const JsonbValue *value)
{
	table->strategy = steep_options_strategy(copy_string(value));
}

static void
take_modified_column(TableOptions *table, const JsonbValue *value)
{
	table->modified_column = copy_string(value);
}

static void
take_where(TableOptions *table, const JsonbValue *value)
{
	table->where = copy_string(value);
}

static void
take_exclude(TableOptions *table, const JsonbValue *value)
{
	JsonbIterator *it = JsonbIteratorInit(value->val.binary.data);
	JsonbValue	name;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &name, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			table->excluded = lappend(table->excluded, copy_string(&name));
	}
}

/* Hand each member of an option to the table that it names. */
static void
read_members(Jsonb *options, const char *option, List *pairs,
			 TableOptions *tables, TakeValue take)
{
	Jsonb	   *members = steep_options_object(options, option);
	bool	   *named = palloc0(list_length(pairs) * sizeof(bool));
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (members == NULL || !JB_ROOT_IS_OBJECT(members))
		return;
	it = JsonbIteratorInit(&members->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			table;

		if (token != WJB_KEY)
			continue;
		name = copy_string(&value);
		table = find_table(option, name, pairs);
		if (named[table])
			report_name(option, name, "which it has named before");
		named[table] = true;
		(void) JsonbIteratorNext(&it, &value, true);
		take(&tables[table], &value);
	}
}

/*
 * Read the options by table, one for each pair, in their order; strategy is
 * that of tables that have none of their own.
 *
 * The options must have passed steep_options_check(), and the pairs be
 * expanded.
 */
TableOptions *
steep_merge_table_options(Jsonb *options, List *pairs, const char *strategy)
{
	TableOptions *tables = palloc0(list_length(pairs) * sizeof(TableOptions));
	const char *column = steep_options_text(options, "modified_column");

	for (int i = 0; i < list_length(pairs); i++)
	{
		tables[i].strategy = strategy;
		tables[i].modified_column = column;
	}
	read_members(options, "strategies", pairs, tables, take_strategy);
	read_members(options, "modified_column", pairs, tables,
				 take_modified_column);
	read_members(options, "where", pairs, tables, take_where);
	read_members(options, "exclude", pairs, tables, take_exclude);
	return tables;
}
