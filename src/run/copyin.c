/*-------------------------------------------------------------------------
 *
 * copyin.c
 *		What COPY has written into a table of this node.
 *
 * COPY's own code does it, by a callback.  That code leaves it to its callers
 * to check privileges and row level security.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "run/copyin.h"

/* What is read: the callback is given nothing by which to find it. */
static CopyInSource current_source;
static void *current_arg;

static int
read_text(void *buffer, int least, int most)
{
	return current_source(current_arg, buffer, most);
}

static void
deny(Relation table, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table \"%s\"",
					RelationGetRelationName(table)),
			 errdetail_internal("%s", detail),
			 errhint("%s", hint)));
}

/* May the role insert into these columns? */
static bool
may_insert(Oid table, List *columns)
{
	ListCell   *cell;

	if (pg_class_aclcheck(table, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
		return true;
	foreach(cell, columns)
	{
		AttrNumber	column = get_attnum(table, lfirst(cell));

		if (column != InvalidAttrNumber &&
			pg_attribute_aclcheck(table, column, GetUserId(),
								  ACL_INSERT) != ACLCHECK_OK)
			return false;
	}
	return columns != NIL;
}

static void
check_table(Relation table, List *columns)
{
	Oid			relid = RelationGetRelid(table);

	if (!may_insert(relid, columns))
		deny(table, "The role may not insert rows.",
			 "GRANT INSERT on the table to the role.");
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		deny(table, "Row level security would decide which rows are loaded.",
			 "Load it as the table's owner or as a role with BYPASSRLS.");
}

static List *
name_columns(List *columns)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, columns)
		names = lappend(names, makeString(lfirst(cell)));
	return names;
}

static DefElem *
make_option(const char *name, const char *value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pstrdup(value)), -1);
}

uint64
steep_copyin_run(const char *schema, const char *table, List *columns,
				 bool binary, CopyInSource source, void *arg)
{
	RangeVar   *name = makeRangeVar(pstrdup(schema), pstrdup(table), -1);
	Relation	relation = table_openrv(name, RowExclusiveLock);
	ParseState *pstate = make_parsestate(NULL);
	CopyFromState copy;
	uint64		rows;

	check_table(relation, columns);
	(void) addRangeTableEntryForRelation(pstate, relation, RowExclusiveLock,
										 NULL, false, false);
	current_source = source;
	current_arg = arg;
	copy = BeginCopyFrom(pstate, relation, NULL, NULL, false, read_text,
						 name_columns(columns),
						 list_make2(make_option("encoding", GetDatabaseEncodingName()),
									make_option("format", binary ? "binary" : "text")));
	rows = CopyFrom(copy);
	EndCopyFrom(copy);
	free_parsestate(pstate);
	table_close(relation, NoLock);
	return rows;
}
