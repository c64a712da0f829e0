/*-------------------------------------------------------------------------
 *
 * schema_column_sql.c
 *		SQL that makes a column what it is on another node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/schema_fix_sql.h"

#define NEXTVAL "nextval('"
#define NEXTVAL_END "'::regclass)"

/*
 * The sequence that a default takes numbers from need not be there yet:
 *
 *	CREATE SEQUENCE IF NOT EXISTS <sequence>; …
 */
char *
steep_fix_create_sequence(const char *expression)
{
	StringInfoData name;
	size_t		length = expression ? strlen(expression) : 0;

	if (length <= strlen(NEXTVAL) + strlen(NEXTVAL_END) ||
		strncmp(expression, NEXTVAL, strlen(NEXTVAL)) != 0 ||
		strcmp(expression + length - strlen(NEXTVAL_END), NEXTVAL_END) != 0)
		return "";
	initStringInfo(&name);
	for (const char *c = expression + strlen(NEXTVAL);
		 c < expression + length - strlen(NEXTVAL_END); c++)
	{
		appendStringInfoChar(&name, *c);
		if (*c == '\'')
		{
			if (c[1] != '\'')
				return "";		/* the end of the literal: more follows */
			c++;
		}
	}
	return psprintf("CREATE SEQUENCE IF NOT EXISTS %s;\n", name.data);
}

/* GENERATED … AS IDENTITY */
static char *
identity_clause(const char *identity)
{
	return psprintf("GENERATED %s AS IDENTITY",
					identity[0] == ATTRIBUTE_IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT");
}

/* GENERATED ALWAYS AS (<expression>) … */
static char *
generated_clause(const char *generated)
{
	return psprintf("GENERATED ALWAYS AS (%s) %s", generated + 1,
					generated[0] == ATTRIBUTE_GENERATED_STORED ? "STORED" : "VIRTUAL");
}

/* <name> <type> [COLLATE …] [DEFAULT …] [GENERATED …] [NOT NULL] */
char *
steep_fix_column_definition(const SchemaFact *column)
{
	char	   *const *fields = column->fields;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s %s", steep_sql_ident(fields[COLUMN_NAME]),
					 fields[COLUMN_TYPE]);
	if (fields[COLUMN_COLLATION])
		appendStringInfo(&text, " COLLATE %s", fields[COLUMN_COLLATION]);
	if (fields[COLUMN_DEFAULT])
		appendStringInfo(&text, " DEFAULT %s", fields[COLUMN_DEFAULT]);
	if (fields[COLUMN_IDENTITY])
		appendStringInfo(&text, " %s", identity_clause(fields[COLUMN_IDENTITY]));
	if (fields[COLUMN_GENERATED])
		appendStringInfo(&text, " %s", generated_clause(fields[COLUMN_GENERATED]));
	if (fields[COLUMN_NOT_NULL])
		appendStringInfoString(&text, " NOT NULL");
	return text.data;
}

/* Types that hold all values of another, as text that prints the same. */
static const char *const wider[][2] = {
	{"smallint", "integer"},
	{"smallint", "bigint"},
	{"smallint", "numeric"},
	{"integer", "bigint"},
	{"integer", "numeric"},
	{"bigint", "numeric"},
	{"real", "double precision"},
	{"character varying", "text"},
};

