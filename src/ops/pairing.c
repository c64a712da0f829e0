/*-------------------------------------------------------------------------
 *
 * pairing.c
 *		Whether both nodes' tables fit together.
 *
 * Columns are matched by name; each must have the same type on both nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/digest.h"
#include "base/guc.h"
#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "ops/filters.h"
#include "ops/keys.h"
#include "ops/tables.h"

#define ROWS_PER_LEAF 32		/* as far as MOST_LEAVES allows */
#define FEWEST_LEAVES 64
#define MOST_LEAVES 65536		/* 1.8 MB a side; more only by leaf_rows */
#define MOST_STOCK_LEAVES 16384 /* what a hash aggregate holds in work_mem */

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

/* Refuse a side that is no table, or whose rows are hidden. */
static void
check_side(Session *session, const TablePair *pair, Site site)
{
	const RelInfo *rel = site == SITE_LOCAL ? pair->local : pair->peer;
	char	   *where = steep_session_place(session, site);

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
}

/* Refuse a side of which a column cannot be read. */
static void
check_readable(Session *session, const TablePair *pair, Site site)
{
	const RelInfo *rel = site == SITE_LOCAL ? pair->local : pair->peer;
	char	   *where = steep_session_place(session, site);
	ListCell   *cell;

	foreach(cell, rel->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (column->excluded)
			continue;
		if (!rel->schema_usage || !column->readable)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table \"%s\" %s",
							pair->asked, where),
					 errdetail("Column \"%s\" cannot be read.", column->name),
					 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role that connects there.")));
	}
}

/* Name a column's type, and what it is a domain over. */
static const char *
describe_type(const ColumnInfo *column)
{
	return strcmp(column->type, column->base) == 0 ? column->definition :
		psprintf("%s over %s", column->definition, column->base);
}

/* Add one line about a column that does not fit. */
static void
add_misfit(StringInfo list, const ColumnInfo *local, const ColumnInfo *peer)
{
	if (list->len > 0)
		appendStringInfoChar(list, '\n');
	appendStringInfo(list, "Column \"%s\": %s here, %s on the peer.",
					 local ? local->name : peer->name,
					 local ? describe_type(local) : "missing",
					 peer ? describe_type(peer) : "missing");
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

		if (local->excluded)
			continue;
		if (peer == NULL || strcmp(local->type, peer->type) != 0 ||
			strcmp(local->base, peer->base) != 0)
			add_misfit(&misfits, local, peer);
	}
	foreach(cell, pair->peer->columns)
	{
		ColumnInfo *peer = lfirst(cell);

		if (!peer->excluded &&
			steep_relinfo_column(pair->local, peer->name) == NULL)
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

/*
 * List the columns to compare: those of the key in its order, then the rest
 * by name.
 */
static void
order_columns(TablePair *pair)
{
	ListCell   *cell;

	pair->columns = list_copy(pair->key);
	foreach(cell, pair->local->columns)
	{
		ColumnInfo *column = lfirst(cell);

		if (!column->excluded)
			pair->columns = list_append_unique_ptr(pair->columns, column);
	}
}

/* Choose how finely a table is digested, from the rows it seems to have. */
static int
count_leaves(const TablePair *pair)
{
	double		rows = Max(pair->local->rows, pair->peer->rows);
	int			leaves = FEWEST_LEAVES;

	int			most = pair->way == DIGEST_NATIVE ? MOST_LEAVES : MOST_STOCK_LEAVES;

	while (leaves < most && rows / leaves > ROWS_PER_LEAF)
		leaves *= 2;
	while (leaves < DIGEST_MAX_LEAVES && rows / leaves > steep_guc_leaf_rows)
		leaves *= 2;
	return leaves;
}

/*
 * Read both nodes' catalogs and settle for every pair its key, its columns
 * and its leaves, or say why the two tables do not fit.
 */
void
steep_tables_check(Session *session, List *pairs, Jsonb *primary_keys)
{
	List	   *chosen = steep_keys_read(primary_keys, pairs);
	ListCell   *cell;

	read_both_sides(session, pairs);
	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);

		check_side(session, pair, SITE_LOCAL);
		check_side(session, pair, SITE_PEER);
		steep_filters_exclude(pair);
		check_readable(session, pair, SITE_LOCAL);
		check_readable(session, pair, SITE_PEER);
		check_columns(pair);
		steep_keys_choose(pair, chosen);
		order_columns(pair);
		steep_filters_check_where(session, pair);
		steep_keys_check(session, pair, SITE_LOCAL);
		steep_keys_check(session, pair, SITE_PEER);
		pair->way = session->way;
		pair->leaves = count_leaves(pair);
	}
}
