/*-------------------------------------------------------------------------
 *
 * schema_compare.c
 *		How a table differs from that of a peer.
 *
 * Both nodes answer with the same facts that their fingerprints are made of,
 * so there is no difference exactly if the fingerprints are equal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"

#include "base/sqltext.h"
#include "generate/schema_sql.h"
#include "ops/schema.h"

/* What is compared, and what was found. */
typedef struct Comparison
{
	const char *schema;
	const char *table;			/* SQL name */
	List	   *local;			/* SchemaFacts */
	List	   *remote;
	bool		local_exists;
	bool		remote_exists;
	List	   *differences;
} Comparison;

/* The properties of a column, in an order in which they can be changed. */
static const struct
{
	int			field;
	const char *name;
	Severity	severity;
}			properties[] =

{
	{COLUMN_GENERATED, "generated", SEVERITY_BLOCKING},
	{COLUMN_TYPE, "type", SEVERITY_BLOCKING},
	{COLUMN_COLLATION, "collation", SEVERITY_RISKY},
	{COLUMN_NOT_NULL, "not null", SEVERITY_RISKY},
	{COLUMN_DEFAULT, "default", SEVERITY_HARMLESS},
	{COLUMN_IDENTITY, "identity", SEVERITY_RISKY},
};

/* Say how grave a difference is, as schema_diff() does. */
const char *
steep_schema_severity(Severity severity)
{
	static const char *const names[] = {"blocking", "risky", "harmless"};

	return names[severity];
}

/* Name what a fact is about. */
static char *
name_object(const SchemaFact *fact)
{
	static const char *const kinds[] = {
		"collation", "type", "table", "column", "constraint", "index"
	};

	return fact->kind == FACT_TABLE ? pstrdup("table") :
		psprintf("%s \"%s\"", kinds[fact->kind], fact->label);
}

/* How grave it is that one node has something and the other has not. */
static Severity
weigh(const SchemaFact *fact, bool here)
{
	switch (fact->kind)
	{
		case FACT_TABLE:
		case FACT_COLUMN:
		case FACT_TYPE:
			return SEVERITY_BLOCKING;
		case FACT_INDEX:
			return strstr(fact->fields[INDEX_FLAGS], "unique") ?
				SEVERITY_RISKY : SEVERITY_HARMLESS;
		case FACT_CONSTRAINT:
			/* the key is that of this node's table */
			return !here && fact->fields[CONSTRAINT_KIND][0] == CONSTRAINT_PRIMARY ?
				SEVERITY_BLOCKING : SEVERITY_RISKY;
		default:
			return SEVERITY_RISKY;
	}
}

static void
add_difference(Comparison *comparison, const SchemaFact *fact,
			   const char *what, Severity severity, char *local, char *remote,
			   SchemaFix fix)
{
	Difference *difference = palloc0(sizeof(Difference));

	difference->object = name_object(fact);
	difference->what = what;
	difference->severity = severity;
	difference->local = local;
	difference->remote = remote;
	difference->fix = fix;
	difference->refers = fact->kind == FACT_CONSTRAINT &&
		fact->fields[CONSTRAINT_KIND][0] == CONSTRAINT_FOREIGN;
	comparison->differences = lappend(comparison->differences, difference);
}

/* Compare the properties of a column that both nodes have. */
static void
compare_column(Comparison *comparison, const SchemaFact *wanted)
{
	for (size_t i = 0; i < lengthof(properties); i++)
	{
		int			field = properties[i].field;

		if (steep_schemafact_same(wanted->fields[field], wanted->other->fields[field]))
			continue;
		add_difference(comparison, wanted, properties[i].name,
					   properties[i].severity, wanted->other->fields[field],
					   wanted->fields[field],
					   steep_fix_column(comparison->table, wanted, field));
	}
}

/* Compare what the table itself is, of which no statement changes the most. */
static void
compare_table(Comparison *comparison, const SchemaFact *wanted)
{
	static const char *const names[] = {"kind", "partition key", "partition bound", "parents"};
	SchemaFix	none = {0};

	for (int field = TABLE_KIND; field <= TABLE_PARENTS; field++)
	{
		if (!steep_schemafact_same(wanted->fields[field], wanted->other->fields[field]))
			add_difference(comparison, wanted, names[field], SEVERITY_RISKY,
						   wanted->other->fields[field], wanted->fields[field],
						   field == TABLE_PARENTS ?
						   steep_fix_parents(comparison->table, wanted) : none);
	}
}

/* Compare what both nodes have, but not the same. */
static void
compare_both(Comparison *comparison, const SchemaFact *wanted)
{
	SchemaFix	fix = {0};
	Severity	severity = SEVERITY_RISKY;

	if (wanted->kind == FACT_COLUMN)
	{
		compare_column(comparison, wanted);
		return;
	}
	if (wanted->kind == FACT_TABLE)
	{
		compare_table(comparison, wanted);
		return;
	}
	if (wanted->kind == FACT_TYPE)
		fix = steep_fix_change_type(wanted);
	else if (wanted->kind != FACT_COLLATION)
		fix = steep_fix_replace(comparison->schema, comparison->table, wanted);
	if (wanted->kind == FACT_INDEX)
		severity = Min(weigh(wanted, false), weigh(wanted->other, true));
	if (wanted->kind == FACT_TYPE &&
		!steep_schemafact_same(wanted->fields[TYPE_BASE], wanted->other->fields[TYPE_BASE]))
		severity = SEVERITY_BLOCKING;
	add_difference(comparison, wanted, "definition", severity,
				   steep_fix_describe(wanted->other), steep_fix_describe(wanted), fix);
}

