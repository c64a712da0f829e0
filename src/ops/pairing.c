/*-------------------------------------------------------------------------
 *
 * pairing.c
 *		Whether both nodes' tables fit together, and by which key.
 *
 * Columns are matched by name.  The key is what the caller says, else the
 * primary key, else the best unique index on columns that are never null.
 * A key that no unique index guards is checked for duplicates on that side.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/digest.h"
#include "base/guc.h"
#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "generate/overlap_sql.h"
#include "ops/tables.h"

#define ROWS_PER_LEAF 32		/* as far as MOST_LEAVES allows */
#define FEWEST_LEAVES 64
#define MOST_LEAVES 65536		/* 1.3 MB a side; more only by leaf_rows */

/* Read the facts of all tables of one side. */
static List *
read_side(Session *session, Site site, List *names, const char *const *values)
{
	Spool	   *columns = steep_spool_create("columns");
	Spool	   *keys = steep_spool_create("keys");
	List	   *rels;

	if (site == SITE_PEER)
	{
		steep_peer_rows(session->peer, steep_catalog_columns_sql(site),
						values, columns);
		steep_peer_rows(session->peer, steep_catalog_keys_sql(site),
						values, keys);
	}
	else
	{
		steep_local_rows(steep_catalog_columns_sql(site), values, NIL, columns);
		steep_local_rows(steep_catalog_keys_sql(site), values, NIL, keys);
	}
	rels = steep_relinfo_build(names, steep_spool_texts(columns),
							   steep_spool_texts(keys));
	steep_spool_end(columns);
	steep_spool_end(keys);
	return rels;
}

/* Read the facts of all tables of both sides into the pairs. */
static void
read_both_sides(Session *session, List *pairs)
{
	List	   *schemas = NIL;
	List	   *tables = NIL;
	List	   *names = NIL;
	List	   *local;
	List	   *peer;
	ListCell   *cell;
	const char *values[2];

	foreach(cell, pairs)
	{
		RelInfo    *rel = ((TablePair *) lfirst(cell))->local;

		schemas = lappend(schemas, rel->schema);
		tables = lappend(tables, rel->name);
		names = lappend(names, list_make2(rel->schema, rel->name));
	}
	values[0] = steep_sql_array(schemas);
	values[1] = steep_sql_array(tables);
	local = read_side(session, SITE_LOCAL, names, values);
	peer = read_side(session, SITE_PEER, names, values);
	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);

		pair->local = list_nth(local, foreach_current_index(cell));
		pair->peer = list_nth(peer, foreach_current_index(cell));
	}
}

/* Say where a side is, for messages. */
static char *
place(Session *session, const TablePair *pair, const RelInfo *rel)
{
	return rel == pair->local ? "here" :
		psprintf("on peer \"%s\"", steep_peer_label(session->peer));
}

/* Refuse a side that cannot be read whole. */
static void
check_side(Session *session, const TablePair *pair, const RelInfo *rel)
{
	char	   *where = place(session, pair, rel);
	ListCell   *cell;

	if (!rel->exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist %s", pair->asked, where),
				 errhint("Create it there, or leave it out of the list.")));
	if (rel->kind != 'r' && rel->kind != 'p')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table %s", pair->asked, where),
				 errhint("Only tables and partitioned tables can be compared.")));
	if (rel->policies)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security would hide rows of table \"%s\" %s",
						pair->asked, where),
				 errhint("Use a role that sees every row: the table's owner, or one with BYPASSRLS.")));
	if (rel->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no columns %s", pair->asked, where)));
	foreach(cell, rel->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (!rel->schema_usage || !column->readable)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table \"%s\" %s",
							pair->asked, where),
					 errdetail("Column \"%s\" cannot be read.", column->name),
					 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role that connects there.")));
	}
}

/* Add one line about a column that does not fit. */
static void
add_misfit(StringInfo list, const ColumnInfo *local, const ColumnInfo *peer)
{
	if (list->len > 0)
		appendStringInfoChar(list, '\n');
	appendStringInfo(list, "Column \"%s\": %s here, %s on the peer.",
					 local ? local->name : peer->name,
					 local ? local->definition : "missing",
					 peer ? peer->definition : "missing");
}

/* List all columns that are missing on a side or have another type. */
static void
check_columns(const TablePair *pair)
{
	StringInfoData misfits;
	ListCell   *cell;

	initStringInfo(&misfits);
	foreach(cell, pair->local->columns)
	{
		ColumnInfo *local = lfirst(cell);
		ColumnInfo *peer = steep_relinfo_column(pair->peer, local->name);

		if (peer == NULL || strcmp(local->type, peer->type) != 0)
			add_misfit(&misfits, local, peer);
	}
	foreach(cell, pair->peer->columns)
	{
		ColumnInfo *peer = lfirst(cell);

		if (steep_relinfo_column(pair->local, peer->name) == NULL)
			add_misfit(&misfits, NULL, peer);
	}
	if (misfits.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("columns of table \"%s\" differ between the nodes",
						pair->asked),
				 errdetail_internal("%s", misfits.data),
				 errhint("Give both nodes the same columns with ALTER TABLE.")));
}

