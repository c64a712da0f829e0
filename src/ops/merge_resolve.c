/*-------------------------------------------------------------------------
 *
 * merge_resolve.c
 *		The SQL function by which a person decides a conflict.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/image.h"
#include "base/pinned.h"
#include "base/sqltext.h"
#include "jobs/books.h"
#include "ops/merge.h"
#include "ops/tables.h"

PG_FUNCTION_INFO_V1(steep_repl_resolve_conflict);

static const Statement find_conflict = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the conflict",
	.text = "SELECT * FROM steep_repl.find_conflict($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "jsonb"},
};

/* The columns of find_conflict. */
enum
{
	CONFLICT_TABLE,
	CONFLICT_SEQ,
	CONFLICT_COLUMNS,
	CONFLICT_KEY,
	CONFLICT_LOCAL
};

static const Statement lay_over = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "lay the columns over the row of this node",
	.text = "SELECT steep_repl.image_record($1, laid.row),\n"
	"       (SELECT string_agg(v.key, ', ') FROM jsonb_object_keys($3) AS v(key)\n"
	"        WHERE v.key <> ALL ($1)),\n"
	"       steep_repl.key_image($4, $1, steep_repl.image_record($1, laid.row)) =\n"
	"         steep_repl.key_image($4, $1, $2)\n"
	"FROM (SELECT steep_repl.row_image($1, $2) || coalesce(\n"
	"        (SELECT jsonb_object_agg(v.key, v.value)\n"
	"         FROM jsonb_each_text($3) v), '{}') AS row) laid",
	.nparams = 4,
	.params = {"text[]", "text", "jsonb", "text[]"},
};

static const Statement record_resolution = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the resolution",
	.text = "SELECT steep_repl.record_resolution($1, $2, $3, $4, $5, $6)",
	.nparams = 6,
	.params = {"int8", "int8", "text", "text", "text", "bytea"},
};

static const Statement read_decision = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the decision",
	.text = "SELECT d.* FROM steep_repl.merge_decisions d\n"
	"JOIN steep_repl.merge_tables t USING (merge_id, table_name)\n"
	"WHERE t.id = $1 AND d.seq = $2",
	.nparams = 2,
	.params = {"int8", "int8"},
};

/* What the caller has decided. */
typedef struct Resolution
{
	char	   *merge;
	const char *table;			/* as merge_tables names it */
	Jsonb	   *key;
	char	   *how;
	Jsonb	   *row;			/* or NULL */
} Resolution;

static void
report_missing(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", what),
			 errhint("Give the merge, the table, the key and the resolution.")));
}

/* Refuse a JSON value that is not an object. */
static void
check_object(const char *what, Jsonb *json)
{
	if (JB_ROOT_IS_OBJECT(json))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a JSON object", what),
			 errhint("Write the values by the names of their columns.")));
}

/* Read the arguments. */
static Resolution
read_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {
		"p_merge_id", "p_table", "p_key", "p_resolution"
	};
	Resolution	wanted = {0};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (PG_ARGISNULL(i))
			report_missing(names[i]);
	}
	wanted.merge = text_to_cstring(PG_GETARG_TEXT_PP(0));
	wanted.key = PG_GETARG_JSONB_P(2);
	wanted.how = text_to_cstring(PG_GETARG_TEXT_PP(3));
	check_object("p_key", wanted.key);
	if (!PG_ARGISNULL(4))
	{
		wanted.row = PG_GETARG_JSONB_P(4);
		check_object("p_row", wanted.row);
	}
	return wanted;
}

/* Name the table that the caller means as merge_tables does. */
static const char *
name_table(Datum written)
{
	ArrayType  *tables = construct_array(&written, 1, TEXTOID, -1, false,
										 TYPALIGN_INT);

	return steep_merge_table(linitial(steep_tables_resolve(tables)));
}

/* Refuse a resolution that is none, or whose row does not fit it. */
static void
check_how(const Resolution *wanted)
{
	bool		custom = strcmp(wanted->how, "custom") == 0;

	if (!custom && strcmp(wanted->how, "local") != 0 &&
		strcmp(wanted->how, "remote") != 0 && strcmp(wanted->how, "skip") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resolution \"%s\" does not exist", wanted->how),
				 errhint("Resolutions are local, remote, custom and skip.")));
	if (custom != (wanted->row != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(custom ? "resolution \"custom\" needs a row" :
						"resolution \"%s\" takes no row", wanted->how),
				 errhint("Give p_row with the resolution custom, and only then.")));
}