/*
 * Is a fact told by another?  What a column of one node alone leads to, by its
 * column; the columns and constraints of a table that is missing, by that.
 */
static bool
is_implied(const Comparison *comparison, const SchemaFact *fact, bool here)
{
	if (here ? comparison->remote_exists : comparison->local_exists)
		return here && fact->kind <= FACT_TYPE;
	return fact->kind == FACT_COLUMN || (here && fact->kind != FACT_TABLE) ||
		(fact->kind == FACT_CONSTRAINT &&
		 fact->fields[CONSTRAINT_KIND][0] != CONSTRAINT_FOREIGN);
}

/* Add what only the peer has, and what both have but not the same. */
static void
compare_with_remote(Comparison *comparison)
{
	ListCell   *cell;

	foreach(cell, comparison->remote)
	{
		SchemaFact *wanted = lfirst(cell);
		bool		whole = wanted->kind == FACT_TABLE;

		if (wanted->known || is_implied(comparison, wanted, false))
			continue;
		if (wanted->other)
		{
			compare_both(comparison, wanted);
			continue;
		}
		add_difference(comparison, wanted, "missing here", weigh(wanted, false),
					   NULL, steep_fix_describe(wanted),
					   whole ? steep_fix_table(comparison->table, comparison->remote) :
					   steep_fix_add(comparison->table, wanted));
		((Difference *) llast(comparison->differences))->creates =
			!comparison->local_exists || wanted->kind <= FACT_COLUMN;
	}
}

/* A table that is missing here gets its parents when it has its indexes. */
static void
attach_missing(Comparison *comparison)
{
	ListCell   *cell;

	if (comparison->local_exists)
		return;
	foreach(cell, comparison->remote)
	{
		SchemaFact *wanted = lfirst(cell);

		if (wanted->kind == FACT_TABLE && wanted->fields[TABLE_PARENTS])
		{
			add_difference(comparison, wanted, "parents", SEVERITY_RISKY, NULL,
						   wanted->fields[TABLE_PARENTS],
						   steep_fix_parents(comparison->table, wanted));
			((Difference *) llast(comparison->differences))->creates = true;
		}
	}
}

/* Add what only this node has. */
static void
list_surplus(Comparison *comparison)
{
	ListCell   *cell;

	foreach(cell, comparison->local)
	{
		SchemaFact *fact = lfirst(cell);

		if (fact->known || fact->other || is_implied(comparison, fact, true))
			continue;
		add_difference(comparison, fact, "missing on peer", weigh(fact, true),
					   steep_fix_describe(fact), NULL,
					   steep_fix_drop(comparison->schema, comparison->table, fact));
	}
}

/* Name the types that a node's facts are about, as the text of an array. */
static char *
type_names(List *facts)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, facts)
	{
		SchemaFact *fact = lfirst(cell);

		if (fact->kind == FACT_TYPE)
			names = lappend(names, fact->label);
	}
	return steep_sql_array(names);
}

/* Ask one node what the table is there; NIL if there is none. */
static List *
ask(Session *session, Site site, const RelInfo *table, const char *types)
{
	const Statement *statement = steep_schema_facts_sql(site);
	const char *values[] = {table->schema, table->name, types};
	Spool	   *spool = steep_spool_create("facts");
	List	   *facts;

	if (site == SITE_PEER)
		steep_peer_rows(session->peer, statement, values, spool);
	else
		steep_local_rows(statement, values, NIL, spool);
	facts = steep_schemafact_build(steep_spool_texts(spool));
	steep_spool_end(spool);
	if (facts != NIL && !((SchemaFact *) linitial(facts))->visible)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\" %s",
						steep_sql_name(table->schema, table->name),
						steep_session_place(session, site)),
				 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role that connects there.")));
	return facts;
}

/*
 * List how a table of this node differs from that of the peer, as Differences
 * in an order in which they can be fixed.
 */
List *
steep_schema_differences(Session *session, const RelInfo *table)
{
	Comparison	comparison = {
		.schema = table->schema,
		.table = steep_sql_name(table->schema, table->name)
	};

	comparison.remote = ask(session, SITE_PEER, table, "{}");
	comparison.local = ask(session, SITE_LOCAL, table,
						   type_names(comparison.remote));
	comparison.local_exists = steep_schemafact_has_table(comparison.local);
	comparison.remote_exists = steep_schemafact_has_table(comparison.remote);
	if (!comparison.local_exists && !comparison.remote_exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" exists neither here nor on peer \"%s\"",
						comparison.table, steep_peer_label(session->peer)),
				 errhint("Name it with its schema, in double quotes if it has capitals: public.\"Orders\".")));
	steep_schemafact_pair(comparison.local, comparison.remote);
	compare_with_remote(&comparison);
	attach_missing(&comparison);
	list_surplus(&comparison);
	return comparison.differences;
}
