/*-------------------------------------------------------------------------
 *
 * table_ddl.h
 *		Statements that ask a node how to create its tables elsewhere.
 *
 * Stock SQL for any supported release, with or without the extension, to be
 * run under the pinned settings.
 *
 * The answers of steep_table_ddl_sql() and steep_table_ddl_column_sql() are
 * statements, in an order that works in an empty database:
 *
 *	section		"pre-data", or "post-data" for what is better done after rows
 *				are loaded
 *	kind		"schema", "extension", "collation", "type", "domain",
 *				"sequence", "table", "sequence owner", "typed table",
 *				"partition", "inheritance", "column"; then "primary key",
 *				"unique", "exclusion", "check", "not null", "index", "index
 *				partition", "index column", "cluster", "replica identity",
 *				"statistics", "foreign key", "comment", "revoke", "grant"
 *	object		its name, qualified and quoted; of a constraint or column the
 *				table's name, a dot, its own
 *	statement	without a semicolon
 *	table_name	the table that it changes, qualified and quoted, or NULL;
 *				statements of one kind for different tables can run at once,
 *				but those that tie or reference tables
 *
 * Who runs them owns what they create.  A "grant" fails if its role is missing
 * there; a "schema" and an "extension" may be there already.
 *
 * The answers of steep_table_ddl_omissions_sql() are what is left out:
 *
 *	scope		"needed": a statement fails without it; "table": it belongs to
 *				one of the tables; "database": it is elsewhere
 *	kind		such as "function" or "trigger", as pg_identify_object() says
 *	object		its name, as pg_identify_object() says
 *	needed_by	the object that needs it, or the table it is set for, or NULL
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TABLE_DDL_H
#define STEEP_REPL_TABLE_DDL_H

#include "base/statement.h"

/* The columns of steep_table_ddl_sql(), and of the omissions. */
enum
{
	DDL_SECTION,
	DDL_KIND,
	DDL_OBJECT,
	DDL_STATEMENT
};

enum
{
	OMITTED_SCOPE,
	OMITTED_KIND,
	OMITTED_OBJECT
};

extern const Statement *steep_table_ddl_sql(Site site);
extern const Statement *steep_table_ddl_omissions_sql(Site site);
extern const Statement *steep_table_ddl_column_sql(Site site);

#endif							/* STEEP_REPL_TABLE_DDL_H */
