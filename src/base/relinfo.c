/*-------------------------------------------------------------------------
 *
 * relinfo.c
 *		Facts about one table as one node has it, and about a pair of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "base/image.h"
#include "base/relinfo.h"

/* Columns of the answers to catalog_sql.c's two questions. */
enum
{
	COL_ORDINAL,
	COL_EXISTS,
	COL_USAGE,
	COL_KIND,
	COL_PERSISTENCE,
	COL_POLICIES,
	COL_ROWS,
	COL_BYTES,
	COL_NAME,
	COL_TYPE,
	COL_DEFINITION,
	COL_BASE,
	COL_COLLATION,
	COL_DETERMINISTIC,
	COL_NOT_NULL,
	COL_GENERATED,
	COL_IDENTITY,
	COL_READABLE,
	COL_NUMBER,
	COL_WRITABLE,
	COL_DELETABLE,
	COL_EXCLUSIVE,
	COL_DEFERRABLE
};

enum
{
	KEY_ORDINAL,
	KEY_INDEX,
	KEY_PRIMARY,
	KEY_REPLICA_IDENTITY,
	KEY_NOT_NULL,
	KEY_IMMEDIATE,
	KEY_COLUMNS
};

static bool
is_true(const char *value)
{
	return value != NULL && value[0] == 't';
}

/* Take what one row says of the table itself. */
static void
take_table(RelInfo *rel, char **row)
{
	rel->exists = is_true(row[COL_EXISTS]);
	rel->schema_usage = is_true(row[COL_USAGE]);
	rel->kind = row[COL_KIND] ? row[COL_KIND][0] : '\0';
	rel->persistence = row[COL_PERSISTENCE] ? row[COL_PERSISTENCE][0] : '\0';
	rel->policies = is_true(row[COL_POLICIES]);
	rel->writable = is_true(row[COL_WRITABLE]);
	rel->deletable = is_true(row[COL_DELETABLE]);
	rel->exclusive = row[COL_EXCLUSIVE] ? atoi(row[COL_EXCLUSIVE]) : 0;
	rel->deferrable = is_true(row[COL_DEFERRABLE]);
	rel->rows = row[COL_ROWS] ? strtod(row[COL_ROWS], NULL) : 0;
	rel->bytes = row[COL_BYTES] ? strtod(row[COL_BYTES], NULL) : 0;
}

/* Take what one row says of a column. */
static ColumnInfo *
make_column(char **row)
{
	ColumnInfo *column = palloc0(sizeof(ColumnInfo));

	column->name = row[COL_NAME];
	column->type = row[COL_TYPE];
	column->definition = row[COL_DEFINITION];
	column->base = row[COL_BASE];
	column->collation = row[COL_COLLATION];
	column->deterministic = is_true(row[COL_DETERMINISTIC]);
	column->not_null = is_true(row[COL_NOT_NULL]);
	column->generated = row[COL_GENERATED][0];
	column->identity = row[COL_IDENTITY][0];
	column->readable = is_true(row[COL_READABLE]);
	column->number = atoi(row[COL_NUMBER]);
	return column;
}

static KeyInfo *
make_key(char **row)
{
	KeyInfo    *key = palloc0(sizeof(KeyInfo));

	key->index = row[KEY_INDEX];
	key->primary = is_true(row[KEY_PRIMARY]);
	key->identity = is_true(row[KEY_REPLICA_IDENTITY]);
	key->not_null = is_true(row[KEY_NOT_NULL]);
	key->immediate = is_true(row[KEY_IMMEDIATE]);
	key->columns = steep_image_names(row[KEY_COLUMNS]);
	return key;
}

/*
 * Build the facts of several tables from the catalogs' answers.
 *
 * names is a list of two-element lists of C strings, schema and table; the
 * rows' first column counts it from 1.  Returns RelInfos in that order.
 */
List *
steep_relinfo_build(List *names, List *column_rows, List *key_rows)
{
	List	   *rels = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		RelInfo    *rel = palloc0(sizeof(RelInfo));

		rel->schema = linitial(lfirst(cell));
		rel->name = lsecond(lfirst(cell));
		rels = lappend(rels, rel);
	}
	foreach(cell, column_rows)
	{
		char	  **row = lfirst(cell);
		RelInfo    *rel = list_nth(rels, atoi(row[COL_ORDINAL]) - 1);

		take_table(rel, row);
		if (row[COL_NAME])
			rel->columns = lappend(rel->columns, make_column(row));
	}
	foreach(cell, key_rows)
	{
		char	  **row = lfirst(cell);
		RelInfo    *rel = list_nth(rels, atoi(row[KEY_ORDINAL]) - 1);

		rel->keys = lappend(rel->keys, make_key(row));
	}
	return rels;
}

/* Find a column by name, or NULL. */
ColumnInfo *
steep_relinfo_column(const RelInfo *rel, const char *name)
{
	ListCell   *cell;

	foreach(cell, rel->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

static int
by_number(const ListCell *a, const ListCell *b)
{
	return ((ColumnInfo *) lfirst(a))->number -
		((ColumnInfo *) lfirst(b))->number;
}

/* List the columns in the order of the table's row type. */
List *
steep_relinfo_row_order(const RelInfo *rel)
{
	List	   *columns = list_copy(rel->columns);

	list_sort(columns, by_number);
	return columns;
}

static bool
has_name(List *columns, const char *name)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		if (strcmp(((ColumnInfo *) lfirst(cell))->name, name) == 0)
			return true;
	}
	return false;
}

/* Does a unique index promise that no two rows share this key? */
bool
steep_relinfo_unique(const RelInfo *rel, List *key)
{
	ListCell   *cell;

	foreach(cell, rel->keys)
	{
		KeyInfo    *index = lfirst(cell);
		ListCell   *name;
		bool		covered = true;

		foreach(name, index->columns)
			covered = covered && has_name(key, lfirst(name));
		if (covered)
			return true;
	}
	return false;
}

/* Is there a unique index, not deferrable, on exactly this key? */
bool
steep_relinfo_exact(const RelInfo *rel, List *key)
{
	ListCell   *cell;

	foreach(cell, rel->keys)
	{
		KeyInfo    *index = lfirst(cell);
		ListCell   *name;
		bool		covered = index->immediate &&
			list_length(index->columns) == list_length(key);

		foreach(name, index->columns)
			covered = covered && has_name(key, lfirst(name));
		if (covered)
			return true;
	}
	return false;
}

/* May a key column hold a null on this side? */
bool
steep_relinfo_has_null(const RelInfo *rel, List *key)
{
	ListCell   *cell;

	foreach(cell, key)
	{
		ColumnInfo *wanted = lfirst(cell);

		if (!steep_relinfo_column(rel, wanted->name)->not_null)
			return true;
	}
	return false;
}
