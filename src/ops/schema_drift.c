/*-------------------------------------------------------------------------
 *
 * schema_drift.c
 *		What becomes of tables whose schemas have drifted apart.
 *
 * What is harmless is left alone.  Of the rest "strict" makes an error and
 * "manual" a warning; "auto" first creates what is missing here: schemas, tables,
 * with what belongs to them, columns, and the types that these need.  Nothing is
 * ever dropped or narrowed, and the peer is not touched.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/snapmgr.h"

#include "base/definition.h"
#include "base/sqltext.h"
#include "ops/schema.h"
#include "ops/tables.h"

#define MOST_LISTED 10			/* differences that a message has */

/* Understand the word for a mode; NULL ignores drift. */
DriftMode
steep_drift_mode(const char *word)
{
	static const char *const words[] = {NULL, "strict", "auto", "manual"};

	for (int i = 1; word != NULL && i < (int) lengthof(words); i++)
	{
		if (strcmp(words[i], word) == 0)
			return (DriftMode) i;
	}
	return DRIFT_IGNORE;
}

static void
create(const RelInfo *table, const Difference *difference)
{
	Statement	statement = {
		.site = SITE_LOCAL,
		.writes = true,
		.text = difference->fix.sql,
	};

	steep_definition_check(difference->object, difference->fix.sql);
	statement.purpose = psprintf("create %s of %s", difference->object,
								 steep_sql_name(table->schema, table->name));
	(void) steep_local_none(&statement, NULL, NIL);
}

/* Create the schema of a table if there is none. */
static void
create_schema(const RelInfo *table)
{
	Statement	statement = {
		.site = SITE_LOCAL,
		.writes = true,
		.purpose = "create the schema",
	};

	if (OidIsValid(get_namespace_oid(table->schema, true)))
		return;
	statement.text = psprintf("CREATE SCHEMA %s", steep_sql_ident(table->schema));
	(void) steep_local_none(&statement, NULL, NIL);
}

/*
 * Create what is missing here of a table; returns the Differences that have
 * to wait, since they refer to other tables.
 *
 * It is looked at under a snapshot that sees what was created for the tables
 * before it, as types that they share.
 */
static List *
create_missing(Session *session, const RelInfo *table)
{
	List	   *references = NIL;
	ListCell   *cell;

	create_schema(table);
	PushActiveSnapshot(GetLatestSnapshot());
	foreach(cell, steep_schema_differences(session, table))
	{
		Difference *difference = lfirst(cell);

		if (!difference->creates || difference->fix.sql == NULL)
			continue;
		if (difference->refers)
			references = lappend(references, difference);
		else
			create(table, difference);
	}
	PopActiveSnapshot();
	return references;
}

/* Create what is missing of all tables, references between them last. */
static void
create_all(Session *session, List *tables)
{
	List	   *references = NIL;
	ListCell   *table;
	ListCell   *later;

	foreach(table, tables)
		references = lappend(references, create_missing(session, lfirst(table)));
	forboth(table, tables, later, references)
	{
		ListCell   *cell;

		foreach(cell, (List *) lfirst(later))
			create(lfirst(table), lfirst(cell));
	}
}

/* List the differences that count, at most so many; returns how many. */
static int
list_differences(Session *session, List *tables, StringInfo list)
{
	int			count = 0;
	ListCell   *table;
	ListCell   *cell;

	foreach(table, tables)
	{
		RelInfo    *rel = lfirst(table);

		foreach(cell, steep_schema_differences(session, rel))
		{
			Difference *difference = lfirst(cell);

			if (difference->severity == SEVERITY_HARMLESS ||
				count++ >= MOST_LISTED)
				continue;
			appendStringInfo(list, "%s%s, %s: %s (%s).",
							 list->len > 0 ? "\n" : "",
							 steep_sql_name(rel->schema, rel->name),
							 difference->object, difference->what,
							 steep_schema_severity(difference->severity));
		}
	}
	if (count > MOST_LISTED)
		appendStringInfo(list, "\nAnd %d more.", count - MOST_LISTED);
	return count;
}

/* Say how the tables differ, if they do: by an error or a warning. */
static void
report(Session *session, List *tables, DriftMode mode)
{
	StringInfoData list;
	int			count;

	initStringInfo(&list);
	PushActiveSnapshot(GetLatestSnapshot());
	count = list_differences(session, tables, &list);
	PopActiveSnapshot();
	if (count > 0)
		ereport(mode == DRIFT_STRICT ? ERROR : WARNING,
				(errcode(mode == DRIFT_STRICT ?
						 ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE : ERRCODE_WARNING),
				 errmsg("schemas of the tables differ from those on peer \"%s\"",
						steep_peer_label(session->peer)),
				 errdetail_internal("%s", list.data),
				 errhint("steep_repl.schema_diff() shows the SQL that makes a table the same.")));
}

/* Look up the tables that the caller names, by his own search_path. */
static List *
find_tables(List *names)
{
	List	   *tables = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		char	   *asked = lfirst(cell);
		RelInfo    *table = NULL;

		if (steep_tables_is_pattern(asked))
			continue;
		table = steep_tables_find(asked);
		tables = lappend(tables, table ? table : steep_tables_imagine(asked));
	}
	return tables;
}

/* Add the tables that the patterns among the names stand for. */
static List *
expand(Session *session, List *tables, List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (steep_tables_is_pattern(lfirst(cell)))
			tables = list_concat(tables, steep_tables_of_either(session, lfirst(cell)));
	}
	return tables;
}

/* What is to be settled. */
typedef struct Drift
{
	List	   *names;			/* as the caller calls the tables */
	List	   *tables;			/* RelInfos of those that are no patterns */
	DriftMode	mode;
} Drift;

static void
settle(Session *session, void *arg)
{
	Drift	   *drift = arg;
	List	   *tables = expand(session, drift->tables, drift->names);

	if (drift->mode == DRIFT_AUTO)
		create_all(session, tables);
	report(session, tables, drift->mode);
}

/*
 * Compare the schemas of the tables that the caller names, by his own
 * search_path, with those of the peer, and do what the mode says.
 */
void
steep_drift_settle(const PeerAddress *address, List *names, DriftMode mode)
{
	Drift		drift = {names, find_tables(names), mode};

	steep_session_look(address, settle, &drift);
}
