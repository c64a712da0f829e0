/*-------------------------------------------------------------------------
 *
 * schema_type_sql.c
 *		SQL that makes a type or a collation what it is on another node.
 *
 * Their names come qualified and quoted, as format_type() writes them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/schema_fix_sql.h"

/* The members of a type: labels, checks, fields or properties. */
static List *
members_of(const SchemaFact *type)
{
	return type->fields[TYPE_MEMBERS] ?
		steep_image_names(type->fields[TYPE_MEMBERS]) : NIL;
}

/* '<label>', … */
static char *
join_labels(List *labels)
{
	List	   *literals = NIL;
	ListCell   *cell;

	foreach(cell, labels)
		literals = lappend(literals, steep_sql_literal(lfirst(cell)));
	return steep_sql_join(literals, ", ");
}

/*
 * CREATE DOMAIN <name> AS <base> [COLLATE …] [DEFAULT …] [NOT NULL]
 * [CHECK (…)] …
 */
static char *
create_domain(const SchemaFact *type)
{
	char	   *const *fields = type->fields;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE DOMAIN %s AS %s", fields[TYPE_NAME],
					 fields[TYPE_BASE]);
	if (fields[TYPE_COLLATION])
		appendStringInfo(&text, " COLLATE %s", fields[TYPE_COLLATION]);
	if (fields[TYPE_DEFAULT])
		appendStringInfo(&text, " DEFAULT %s", fields[TYPE_DEFAULT]);
	if (fields[TYPE_NOT_NULL][0] == 't')
		appendStringInfoString(&text, " NOT NULL");
	if (members_of(type))
		appendStringInfo(&text, " %s", steep_sql_join(members_of(type), " "));
	return text.data;
}

/*
 * CREATE TYPE <name> AS ENUM ('<label>', …) | (<field> <type>, …)
 * | RANGE (subtype = …, …), or a domain.
 */
char *
steep_fix_create_type(const SchemaFact *type)
{
	List	   *members = members_of(type);
	const char *name = type->fields[TYPE_NAME];

	switch (type->fields[TYPE_KIND][0])
	{
		case TYPTYPE_DOMAIN:
			return create_domain(type);
		case TYPTYPE_ENUM:
			return psprintf("CREATE TYPE %s AS ENUM (%s)", name, join_labels(members));
		case TYPTYPE_RANGE:
			return psprintf("CREATE TYPE %s AS RANGE (%s)", name,
							steep_sql_join(members, ", "));
		default:
			return psprintf("CREATE TYPE %s AS (%s)", name,
							steep_sql_join(members, ", "));
	}
}

/*
 * CREATE COLLATION IF NOT EXISTS <name> (provider = …, locale = …,
 * deterministic = …)
 */
char *
steep_fix_create_collation(const SchemaFact *collation)
{
	char	   *const *fields = collation->fields;
	bool		libc = fields[COLLATION_PROVIDER][0] == COLLPROVIDER_LIBC;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE COLLATION IF NOT EXISTS %s (provider = %s",
					 fields[COLLATION_NAME],
					 libc ? "libc" :
					 fields[COLLATION_PROVIDER][0] == COLLPROVIDER_ICU ? "icu" : "builtin");
	if (fields[COLLATION_LOCALE])
		appendStringInfo(&text, ", locale = %s",
						 steep_sql_literal(fields[COLLATION_LOCALE]));
	if (libc)
		appendStringInfo(&text, ", lc_collate = %s, lc_ctype = %s",
						 steep_sql_literal(fields[COLLATION_COLLATE]),
						 steep_sql_literal(fields[COLLATION_CTYPE]));
	if (fields[COLLATION_RULES])
		appendStringInfo(&text, ", rules = %s",
						 steep_sql_literal(fields[COLLATION_RULES]));
	appendStringInfo(&text, ", deterministic = %s)",
					 fields[COLLATION_DETERMINISTIC]);
	return text.data;
}