/* Does a numeric's modifier leave room for the digits of another's? */
static bool
numeric_widens(int from, int to)
{
	int			from_precision = ((from - VARHDRSZ) >> 16) & 0xffff;
	int			from_scale = (((from - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	int			to_precision = ((to - VARHDRSZ) >> 16) & 0xffff;
	int			to_scale = (((to - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;

	return to_scale >= from_scale &&
		to_precision - to_scale >= from_precision - from_scale;
}

/* Can a column take the type that another has, and lose nothing? */
static bool
widens(const SchemaFact *from, const SchemaFact *to)
{
	static const char *const lengths[] = {
		"character varying", "bit varying", "timestamp without time zone",
		"timestamp with time zone", "time without time zone",
		"time with time zone"
	};

	if (strcmp(from->plain, to->plain) != 0)
	{
		for (size_t i = 0; i < lengthof(wider); i++)
		{
			if (strcmp(from->plain, wider[i][0]) == 0 &&
				strcmp(to->plain, wider[i][1]) == 0)
				return to->modifier < 0;
		}
		return false;
	}
	if (to->modifier < 0)
		return true;
	if (from->modifier < 0)
		return false;
	if (strcmp(from->plain, "numeric") == 0)
		return numeric_widens(from->modifier, to->modifier);
	for (size_t i = 0; i < lengthof(lengths); i++)
	{
		if (strcmp(from->plain, lengths[i]) == 0)
			return to->modifier >= from->modifier;
	}
	return false;
}

/* ALTER TABLE <table> ALTER COLUMN <column> <action> */
static char *
alter_column(const char *table, const SchemaFact *column, const char *action)
{
	return psprintf("ALTER TABLE %s ALTER COLUMN %s %s", table,
					steep_sql_ident(column->fields[COLUMN_NAME]), action);
}

/*
 * ALTER TABLE … ALTER COLUMN … TYPE <type> COLLATE … [USING <column>::<type>]
 *
 * Without USING, values that do not fit are an error and not cut.
 */
static char *
change_column_type(const char *table, const SchemaFact *wanted)
{
	const char *type = wanted->fields[COLUMN_TYPE];
	StringInfoData action;

	initStringInfo(&action);
	appendStringInfo(&action, "TYPE %s", type);
	if (wanted->fields[COLUMN_COLLATION])
		appendStringInfo(&action, " COLLATE %s", wanted->fields[COLUMN_COLLATION]);
	if (strcmp(wanted->plain, wanted->other->plain) != 0 &&
		!widens(wanted->other, wanted))
		appendStringInfo(&action, " USING %s::%s",
						 steep_sql_ident(wanted->fields[COLUMN_NAME]), type);
	return alter_column(table, wanted, action.data);
}

/* Give a column the identity of the other node's, or take its own. */
static SchemaFix
fix_identity(const char *table, const SchemaFact *wanted)
{
	const char *identity = wanted->fields[COLUMN_IDENTITY];
	SchemaFix	fix = {0};

	if (identity == NULL)
		fix.destructive = alter_column(table, wanted, "DROP IDENTITY");
	else
		fix.sql = alter_column(table, wanted,
							   psprintf("%s %s",
										wanted->other->fields[COLUMN_IDENTITY] ? "SET" : "ADD",
										wanted->other->fields[COLUMN_IDENTITY] ?
										(identity[0] == ATTRIBUTE_IDENTITY_ALWAYS ?
										 "GENERATED ALWAYS" : "GENERATED BY DEFAULT") :
										identity_clause(identity)));
	return fix;
}

/*
 * Generate a column as the other node does.  A plain column keeps the values
 * that were generated; the other way its own values go.
 */
static SchemaFix
fix_generated(const char *table, const SchemaFact *wanted)
{
	SchemaFix	fix = {0};

	if (wanted->fields[COLUMN_GENERATED] == NULL)
		fix.sql = alter_column(table, wanted, "DROP EXPRESSION");
	else
		fix.destructive = psprintf("ALTER TABLE %s DROP COLUMN %s, ADD COLUMN %s",
								   table,
								   steep_sql_ident(wanted->fields[COLUMN_NAME]),
								   steep_fix_column_definition(wanted));
	return fix;
}

/* Give one property of a column the value that it has on the other node. */
SchemaFix
steep_fix_column(const char *table, const SchemaFact *wanted, int field)
{
	const char *value = wanted->fields[field];
	SchemaFix	fix = {0};

	switch (field)
	{
		case COLUMN_TYPE:
			if (widens(wanted->other, wanted))
				fix.sql = change_column_type(table, wanted);
			else
				fix.destructive = change_column_type(table, wanted);
			break;
		case COLUMN_COLLATION:
			fix.sql = change_column_type(table, wanted);
			break;
		case COLUMN_NOT_NULL:
			if (value == NULL)
				fix.destructive = alter_column(table, wanted, "DROP NOT NULL");
			else if (strcmp(value, "NOT NULL") == 0)
				fix.sql = alter_column(table, wanted, "SET NOT NULL");
			break;
		case COLUMN_DEFAULT:
			fix.sql = value ?
				psprintf("%s%s", steep_fix_create_sequence(value),
						 alter_column(table, wanted, psprintf("SET DEFAULT %s", value))) :
				alter_column(table, wanted, "DROP DEFAULT");
			break;
		case COLUMN_IDENTITY:
			return fix_identity(table, wanted);
		case COLUMN_GENERATED:
			return fix_generated(table, wanted);
	}
	return fix;
}
