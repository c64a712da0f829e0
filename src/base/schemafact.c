/*-------------------------------------------------------------------------
 *
 * schemafact.c
 *		What one node knows of a table, and how it fits what the other knows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_constraint.h"

#include "base/schemafact.h"

/* Columns of the answer to steep_schema_facts_sql(). */
enum
{
	ROW_KIND,
	ROW_LABEL,
	ROW_FIELDS,
	ROW_VISIBLE = ROW_FIELDS + FACT_FIELDS,
	ROW_PLAIN,
	ROW_MODIFIER,
	ROW_DEFINITION
};

/* How facts_sql calls the kinds, in the order of FactKind. */
static const char *const kinds[] = {
	"collation", "type", "table", "column", "constraint", "index"
};

/* Is there a fact about the table itself, which any table has? */
bool
steep_schemafact_has_table(List *facts)
{
	ListCell   *cell;

	foreach(cell, facts)
	{
		if (((SchemaFact *) lfirst(cell))->kind == FACT_TABLE)
			return true;
	}
	return false;
}

/* Are two values that may be NULL the same? */
bool
steep_schemafact_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static SchemaFact *
make_fact(char **row)
{
	SchemaFact *fact = palloc0(sizeof(SchemaFact));

	while (strcmp(kinds[fact->kind], row[ROW_KIND]) != 0)
	{
		if (++fact->kind > FACT_INDEX)
			elog(ERROR, "a node answers with a fact of kind \"%s\"", row[ROW_KIND]);
	}
	fact->label = row[ROW_LABEL];
	memcpy(fact->fields, row + ROW_FIELDS, sizeof(fact->fields));
	fact->visible = row[ROW_VISIBLE] != NULL && row[ROW_VISIBLE][0] == 't';
	fact->plain = row[ROW_PLAIN];
	fact->modifier = row[ROW_MODIFIER] ? atoi(row[ROW_MODIFIER]) : -1;
	fact->definition = row[ROW_DEFINITION];
	return fact;
}

/* Make a list of facts from a node's answer. */
List *
steep_schemafact_build(List *rows)
{
	List	   *facts = NIL;
	ListCell   *cell;

	foreach(cell, rows)
		facts = lappend(facts, make_fact(lfirst(cell)));
	return facts;
}

/* Say two facts the same?  What they are called counts only in their fields. */
static bool
say_same(const SchemaFact *a, const SchemaFact *b)
{
	if (a->kind != b->kind)
		return false;
	for (int i = 0; i < FACT_FIELDS; i++)
	{
		if (!steep_schemafact_same(a->fields[i], b->fields[i]))
			return false;
	}
	return true;
}

/*
 * Are two facts about the same thing?  What has a name is what has its name,
 * and a table has one primary key at most.
 */
static bool
about_same(const SchemaFact *a, const SchemaFact *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == FACT_CONSTRAINT &&
		a->fields[CONSTRAINT_KIND][0] == CONSTRAINT_PRIMARY &&
		b->fields[CONSTRAINT_KIND][0] == CONSTRAINT_PRIMARY)
		return true;
	return steep_schemafact_same(a->label, b->label);
}

/*
 * Find for the facts of each node those of the other: first the very same,
 * under whatever names, then for the rest what is about the same.
 */
void
steep_schemafact_pair(List *local, List *remote)
{
	ListCell   *l;
	ListCell   *r;

	foreach(l, local)
	{
		SchemaFact *here = lfirst(l);

		foreach(r, remote)
		{
			SchemaFact *there = lfirst(r);

			if (say_same(here, there))
				here->known = there->known = true;
		}
	}
	foreach(l, local)
	{
		SchemaFact *here = lfirst(l);

		foreach(r, remote)
		{
			SchemaFact *there = lfirst(r);

			if (!here->known && !there->known && !here->other &&
				!there->other && about_same(here, there))
			{
				here->other = there;
				there->other = here;
			}
		}
	}
}
