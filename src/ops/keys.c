/*-------------------------------------------------------------------------
 *
 * keys.c
 *		By which columns the rows of two tables are matched.
 *
 * The key is what the caller says, else the primary key, else the best unique
 * index on columns that are never null.  A key that no unique index guards is
 * checked for duplicates on that side.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "generate/check_sql.h"
#include "ops/keys.h"
#include "ops/tables.h"

/* One entry of p_primary_keys. */
typedef struct ChosenKey
{
	char	   *table;			/* as the caller called it */
	List	   *columns;		/* names */
} ChosenKey;

static void
report_shape(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("p_primary_keys must be an object of arrays of column names"),
			 errhint("Write {\"schema.table\": [\"column\", …]}.")));
}

/* Read an array of names that is not empty. */
static List *
read_columns(const JsonbValue *array)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *names = NIL;

	if (array->type != jbvBinary || !JsonContainerIsArray(array->val.binary.data))
		report_shape();
	it = JsonbIteratorInit(array->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && value.type != jbvString)
			report_shape();
		if (token == WJB_ELEM)
			names = lappend(names, pnstrdup(value.val.string.val,
											value.val.string.len));
	}
	if (names == NIL)
		report_shape();
	return names;
}

/* Refuse a key for tables that nobody asked for: likely a misspelling. */
static void
check_table(const char *table, List *pairs)
{
	ListCell   *cell;

	foreach(cell, pairs)
	{
		if (steep_tables_names(table, lfirst(cell)))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("p_primary_keys names table \"%s\", which is not compared",
					table),
			 errhint("Name it as in the list of tables.")));
}

/* Read p_primary_keys, which may be NULL, into ChosenKeys. */
List *
steep_keys_read(Jsonb *primary_keys, List *pairs)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *chosen = NIL;

	if (primary_keys == NULL)
		return NIL;
	if (!JB_ROOT_IS_OBJECT(primary_keys))
		report_shape();
	it = JsonbIteratorInit(&primary_keys->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		ChosenKey  *key;

		if (token != WJB_KEY)
			continue;
		key = palloc(sizeof(ChosenKey));
		key->table = pnstrdup(value.val.string.val, value.val.string.len);
		check_table(key->table, pairs);
		(void) JsonbIteratorNext(&it, &value, true);
		key->columns = read_columns(&value);
		chosen = lappend(chosen, key);
	}
	return chosen;
}

/* Name the key columns that the caller chose for a table, or NIL. */
static List *
chosen_key(const TablePair *pair, List *chosen)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, chosen)
	{
		ChosenKey  *key = lfirst(cell);

		if (!steep_tables_names(key->table, pair))
			continue;
		if (names != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("p_primary_keys names table \"%s\" more than once",
							pair->asked),
					 errhint("Name each table once, with its schema.")));
		names = key->columns;
	}
	return names;
}

/* Name the key columns that the table's indexes offer, or NIL. */
static List *
indexed_key(const RelInfo *rel)
{
	ListCell   *cell;

	foreach(cell, rel->keys)
	{
		KeyInfo    *key = lfirst(cell);

		if (key->not_null && key->immediate)
			return key->columns;
	}
	return NIL;
}

/* Name the operator that says whether two values of a type are equal. */
static char *
equality_of(const TablePair *pair, const ColumnInfo *column)
{
	Oid			type;
	int32		typmod;
	TypeCacheEntry *entry;
	HeapTuple	tuple;
	Form_pg_operator operator;
	char	   *name;

	steep_parse_type(column->type, &type, &typmod);
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR);
	if (!OidIsValid(entry->eq_opr) || !OidIsValid(entry->lt_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("column \"%s\" of table \"%s\" cannot be part of a key",
						column->name, pair->asked),
				 errdetail("Type %s has no order.", column->type),
				 errhint("Name other key columns in p_primary_keys.")));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(entry->eq_opr));
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	name = operator->oprnamespace == PG_CATALOG_NAMESPACE ?
		pstrdup(NameStr(operator->oprname)) :
		psprintf("OPERATOR(%s.%s)",
				 steep_sql_ident(get_namespace_name(operator->oprnamespace)),
				 NameStr(operator->oprname));
	ReleaseSysCache(tuple);
	return name;
}

/*
 * Settle the key of a pair: ColumnInfos with their operators.
 *
 * chosen is what steep_keys_read() returned.
 */
void
steep_keys_choose(TablePair *pair, List *chosen)
{
	List	   *names = chosen_key(pair, chosen);
	ListCell   *cell;

	if (names == NIL)
		names = indexed_key(pair->local);
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key", pair->asked),
				 errdetail("Rows without a key cannot be matched between nodes."),
				 errhint("Add a primary key, or name the key columns in p_primary_keys.")));
	foreach(cell, names)
	{
		ColumnInfo *column = steep_relinfo_column(pair->local, lfirst(cell));

		if (column == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" does not exist",
							(char *) lfirst(cell), pair->asked),
					 errhint("Name columns of the table in p_primary_keys.")));
		if (column->excluded)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of table \"%s\" cannot be excluded",
							column->name, pair->asked),
					 errdetail("It is part of the key."),
					 errhint("Leave it out of exclude, or name other key columns in primary_keys.")));
		if (list_member_ptr(pair->key, column))
			continue;
		column->equals = equality_of(pair, column);
		column->bytewise = !column->deterministic &&
			steep_relinfo_column(pair->peer, column->name)->deterministic;
		pair->key = lappend(pair->key, column);
	}
	if (list_length(pair->key) > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("key of table \"%s\" has more than %d columns",
						pair->asked, INDEX_MAX_KEYS),
				 errhint("Name fewer columns in p_primary_keys.")));
}

/* Run one of the key's checks on one side. */
static char **
ask(Session *session, const Statement *statement)
{
	return statement->site == SITE_LOCAL ?
		steep_local_row(statement, NULL, NIL) :
		steep_peer_row(session->peer, statement, NULL);
}

/* Refuse a key with nulls or duplicates that no index rules out. */
void
steep_keys_check(Session *session, const TablePair *pair, Site site)
{
	const RelInfo *rel = site == SITE_LOCAL ? pair->local : pair->peer;
	char	  **row;

	if (steep_relinfo_has_null(rel, pair->key))
	{
		row = ask(session, steep_check_nulls_sql(site, pair));
		if (strcmp(row[0], "0") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("key of table \"%s\" is null in %s rows %s",
							pair->asked, row[0], steep_session_place(session, site)),
					 errhint("Name key columns without nulls in p_primary_keys.")));
	}
	if (steep_relinfo_unique(rel, pair->key))
		return;
	row = ask(session, steep_check_duplicates_sql(site, pair));
	if (row != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("key of table \"%s\" is not unique %s",
						pair->asked, steep_session_place(session, site)),
				 errdetail("Key %s is there %s times.", row[0], row[1]),
				 errhint("Name key columns that are unique in p_primary_keys.")));
}
