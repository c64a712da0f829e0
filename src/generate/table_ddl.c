/*-------------------------------------------------------------------------
 *
 * table_ddl.c
 *		Statements that ask a node how to create its tables elsewhere.
 *
 * Each is one query, so that its answer is of one snapshot, and what the
 * tables consist of is looked up once.  The pieces are in ddl_*.c; ddl_parts.h
 * says how they fit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "generate/ddl_parts.h"
#include "generate/table_ddl.h"

/* Write pieces one after the other, with something between them. */
static void
append_pieces(StringInfo text, const char *const *pieces, int count,
			  const char *between)
{
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(text, between);
		appendStringInfoString(text, pieces[i]);
	}
}

/* Write what all statements read, after the tables or the column they want. */
static void
append_facts(StringInfo text, const char *wanted)
{
	const char *const pieces[] = {
		wanted,
		steep_ddl_objects,
		steep_ddl_order,
		steep_ddl_sequences,
		steep_ddl_relations,
		steep_ddl_fields,
		steep_ddl_privileges,
	};

	append_pieces(text, pieces, lengthof(pieces), ", ");
}

static Statement *
make_statement(Site site, const char *purpose, const char *sql)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = purpose;
	statement->text = sql;
	return statement;
}

/*----------
 * Ask for the statements that the pieces select, in order.
 *
 *	WITH RECURSIVE <facts>
 *	SELECT <section>, kind, object, statement, table_name
 *	FROM (<pieces>) d
 *	ORDER BY <order>
 *----------
 */
static Statement *
list_statements(Site site, const char *purpose, const char *wanted,
				const char *const *pieces, int count)
{
	Statement  *statement;
	StringInfoData text;

	initStringInfo(&text);
	append_facts(&text, wanted);
	appendStringInfoString(&text,
						   "SELECT CASE WHEN d.stage < 100 THEN 'pre-data' ELSE 'post-data' END,\n"
						   "       d.kind, d.object, d.statement, d.table_name\n"
						   "FROM (\n");
	append_pieces(&text, pieces, count, "UNION ALL\n");
	appendStringInfoString(&text,
						   ") d(stage, level, sub, kind, object, table_name, statement)\n"
						   "ORDER BY d.stage, d.level, d.object COLLATE \"C\", d.sub,\n"
						   "         d.statement COLLATE \"C\"");
	statement = make_statement(site, purpose, text.data);
	statement->result = "section text, kind text, object text, statement text, "
		"table_name text";
	return statement;
}

/*
 * Ask for the statements that create the tables named in $1, their partitions
 * and all that these stand on.
 */
const Statement *
steep_table_ddl_sql(Site site)
{
	const char *const pieces[] = {
		steep_ddl_make_schemas,
		steep_ddl_make_types,
		steep_ddl_make_sequences,
		steep_ddl_make_tables,
		steep_ddl_own_sequences,
		steep_ddl_tie_tables,
		steep_ddl_set_columns,
		steep_ddl_add_constraints,
		steep_ddl_make_indexes,
		steep_ddl_mark_indexes,
		steep_ddl_make_statistics,
		steep_ddl_comments,
		steep_ddl_grants,
	};
	Statement  *statement = list_statements(site, "read how to create the tables",
											steep_ddl_tables, pieces,
											lengthof(pieces));

	statement->nparams = 1;
	statement->params[0] = "text[]";
	return statement;
}

/*
 * Ask for the statements that add the column named $2 to the table named $1,
 * and create what it stands on.
 */
const Statement *
steep_table_ddl_column_sql(Site site)
{
	const char *const pieces[] = {
		steep_ddl_make_schemas,
		steep_ddl_make_types,
		steep_ddl_make_sequences,
		steep_ddl_add_column,
	};
	Statement  *statement = list_statements(site, "read how to add the column",
											steep_ddl_column, pieces,
											lengthof(pieces));

	statement->nparams = 2;
	statement->params[0] = statement->params[1] = "text";
	return statement;
}

/*----------
 * Ask what steep_table_ddl_sql() leaves out for the tables named in $1.
 *
 *	SELECT scope, kind, object, needed_by
 *	FROM (<pieces>) d
 *	ORDER BY <what is needed, of the tables, of the database>
 *----------
 */
const Statement *
steep_table_ddl_omissions_sql(Site site)
{
	const char *const pieces[] = {
		steep_ddl_omitted_objects,
		steep_ddl_omitted_parts,
	};
	Statement  *statement;
	StringInfoData text;

	initStringInfo(&text);
	append_facts(&text, steep_ddl_tables);
	appendStringInfoString(&text,
						   "SELECT d.scope, d.kind, d.object, d.needed_by\n"
						   "FROM (\n");
	append_pieces(&text, pieces, lengthof(pieces), "UNION ALL\n");
	appendStringInfoString(&text,
						   ") d(scope, kind, object, needed_by)\n"
						   "ORDER BY d.scope <> 'needed', d.scope <> 'table', d.kind COLLATE \"C\",\n"
						   "         d.object COLLATE \"C\", d.needed_by COLLATE \"C\"");
	statement = make_statement(site, "read what creating the tables leaves out",
							   text.data);
	statement->result = "scope text, kind text, object text, needed_by text";
	statement->nparams = 1;
	statement->params[0] = "text[]";
	return statement;
}