/* Find the conflict that the caller means. */
static char **
find(const Resolution *wanted)
{
	char	   *key = JsonbToCString(NULL, &wanted->key->root, VARSIZE(wanted->key));
	const char *values[] = {wanted->merge, wanted->table, key};
	char	  **conflict = steep_merge_ask(&find_conflict, values);

	if (conflict == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("merge \"%s\" has no open conflict in table \"%s\" with key %s",
						wanted->merge, wanted->table, key),
				 errhint("steep_repl.merge_conflicts('%s') lists them.", wanted->merge)));
	return conflict;
}

/* Refuse what the merge was asked not to do. */
static void
check_options(const Resolution *wanted, const MergeOptions *options)
{
	bool		custom = strcmp(wanted->how, "custom") == 0;
	bool		here = custom || strcmp(wanted->how, "remote") == 0;
	bool		there = custom || strcmp(wanted->how, "local") == 0;

	if ((here && !options->to_local) || (there && !options->to_remote))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resolution \"%s\" would write to a node that merge \"%s\" does not write to",
						wanted->how, wanted->merge),
				 errhint("Its option direction says so; skip the conflict, or start a new merge.")));
	if ((here || there) && !options->updates)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resolution \"%s\" would update a row, which merge \"%s\" does not do",
						wanted->how, wanted->merge),
				 errhint("Its option actions says so; skip the conflict, or start a new merge.")));
}

/* Refuse columns that the row does not have, and another key. */
static void
check_columns(const Resolution *wanted, char **laid)
{
	if (laid[1] != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("p_row has columns that table \"%s\" does not merge: %s",
						wanted->table, laid[1]),
				 errhint("Name columns of the table.")));
	if (laid[2][0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p_row has another key than the conflict"),
				 errhint("Leave the key out of p_row, or give it as it is.")));
}

/* Read which columns of a table are generated, and how. */
static List *
read_generated(const char *table)
{
	Spool	   *spool = steep_spool_create("generated");
	List	   *columns;

	steep_local_rows(steep_merge_generated_sql(), &table, NIL, spool);
	columns = steep_spool_texts(spool);
	steep_spool_end(spool);
	return columns;
}

/*
 * Have the table's types read the row that the caller gives, and generate what
 * is generated from it; returns its image and its digest.  Runs as the caller.
 */
static char **
read_row(const Resolution *wanted, char **conflict)
{
	const char *values[] = {
		conflict[CONFLICT_COLUMNS], conflict[CONFLICT_LOCAL],
		JsonbToCString(NULL, &wanted->row->root, VARSIZE(wanted->row)),
		conflict[CONFLICT_KEY]
	};
	char	  **laid = steep_merge_ask(&lay_over, values);
	const char *record[] = {laid[0]};
	int			pinned = steep_pin_begin(PIN_ALWAYS);
	char	  **row;

	check_columns(wanted, laid);
	row = steep_local_row(steep_merge_custom_sql(wanted->table,
												 steep_image_names(conflict[CONFLICT_COLUMNS]),
												 list_length(steep_image_names(conflict[CONFLICT_KEY])),
												 read_generated(wanted->table)),
						  record, NIL);
	steep_pin_end(pinned);
	return row;
}

/* Record the resolution, and return the decision as it is now. */
static Datum
record(const Resolution *wanted, char **conflict, char **row)
{
	const char *values[] = {
		conflict[CONFLICT_TABLE], conflict[CONFLICT_SEQ], wanted->how,
		GetUserNameFromId(GetUserId(), false),
		row ? row[0] : NULL, row ? row[1] : NULL
	};
	Books		books;
	Datum		decision;

	steep_merge_book(&record_resolution, values, NIL);
	books = steep_books_open();
	decision = steep_local_record(&read_decision, values);
	steep_books_close(books);
	return decision;
}

/*
 * resolve_conflict(p_merge_id text, p_table text, p_key jsonb,
 *					p_resolution text, p_row jsonb)
 */
Datum
steep_repl_resolve_conflict(PG_FUNCTION_ARGS)
{
	Resolution	wanted = read_arguments(fcinfo);
	char	  **found;
	char	  **conflict;
	char	  **row = NULL;

	check_how(&wanted);
	found = steep_merge_take(wanted.merge);
	steep_merge_check_settled(wanted.merge, found);
	wanted.table = name_table(PG_GETARG_DATUM(1));
	conflict = find(&wanted);
	check_options(&wanted, steep_merge_options(found));
	if (wanted.row != NULL)
		row = read_row(&wanted, conflict);
	return record(&wanted, conflict, row);
}
