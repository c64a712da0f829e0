/*-------------------------------------------------------------------------
 *
 * merge.c
 *		A merge: what was asked for, as every step of it reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"

#include "base/guc.h"
#include "base/image.h"
#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "ops/compare.h"
#include "ops/merge.h"
#include "ops/tables.h"

#define BATCH_ROWS 5000

static const Statement load_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the merge",
	.text = "SELECT server, private_server, peer, dry_run, reverts IS NOT NULL, options,\n"
	"       backwards, peer_identity\n"
	"FROM steep_repl.merge_audit_log WHERE merge_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement load_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the tables of the merge",
	.text = "SELECT table_name, id, condition, excluded, key_columns\n"
	"FROM steep_repl.merge_tables\n"
	"WHERE merge_id = $1 AND ($2 IS NULL OR table_name = $2)\n"
	"ORDER BY seq",
	.nparams = 2,
	.params = {"text", "text"},
};

/* The columns of load_tables. */
enum
{
	TABLE_NAME,
	TABLE_ID,
	TABLE_CONDITION,
	TABLE_EXCLUDED,
	TABLE_KEY
};

/* Run a statement over our own tables. */
uint64
steep_merge_book(const Statement *statement, const char *const *values,
				 List *with)
{
	return steep_books_none(statement, values, with);
}

/* The same, for the row that comes back. */
char	  **
steep_merge_ask(const Statement *statement, const char *const *values)
{
	return steep_books_row(statement, values);
}

/* Read what a merge was asked to do. */
Merge *
steep_merge_load(const char *id)
{
	const char *values[] = {id};
	char	  **row = steep_merge_ask(&load_merge, values);
	Merge	   *merge = palloc0(sizeof(Merge));

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("merge \"%s\" does not exist", id),
				 errhint("Its record was removed; start a new merge.")));
	merge->id = id;
	merge->server = row[0];
	merge->private_server = row[1][0] == 't';
	merge->peer = row[2];
	merge->dry_run = row[3][0] == 't';
	merge->reverts = row[4][0] == 't';
	merge->options = steep_options_read(DatumGetJsonbP(OidInputFunctionCall(F_JSONB_IN,
																			row[5], JSONBOID, -1)));
	merge->backwards = row[6][0] == 't';
	merge->identity = row[7];
	merge->lock_timeout = psprintf("%d", merge->options->lock_timeout >= 0 ?
								   merge->options->lock_timeout : steep_guc_lock_timeout);
	merge->batch_size = merge->options->batch_size > 0 ?
		merge->options->batch_size : BATCH_ROWS;
	return merge;
}

/* Name a table as merge_tables does. */
const char *
steep_merge_table(const TablePair *pair)
{
	return steep_sql_name(pair->local->schema, pair->local->name);
}

/* Say how many rows of a table one statement takes, as text. */
char *
steep_merge_chunk_rows(const Merge *merge, const TablePair *pair)
{
	return steep_compare_batch_rows(pair, merge->batch_size);
}

/* Read a whole number that the step was given. */
int64
steep_merge_param(const StepContext *step, const char *name, int64 missing)
{
	Jsonb	   *params = DatumGetJsonbP(OidInputFunctionCall(F_JSONB_IN,
															 unconstify(char *, step->params),
															 JSONBOID, -1));
	JsonbValue	found;

	if (!getKeyJsonValueFromContainer(&params->root, name, strlen(name), &found) ||
		found.type != jbvNumeric)
		return missing;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(found.val.numeric)));
}

/* Read the tables of a merge, or one of them, parents first, as recorded. */
static List *
read_tables(const Merge *merge, const char *table)
{
	const char *values[] = {merge->id, table};
	Spool	   *spool = steep_spool_create("tables");
	Books		books = steep_books_open();
	List	   *rows;

	steep_local_rows(&load_tables, values, NIL, spool);
	steep_books_close(books);
	rows = steep_spool_texts(spool);
	steep_spool_end(spool);
	if (rows == NIL)
		elog(ERROR, "merge \"%s\" has no tables", merge->id);
	return rows;
}

/* Write the keys of tables as the option "primary_keys" does. */
static Jsonb *
keys_of(List *rows)
{
	JsonbParseState *state = NULL;
	ListCell   *row;
	ListCell   *name;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(row, rows)
	{
		char	  **fields = lfirst(row);

		steep_image_push(&state, WJB_KEY, fields[TABLE_NAME]);
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		foreach(name, steep_image_names(fields[TABLE_KEY]))
			steep_image_push(&state, WJB_ELEM, lfirst(name));
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Read from both nodes the tables of a merge, or one of them, parents first,
 * and check that they still fit.
 */
List *
steep_merge_pairs(Session *session, const Merge *merge, const char *table)
{
	List	   *rows = read_tables(merge, table);
	List	   *names = NIL;
	List	   *pairs;
	ListCell   *cell;

	foreach(cell, rows)
		names = lappend(names, ((char **) lfirst(cell))[TABLE_NAME]);
	pairs = steep_tables_resolve(DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN,
																		 steep_sql_array(names),
																		 TEXTOID, -1)));
	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);
		char	  **row = list_nth(rows, foreach_current_index(cell));

		pair->record = row[TABLE_ID];
		pair->where = row[TABLE_CONDITION];
		pair->excluded = steep_image_names(row[TABLE_EXCLUDED]);
		pair->deletes = merge->reverts;
	}
	steep_tables_check(session, pairs, keys_of(rows));
	steep_merge_check_pairs(session, pairs);
	return pairs;
}

/* Refuse a side whose rows the role may not write. */
static void
check_writable(const TablePair *pair, const RelInfo *rel, const char *where)
{
	if (rel->writable && (rel->deletable || !pair->deletes))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to write table \"%s\" %s",
					pair->asked, where),
			 errhint("GRANT INSERT, UPDATE%s on the table to the role that connects there.",
					 pair->deletes ? ", DELETE" : "")));
}

/* Refuse columns whose modifiers differ: a row could not be written whole. */
static void
check_definitions(const TablePair *pair)
{
	ListCell   *cell;

	foreach(cell, pair->columns)
	{
		ColumnInfo *local = lfirst(cell);
		ColumnInfo *peer = steep_relinfo_column(pair->peer, local->name);

		if (list_member_ptr(pair->key, local) &&
			local->deterministic != peer->deterministic)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("key of table \"%s\" is compared differently on the nodes",
							pair->asked),
					 errdetail("The collation of column \"%s\" is deterministic on one node only.",
							   local->name),
					 errhint("Give both nodes the same collation with ALTER TABLE.")));
		if (strcmp(local->definition, peer->definition) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("columns of table \"%s\" differ between the nodes",
							pair->asked),
					 errdetail("Column \"%s\": %s here, %s on the peer.",
							   local->name, local->definition,
							   peer->definition),
					 errhint("Give both nodes the same columns with ALTER TABLE.")));
	}
}

/* Check what a merge needs of tables beyond what a compare does. */
void
steep_merge_check_pairs(const Session *session, List *pairs)
{
	char	   *there = psprintf("on peer \"%s\"",
								 steep_peer_label(session->peer));
	ListCell   *cell;

	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);

		check_writable(pair, pair->local, "here");
		check_writable(pair, pair->peer, there);
		check_definitions(pair);
	}
}
