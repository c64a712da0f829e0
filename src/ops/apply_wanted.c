/*-------------------------------------------------------------------------
 *
 * apply_wanted.c
 *		Which tables of a snapshot are applied, if not all.
 *
 * They are named as the snapshot names them: they need not exist here.  The
 * partitions of a table come with it, and what a table is a partition of, or
 * inherits from, is created, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "ops/apply.h"

/* Does a name that a user has written stand for this table? */
static bool
matches(const List *written, const ScriptObject *table)
{
	const char *last = strVal(llast(written));

	if (list_length(written) == 2 &&
		strcmp(strVal(linitial(written)), NameStr(table->schema)) != 0)
		return false;
	return strcmp(last, NameStr(table->name)) == 0 ||
		(list_length(written) == 2 && strcmp(last, "*") == 0);
}

/* Add the tables that an entry stands for. */
static void
add_entry(HTAB *wanted, List *pre_data, text *entry)
{
	List	   *written = textToQualifiedNameList(entry);
	int			found = 0;
	ListCell   *cell;

	foreach(cell, pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);

		if (statement->kind != SCRIPT_TABLE || list_length(written) > 2 ||
			!matches(written, &statement->makes))
			continue;
		steep_script_add(wanted, &statement->makes);
		found++;
	}
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" is not in the snapshot",
						text_to_cstring(entry)),
				 errhint("Its manifest.json lists its tables.")));
	if (found > 1 && list_length(written) == 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("table \"%s\" is in the snapshot several times",
						text_to_cstring(entry)),
				 errhint("Write it with its schema.")));
}

/*
 * Add the partitions of what is wanted; statements are in the order of the
 * hierarchy, parents first.
 */
static void
add_partitions(HTAB *wanted, List *pre_data)
{
	ListCell   *cell;

	foreach(cell, pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);

		if (statement->kind == SCRIPT_PARTITION &&
			steep_script_has(wanted, linitial(statement->needs)))
			steep_script_add(wanted, &statement->of);
	}
}

/* Add the parents of what is wanted, from the last statement to the first. */
static void
add_parents(HTAB *wanted, List *pre_data)
{
	for (int i = list_length(pre_data) - 1; i >= 0; i--)
	{
		const ScriptStatement *statement = list_nth(pre_data, i);
		const ScriptObject *child = statement->kind == SCRIPT_TABLE ?
			&statement->makes : &statement->of;
		ListCell   *cell;

		if (!steep_script_has(wanted, child))
			continue;
		foreach(cell, statement->needs)
			steep_script_add(wanted, lfirst(cell));
	}
}

/* List the tables that some names stand for. */
HTAB *
steep_apply_wanted(List *pre_data, ArrayType *names)
{
	HTAB	   *wanted = steep_script_set("wanted tables");
	Datum	   *entries;
	int			count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &entries, NULL,
					  &count);
	for (int i = 0; i < count; i++)
		add_entry(wanted, pre_data, DatumGetTextPP(entries[i]));
	add_partitions(wanted, pre_data);
	add_parents(wanted, pre_data);
	return wanted;
}