/* Name the key columns that the caller chose for a table, or NIL. */
static List *
chosen_key(const TablePair *pair, Jsonb *primary_keys)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *names = NIL;
	bool		ours = false;

	if (primary_keys == NULL)
		return NIL;
	it = JsonbIteratorInit(&primary_keys->root);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			ours = steep_tables_names(pnstrdup(value.val.string.val,
											   value.val.string.len), pair);
		else if (token == WJB_ELEM && ours)
			names = lappend(names, pnstrdup(value.val.string.val,
											value.val.string.len));
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

/* Settle the key: ColumnInfos with their operators. */
static void
choose_key(TablePair *pair, Jsonb *primary_keys)
{
	List	   *names = chosen_key(pair, primary_keys);
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
		if (list_member_ptr(pair->key, column))
			continue;
		column->equals = equality_of(pair, column);
		pair->key = lappend(pair->key, column);
	}
}

/* List all columns: those of the key in its order, then the rest by name. */
static void
order_columns(TablePair *pair)
{
	pair->columns = list_concat_unique_ptr(list_copy(pair->key),
										   pair->local->columns);
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
static void
check_key(Session *session, const TablePair *pair, Site site)
{
	const RelInfo *rel = site == SITE_LOCAL ? pair->local : pair->peer;
	char	  **row;

	if (steep_relinfo_has_null(rel, pair->key))
	{
		row = ask(session, steep_overlap_nulls_sql(site, pair));
		if (strcmp(row[0], "0") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("key of table \"%s\" is null in %s rows %s",
							pair->asked, row[0], place(session, pair, rel)),
					 errhint("Name key columns without nulls in p_primary_keys.")));
	}
	if (steep_relinfo_unique(rel, pair->key))
		return;
	row = ask(session, steep_overlap_duplicates_sql(site, pair));
	if (row != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("key of table \"%s\" is not unique %s",
						pair->asked, place(session, pair, rel)),
				 errdetail("Key %s is there %s times.", row[0], row[1]),
				 errhint("Name key columns that are unique in p_primary_keys.")));
}

/* Choose how finely a table is digested, from the rows it seems to have. */
static int
count_leaves(const TablePair *pair)
{
	double		rows = Max(pair->local->rows, pair->peer->rows);
	int			leaves = FEWEST_LEAVES;

	while (leaves < MOST_LEAVES && rows / leaves > ROWS_PER_LEAF)
		leaves *= 2;
	while (leaves < DIGEST_MAX_LEAVES && rows / leaves > steep_guc_leaf_rows)
		leaves *= 2;
	return leaves;
}

/* Refuse keys for tables that nobody asked for: likely a misspelling. */
static void
check_chosen_tables(List *pairs, Jsonb *primary_keys)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (primary_keys == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(primary_keys))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p_primary_keys must be a JSON object"),
				 errhint("Write {\"schema.table\": [\"column\", …]}.")));
	it = JsonbIteratorInit(&primary_keys->root);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		ListCell   *cell;
		bool		found = false;
		char	   *table;

		if (token == WJB_VALUE || (token == WJB_ELEM && value.type != jbvString))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("p_primary_keys must hold arrays of column names"),
					 errhint("Write {\"schema.table\": [\"column\", …]}.")));
		if (token != WJB_KEY)
			continue;
		table = pnstrdup(value.val.string.val, value.val.string.len);
		foreach(cell, pairs)
			found = found || steep_tables_names(table, lfirst(cell));
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("p_primary_keys names table \"%s\", which is not compared",
							table),
					 errhint("Name it as in the list of tables.")));
	}
}

/*
 * Read both nodes' catalogs and settle for every pair its key, its columns
 * and its leaves, or say why the two tables do not fit.
 */
void
steep_tables_check(Session *session, List *pairs, Jsonb *primary_keys)
{
	ListCell   *cell;

	check_chosen_tables(pairs, primary_keys);
	read_both_sides(session, pairs);
	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);

		check_side(session, pair, pair->local);
		check_side(session, pair, pair->peer);
		check_columns(pair);
		choose_key(pair, primary_keys);
		order_columns(pair);
		check_key(session, pair, SITE_LOCAL);
		check_key(session, pair, SITE_PEER);
		pair->leaves = count_leaves(pair);
		pair->way = session->way;
	}
}
