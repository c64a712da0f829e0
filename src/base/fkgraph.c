/*-------------------------------------------------------------------------
 *
 * fkgraph.c
 *		Foreign keys, and the order of tables in which parents come first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgroids.h"

#include "base/fkgraph.h"
#include "base/image.h"

/* Columns of the answer to catalog_sql.c's question. */
enum
{
	FK_NAME,
	FK_CHILD_SCHEMA,
	FK_CHILD,
	FK_PARENT_SCHEMA,
	FK_PARENT,
	FK_PARENT_KIND,
	FK_COLUMNS,
	FK_REFERENCED,
	FK_OPERATORS,
	FK_CHILD_KIND,
	FK_LOCKABLE,
	FK_FULL
};

/* Build foreign keys from the catalog's answer. */
List *
steep_fkgraph_build(List *rows)
{
	List	   *keys = NIL;
	ListCell   *cell;

	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		ForeignKey *key = palloc0(sizeof(ForeignKey));

		key->name = row[FK_NAME];
		key->child_schema = row[FK_CHILD_SCHEMA];
		key->child = row[FK_CHILD];
		key->parent_schema = row[FK_PARENT_SCHEMA];
		key->parent = row[FK_PARENT];
		key->parent_kind = row[FK_PARENT_KIND][0];
		key->columns = steep_image_names(row[FK_COLUMNS]);
		key->referenced = steep_image_names(row[FK_REFERENCED]);
		key->operators = steep_image_names(row[FK_OPERATORS]);
		key->child_kind = row[FK_CHILD_KIND][0];
		key->parent_lockable = row[FK_LOCKABLE][0] == 't';
		key->full = row[FK_FULL][0] == 't';
		keys = lappend(keys, key);
	}
	return keys;
}

bool
steep_fkgraph_is_child(const ForeignKey *fk, const RelInfo *rel)
{
	return strcmp(fk->child_schema, rel->schema) == 0 &&
		strcmp(fk->child, rel->name) == 0;
}

bool
steep_fkgraph_is_parent(const ForeignKey *fk, const RelInfo *rel)
{
	return strcmp(fk->parent_schema, rel->schema) == 0 &&
		strcmp(fk->parent, rel->name) == 0;
}

/* Visit a table's parents, then take the table; a cycle is cut where met. */
static void
visit(TablePair *pair, List *pairs, List *keys, List **seen, List **order)
{
	ListCell   *key;
	ListCell   *other;

	if (list_member_ptr(*seen, pair))
		return;
	*seen = lappend(*seen, pair);
	foreach(key, keys)
	{
		if (!steep_fkgraph_is_child(lfirst(key), pair->local))
			continue;
		foreach(other, pairs)
		{
			TablePair  *parent = lfirst(other);

			if (steep_fkgraph_is_parent(lfirst(key), parent->local))
				visit(parent, pairs, keys, seen, order);
		}
	}
	*order = lappend(*order, pair);
}

/* Order tables so that each comes after those its foreign keys name. */
List *
steep_fkgraph_order(List *pairs, List *foreign_keys)
{
	List	   *seen = NIL;
	List	   *order = NIL;
	ListCell   *cell;

	foreach(cell, pairs)
		visit(lfirst(cell), pairs, foreign_keys, &seen, &order);
	return order;
}

/* Find the table of a list that one side of a foreign key is; -1 = none. */
static int
place(const ForeignKey *fk, List *pairs,
	  bool (*is_side) (const ForeignKey *fk, const RelInfo *rel))
{
	ListCell   *cell;

	foreach(cell, pairs)
	{
		if (is_side(fk, ((TablePair *) lfirst(cell))->local))
			return foreach_current_index(cell);
	}
	return -1;
}

/*
 * Find a foreign key that closes a cycle of several tables, in the order of
 * steep_fkgraph_order(); NULL if there is none.
 */
const ForeignKey *
steep_fkgraph_cycle(List *order, List *foreign_keys)
{
	ListCell   *cell;

	foreach(cell, foreign_keys)
	{
		const ForeignKey *fk = lfirst(cell);
		int			child = place(fk, order, steep_fkgraph_is_child);

		if (child >= 0 && place(fk, order, steep_fkgraph_is_parent) > child)
			return fk;
	}
	return NULL;
}