static bool
has_member(List *members, const char *member)
{
	ListCell   *cell;

	foreach(cell, members)
	{
		if (strcmp(lfirst(cell), member) == 0)
			return true;
	}
	return false;
}

/* Append one statement to several. */
static void
add_statement(StringInfo text, const char *statement)
{
	appendStringInfo(text, "%s%s", text->len > 0 ? ";\n" : "", statement);
}

/* The text, or NULL if nothing was written. */
static char *
text_or_null(StringInfo text)
{
	return text->len > 0 ? text->data : NULL;
}

/*
 * ALTER TYPE <enum> ADD VALUE '<label>' AFTER '<label before>'
 *
 * Labels come where the other node has them; none can go.
 */
static char *
add_labels(const SchemaFact *wanted)
{
	List	   *here = members_of(wanted->other);
	const char *before = NULL;
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, members_of(wanted))
	{
		const char *label = lfirst(cell);

		if (!has_member(here, label))
			add_statement(&text,
						  psprintf("ALTER TYPE %s ADD VALUE %s%s%s",
								   wanted->fields[TYPE_NAME],
								   steep_sql_literal(label),
								   before ? " AFTER " :
								   here != NIL ? " BEFORE " : "",
								   before ? steep_sql_literal(before) :
								   here != NIL ? steep_sql_literal(linitial(here)) : ""));
		before = label;
	}
	return text_or_null(&text);
}

/* ALTER TYPE <composite> ADD ATTRIBUTE <field>, if all come at the end. */
static char *
add_fields(const SchemaFact *wanted)
{
	List	   *here = members_of(wanted->other);
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, members_of(wanted))
	{
		int			n = foreach_current_index(cell);

		if (n >= list_length(here))
			add_statement(&text, psprintf("ALTER TYPE %s ADD ATTRIBUTE %s",
										  wanted->fields[TYPE_NAME],
										  (char *) lfirst(cell)));
		else if (strcmp(lfirst(cell), list_nth(here, n)) != 0)
			return NULL;
	}
	return text_or_null(&text);
}

/* ALTER DOMAIN <name> SET DEFAULT … | SET NOT NULL | ADD CHECK (…) */
static char *
change_domain(const SchemaFact *wanted)
{
	List	   *here = members_of(wanted->other);
	char	   *alter = psprintf("ALTER DOMAIN %s", wanted->fields[TYPE_NAME]);
	const char *expression = wanted->fields[TYPE_DEFAULT];
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	if (!steep_schemafact_same(expression, wanted->other->fields[TYPE_DEFAULT]))
		add_statement(&text, expression ?
					  psprintf("%s SET DEFAULT %s", alter, expression) :
					  psprintf("%s DROP DEFAULT", alter));
	if (wanted->fields[TYPE_NOT_NULL][0] == 't' &&
		wanted->other->fields[TYPE_NOT_NULL][0] == 'f')
		add_statement(&text, psprintf("%s SET NOT NULL", alter));
	foreach(cell, members_of(wanted))
	{
		if (!has_member(here, lfirst(cell)))
			add_statement(&text, psprintf("%s ADD %s", alter, (char *) lfirst(cell)));
	}
	return text_or_null(&text);
}

/*
 * Add to a type what the other node's has.  No statement takes a label, a
 * field or a base away, and checks that are here only may be dropped by name.
 */
SchemaFix
steep_fix_change_type(const SchemaFact *wanted)
{
	SchemaFix	fix = {0};

	if (strcmp(wanted->fields[TYPE_KIND], wanted->other->fields[TYPE_KIND]) != 0)
		return fix;
	switch (wanted->fields[TYPE_KIND][0])
	{
		case TYPTYPE_ENUM:
			fix.sql = add_labels(wanted);
			break;
		case TYPTYPE_COMPOSITE:
			fix.sql = add_fields(wanted);
			break;
		case TYPTYPE_DOMAIN:
			fix.sql = change_domain(wanted);
			break;
	}
	return fix;
}
