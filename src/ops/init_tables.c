/*-------------------------------------------------------------------------
 *
 * init_tables.c
 *		Which tables of the source an init is about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "ops/init.h"
#include "ops/tables.h"

/* Names of tables, as two arrays for a parameter each. */
typedef struct NameLists
{
	List	   *schemas;
	List	   *names;
} NameLists;

static void
add_name(NameLists *lists, char *schema, char *name)
{
	lists->schemas = lappend(lists->schemas, schema);
	lists->names = lappend(lists->names, name);
}

/*
 * Qualify what the caller lists by his own search_path, before it is pinned:
 * returns a list of quoted names and of patterns, NIL for NULL.
 */
List *
steep_init_qualify(ArrayType *asked)
{
	List	   *entries = NIL;
	ListCell   *cell;

	if (asked == NULL)
		return NIL;
	foreach(cell, steep_image_array(asked))
	{
		char	   *entry = lfirst(cell);

		if (!steep_tables_is_pattern(entry))
		{
			RelInfo    *rel = steep_tables_imagine(entry);

			entry = steep_sql_name(rel->schema, rel->name);
		}
		entries = lappend(entries, entry);
	}
	return entries;
}

/* Name the tables of the entries; the source knows what patterns stand for. */
static NameLists
read_names(Session *session, List *asked)
{
	NameLists	lists = {NIL, NIL};
	ListCell   *cell;

	foreach(cell, asked)
	{
		char	   *entry = lfirst(cell);
		ListCell   *row;
		RelInfo    *rel;

		if (steep_tables_is_pattern(entry))
		{
			foreach(row, steep_tables_of_peer(session, entry))
				add_name(&lists, ((char **) lfirst(row))[0],
						 ((char **) lfirst(row))[1]);
			continue;
		}
		rel = steep_tables_imagine(entry);
		add_name(&lists, rel->schema, rel->name);
	}
	return lists;
}

/* Refuse what cannot be published; the role is that of the connection. */
static void
check_table(const Session *session, char **row, bool published)
{
	const char *label = steep_peer_label(session->peer);
	const char *name = steep_sql_name(row[PUBLISH_TABLE_SCHEMA],
									  row[PUBLISH_TABLE_NAME]);

	if (!steep_books_bool(row[PUBLISH_TABLE_EXISTS]))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist on node \"%s\"", name, label),
				 errhint("Name tables of the source in the option \"tables\".")));
	if (!steep_books_bool(row[PUBLISH_TABLE_PERSISTENT]))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" on node \"%s\" cannot be replicated",
						name, label),
				 errdetail("It is unlogged or temporary."),
				 errhint("ALTER TABLE ... SET LOGGED, or leave it out of the option \"tables\".")));
	if (!steep_books_bool(row[PUBLISH_TABLE_READABLE]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\" on node \"%s\"",
						name, label),
				 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role that connects there.")));
	if (!published && !steep_books_bool(row[PUBLISH_TABLE_OWNED]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to publish table \"%s\" on node \"%s\"",
						name, label),
				 errdetail("Only its owner can add it to a publication."),
				 errhint("Have the owner publish it, and name the publication in the option \"publication\".")));
}

/* Warn that updates of a table would fail on the source once it is published. */
static void
check_identity(const Session *session, char **row, bool published)
{
	if (published || steep_books_bool(row[PUBLISH_TABLE_IDENTIFIED]) ||
		row[PUBLISH_TABLE_KIND][0] == 'p')
		return;
	ereport(WARNING,
			(errmsg("table \"%s\" on node \"%s\" has no replica identity",
					steep_sql_name(row[PUBLISH_TABLE_SCHEMA],
								   row[PUBLISH_TABLE_NAME]),
					steep_peer_label(session->peer)),
			 errdetail("Once it is published, UPDATE and DELETE of its rows fail there."),
			 errhint("Give it a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL.")));
}

/*
 * List the tables of an init, as InitTables: those that the caller asks for (as
 * from steep_init_qualify()), or a publication has, or all of users.
 */
List *
steep_init_find_tables(Session *session, List *asked,
					   const char *publication)
{
	const char *values[3] = {NULL, NULL, publication};
	Spool	   *spool = steep_spool_create("tables");
	List	   *tables = NIL;
	char	  **row;

	if (asked != NIL)
	{
		NameLists	lists = read_names(session, asked);

		values[0] = steep_sql_array(lists.schemas);
		values[1] = steep_sql_array(lists.names);
	}
	steep_peer_rows(session->peer, steep_publish_tables_sql(), values, spool);
	while ((row = steep_spool_next(spool)) != NULL)
	{
		InitTable  *table = palloc(sizeof(InitTable));

		check_table(session, row, publication != NULL);
		check_identity(session, row, publication != NULL);
		table->schema = row[PUBLISH_TABLE_SCHEMA];
		table->name = row[PUBLISH_TABLE_NAME];
		table->identified = steep_books_bool(row[PUBLISH_TABLE_IDENTIFIED]);
		tables = lappend(tables, table);
	}
	steep_spool_end(spool);
	if (tables == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("node \"%s\" has no tables to copy",
						steep_peer_label(session->peer)),
				 errhint("Name others in the option \"tables\".")));
	return tables;
}

/* Write the names of tables as an array, quoted as the publication lists them. */
char *
steep_init_table_names(List *tables)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, tables)
	{
		const InitTable *table = lfirst(cell);

		names = lappend(names, steep_sql_name(table->schema, table->name));
	}
	return steep_sql_array(names);
}

/* List the quoted names of an init's tables. */
List *
steep_init_tables(const Init *init)
{
	return steep_image_names(init->tables);
}
