/*-------------------------------------------------------------------------
 *
 * exclusion.c
 *		Constraints that keep rows apart and that triggers check.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/exclusion.h"
#include "base/image.h"

/* Columns of the answer to catalog_sql.c's question. */
enum
{
	EX_NAME,
	EX_TABLE_SCHEMA,
	EX_TABLE,
	EX_SCHEMA,
	EX_REL,
	EX_KIND,
	EX_EXPRESSIONS,
	EX_OPERATORS,
	EX_SAME_NULLS,
	EX_PREDICATE
};

/* Build exclusions from the catalog's answer. */
List *
steep_exclusion_build(List *rows)
{
	List	   *exclusions = NIL;
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		Exclusion  *exclusion = palloc0(sizeof(Exclusion));

		exclusion->name = row[EX_NAME];
		exclusion->table_schema = row[EX_TABLE_SCHEMA];
		exclusion->table = row[EX_TABLE];
		exclusion->schema = row[EX_SCHEMA];
		exclusion->rel = row[EX_REL];
		exclusion->kind = row[EX_KIND][0];
		exclusion->expressions = steep_image_names(row[EX_EXPRESSIONS]);
		exclusion->operators = steep_image_names(row[EX_OPERATORS]);
		exclusion->same_nulls = row[EX_SAME_NULLS][0] == 't';
		exclusion->predicate = row[EX_PREDICATE];
		exclusions = lappend(exclusions, exclusion);
	}
	return exclusions;
}

/* Does a table, or a partition of it, have this constraint? */
bool
steep_exclusion_is_of(const Exclusion *exclusion, const RelInfo *rel)
{
	return strcmp(exclusion->table_schema, rel->schema) == 0 &&
		strcmp(exclusion->table, rel->name) == 0;
}
