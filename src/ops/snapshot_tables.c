/*-------------------------------------------------------------------------
 *
 * snapshot_tables.c
 *		The tables of a snapshot that is written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "base/sqltext.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "ops/snapshot.h"

static const Statement planned_tables = {
	.site = SITE_LOCAL,
	.purpose = "read the snapshot's tables",
	.text = "SELECT relid, schema_name, table_name, columns, types, fingerprint\n"
	"FROM steep_repl.snapshot_tables WHERE snapshot_id = $1 ORDER BY number",
	.nparams = 1,
	.params = {"text"},
};

/*
 * Read the member "tables" of a job's or step's parameters: as an array of
 * OIDs, NULL if it has none.  Needs no snapshot.
 */
char *
steep_snapshot_relids(const char *params)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														  CStringGetDatum(params)));
	JsonbValue	tables;
	JsonbValue	value;
	JsonbIterator *it;
	JsonbIteratorToken token;
	List	   *relids = NIL;

	if (getKeyJsonValueFromContainer(&json->root, "tables", 6, &tables) == NULL)
		return NULL;
	it = JsonbIteratorInit(tables.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			relids = lappend(relids, DatumGetCString(DirectFunctionCall1(numeric_out,
																		 NumericGetDatum(value.val.numeric))));
	}
	return psprintf("{%s}", steep_sql_join(relids, ","));
}

static SnapshotTable *
take_table(char **row)
{
	SnapshotTable *table = palloc0(sizeof(SnapshotTable));

	table->relid = row[COPY_TABLE_RELID];
	table->schema = row[COPY_TABLE_SCHEMA];
	table->name = row[COPY_TABLE_NAME];
	table->columns = row[COPY_TABLE_COLUMNS];
	table->types = row[COPY_TABLE_TYPES];
	table->fingerprint = row[COPY_TABLE_FINGERPRINT];
	return table;
}

/* Take what steep_copy_tables_sql() says of a table. */
SnapshotTable *
steep_snapshot_take_table(char **row)
{
	SnapshotTable *table = take_table(row);

	table->blocks = steep_books_integer(row[COPY_TABLE_BLOCKS]);
	table->bytes = steep_books_integer(row[COPY_TABLE_BYTES]);
	return table;
}

/* A table of which the role would see less than there is has no copy. */
static void
check_table(char **row)
{
	const char *name = steep_sql_name(row[COPY_TABLE_SCHEMA],
									  row[COPY_TABLE_NAME]);
	const char *role = GetUserNameFromId(GetUserId(), false);

	if (!steep_books_bool(row[COPY_TABLE_READABLE]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\"", name),
				 errdetail("A snapshot holds all columns of a table."),
				 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role \"%s\", or list other tables in the option \"tables\".",
						 role)));
	if (steep_books_bool(row[COPY_TABLE_POLICIES]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row level security hides rows of table \"%s\"", name),
				 errdetail("A snapshot holds all rows of a table."),
				 errhint("Start it as the table's owner or as a role with BYPASSRLS, or list other tables in the option \"tables\".")));
}

/*
 * List the tables of a snapshot, as SnapshotTables: those of an array of
 * OIDs, or all of users if that is NULL.  The role must be able to read all of
 * each.
 */
List *
steep_snapshot_list_tables(const char *relids)
{
	const char *values[] = {relids};
	Spool	   *spool = steep_spool_create("tables");
	List	   *tables = NIL;
	char	  **row;

	steep_local_rows(steep_copy_tables_sql(SITE_LOCAL), values, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
	{
		check_table(row);
		tables = lappend(tables, steep_snapshot_take_table(row));
	}
	steep_spool_end(spool);
	return tables;
}

/* Read which tables were planned, as the active snapshot knows. */
List *
steep_snapshot_planned_tables(const char *id)
{
	const char *values[] = {id};
	List	   *tables = NIL;
	ListCell   *cell;

	foreach(cell, steep_books_rows(&planned_tables, values))
		tables = lappend(tables, take_table(lfirst(cell)));
	return tables;
}

/* Are two lists of tables the same, with all their columns? */
bool
steep_snapshot_same_tables(List *a, List *b)
{
	ListCell   *left;
	ListCell   *right;

	if (list_length(a) != list_length(b))
		return false;
	forboth(left, a, right, b)
	{
		const SnapshotTable *one = lfirst(left);
		const SnapshotTable *other = lfirst(right);

		if (strcmp(one->relid, other->relid) != 0 ||
			strcmp(one->schema, other->schema) != 0 ||
			strcmp(one->name, other->name) != 0 ||
			strcmp(one->columns, other->columns) != 0 ||
			strcmp(one->types, other->types) != 0)
			return false;
	}
	return true;
}
