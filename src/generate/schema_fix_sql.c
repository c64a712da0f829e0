/*-------------------------------------------------------------------------
 *
 * schema_fix_sql.c
 *		SQL that makes what a node has of a table what another node has.
 *
 * Columns are in schema_column_sql.c, types and collations in
 * schema_type_sql.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "lib/stringinfo.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/schema_fix_sql.h"

/* What follows the columns of a table: [PARTITION BY …] */
static char *
table_definition(const SchemaFact *table)
{
	if (table->fields[TABLE_KIND][0] != RELKIND_PARTITIONED_TABLE)
		return "";
	return psprintf(" PARTITION BY %s", table->fields[TABLE_KEY]);
}

/* Write a fact as people know it: the definition of what it is about. */
char *
steep_fix_describe(const SchemaFact *fact)
{
	switch (fact->kind)
	{
		case FACT_COLLATION:
			return steep_fix_create_collation(fact);
		case FACT_TYPE:
			return steep_fix_create_type(fact);
		case FACT_COLUMN:
			return steep_fix_column_definition(fact);
		case FACT_TABLE:
			return psprintf("TABLE%s", table_definition(fact));
		default:
			return fact->definition;
	}
}

/*
 * Create a table that is missing, with what its rows may hold by themselves.
 * Foreign keys and indexes are facts of their own: they may have to wait for
 * other tables, or for the rows.
 *
 *	CREATE TABLE <table> (<column>, …, CONSTRAINT <name> <definition>, …)
 *	[PARTITION BY …]
 */
SchemaFix
steep_fix_table(const char *table, List *facts)
{
	StringInfoData text;
	const char *separator = "";
	ListCell   *cell;
	SchemaFix	fix = {0};
	char	   *tail = "";

	initStringInfo(&text);
	foreach(cell, facts)
	{
		SchemaFact *fact = lfirst(cell);

		if (fact->kind == FACT_COLUMN)
			appendStringInfoString(&text, steep_fix_create_sequence(fact->fields[COLUMN_DEFAULT]));
	}
	appendStringInfo(&text, "CREATE TABLE %s (", table);
	foreach(cell, facts)
	{
		SchemaFact *fact = lfirst(cell);

		if (fact->kind == FACT_COLUMN)
			appendStringInfo(&text, "%s\n  %s", separator, steep_fix_column_definition(fact));
		else if (fact->kind == FACT_CONSTRAINT &&
				 fact->fields[CONSTRAINT_KIND][0] != CONSTRAINT_FOREIGN)
			appendStringInfo(&text, "%s\n  CONSTRAINT %s %s", separator,
							 steep_sql_ident(fact->label), fact->definition);
		else if (fact->kind == FACT_TABLE)
			tail = table_definition(fact);
		if (text.data[text.len - 1] != '(')
			separator = ",";
	}
	appendStringInfo(&text, "\n)%s", tail);
	fix.sql = text.data;

	return fix;
}

/*
 * Make a table that has no parents a partition or a child of those that it has
 * on the other node.  It brings its indexes along, so they come first.
 *
 *	ALTER TABLE <parent> ATTACH PARTITION <table> <bound>
 *	ALTER TABLE <table> INHERIT <parent>; …
 */
SchemaFix
steep_fix_parents(const char *table, const SchemaFact *wanted)
{
	List	   *statements = NIL;
	ListCell   *cell;
	SchemaFix	fix = {0};

	if (wanted->fields[TABLE_PARENTS] == NULL ||
		(wanted->other && wanted->other->fields[TABLE_PARENTS]))
		return fix;
	foreach(cell, steep_image_names(wanted->fields[TABLE_PARENTS]))
		statements = lappend(statements, wanted->fields[TABLE_BOUND] ?
							 psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
									  (char *) lfirst(cell), table,
									  wanted->fields[TABLE_BOUND]) :
							 psprintf("ALTER TABLE %s INHERIT %s", table,
									  (char *) lfirst(cell)));
	fix.sql = steep_sql_join(statements, ";\n");
	return fix;
}

/*
 * Create an index as the other node has it.  Of a partitioned table it is
 * shown with ONLY, which would make one that is not valid.
 */
static char *
create_index(const char *table, const SchemaFact *index)
{
	bool		unique = strstr(index->fields[INDEX_FLAGS], "unique") != NULL;
	char	   *start = psprintf("CREATE %sINDEX %s ON ", unique ? "UNIQUE " : "",
								 steep_sql_ident(index->label));
	char	   *only = psprintf("%sONLY %s ", start, table);

	if (strncmp(index->definition, only, strlen(only)) != 0)
		return index->definition;
	return psprintf("%s%s %s", start, table, index->definition + strlen(only));
}

/* Add what is missing: a column, a constraint, an index, a type. */
SchemaFix
steep_fix_add(const char *table, const SchemaFact *wanted)
{
	SchemaFix	fix = {0};

	switch (wanted->kind)
	{
		case FACT_COLLATION:
		case FACT_TYPE:
			fix.sql = steep_fix_describe(wanted);
			break;
		case FACT_COLUMN:
			fix.sql = psprintf("%sALTER TABLE %s ADD COLUMN %s",
							   steep_fix_create_sequence(wanted->fields[COLUMN_DEFAULT]),
							   table, steep_fix_column_definition(wanted));
			break;
		case FACT_CONSTRAINT:
			fix.sql = psprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", table,
							   steep_sql_ident(wanted->label), wanted->definition);
			break;
		case FACT_INDEX:
			fix.sql = create_index(table, wanted);
			break;
		case FACT_TABLE:
			break;
	}
	return fix;
}

/* Drop what the other node has not. */
SchemaFix
steep_fix_drop(const char *schema, const char *table, const SchemaFact *surplus)
{
	SchemaFix	fix = {0};

	switch (surplus->kind)
	{
		case FACT_TABLE:
			fix.destructive = psprintf("DROP TABLE %s", table);
			break;
		case FACT_COLUMN:
		case FACT_CONSTRAINT:
			fix.destructive = psprintf("ALTER TABLE %s DROP %s %s", table,
									   surplus->kind == FACT_COLUMN ? "COLUMN" : "CONSTRAINT",
									   steep_sql_ident(surplus->label));
			break;
		case FACT_INDEX:
			fix.destructive = psprintf("DROP INDEX %s",
									   steep_sql_name(schema, surplus->label));
			break;
		default:
			break;
	}
	return fix;
}

/* Put a constraint or an index in the place of one that is called the same. */
SchemaFix
steep_fix_replace(const char *schema, const char *table, const SchemaFact *wanted)
{
	SchemaFix	fix = steep_fix_drop(schema, table, wanted->other);

	if (wanted->kind == FACT_CONSTRAINT)
		fix.destructive = psprintf("%s, ADD CONSTRAINT %s %s", fix.destructive,
								   steep_sql_ident(wanted->label),
								   wanted->definition);
	else
		fix.destructive = psprintf("%s;\n%s", fix.destructive,
								   create_index(table, wanted));
	return fix;
}
