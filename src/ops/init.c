/*-------------------------------------------------------------------------
 *
 * init.c
 *		Inits: their records, and their methods.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "jobs/ledger.h"
#include "ops/init_files.h"

static const Statement new_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the init",
	.text = "SELECT steep_repl.new_init($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.nparams = 10,
	.params = {
		"text", "text", "text", "text", "jsonb", "text[]", "text", "text",
		"text", "oid"
	},
};

static const Statement load_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the init's record",
	.text = "SELECT node_id, source, method, options, tables, publication, slot,\n"
	"       subscription, snapshot_id, merge_id, lsn\n"
	"FROM steep_repl.inits WHERE init_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement mark_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark the init",
	.text = "SELECT steep_repl.mark_init($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "text"},
};

static const Statement record_lsn = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record where the slot starts",
	.text = "SELECT steep_repl.record_init_lsn($1, $2)",
	.nparams = 2,
	.params = {"text", "pg_lsn"},
};

static const Statement read_node = {
	.site = SITE_LOCAL,
	.purpose = "read the node's record",
	.text = "SELECT * FROM steep_repl.nodes WHERE node_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const InitMethod methods[] = {
	{"snapshot", true, 150000, steep_init_plan_snapshot, false, false, NULL},
	{"direct", true, 150000, steep_init_plan_direct, false, false, NULL},
	{"two-phase", true, 150000, steep_init_plan_files, true, false, steep_files_check},
	{"manual", false, 150000, steep_init_plan_manual, false, true, NULL},
	{"bidirectional-merge", false, 160000, steep_init_plan_merge, false, false, NULL},
};

/* Find a method by its name; an error if there is none. */
const InitMethod *
steep_init_method(const char *name)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < (int) lengthof(methods); i++)
	{
		if (name != NULL && strcmp(methods[i].name, name) == 0)
			return &methods[i];
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", methods[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name ? errmsg("method \"%s\" does not exist", name) :
			 errmsg("method must not be null"),
			 errhint("Methods are %s.", list.data)));
	return NULL;
}

/* Record an init of a kind (init or reinit) that is submitted, and name it. */
void
steep_init_new(Init *init, const char *kind)
{
	const char *values[] = {
		kind, init->node, init->source, init->method->name,
		JsonbToCString(NULL, &init->options->root, VARSIZE(init->options)),
		init->tables, init->publication, init->slot, init->subscription,
		psprintf("%u", GetUserId())
	};

	init->id = steep_books_row(&new_init, values)[0];
}

/* Read what an init's job was asked to do. */
Init *
steep_init_load(const char *id)
{
	const char *values[] = {id};
	char	  **row = steep_books_row(&load_init, values);
	Init	   *init = palloc0(sizeof(Init));

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("init \"%s\" does not exist", id),
				 errhint("Its record was removed; start a new one.")));
	init->id = id;
	init->node = row[0];
	init->source = row[1];
	init->method = steep_init_method(row[2]);
	init->options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
													   CStringGetDatum(row[3])));
	init->tables = row[4];
	init->publication = row[5];
	init->slot = row[6];
	init->subscription = row[7];
	init->snapshot_id = row[8];
	init->merge_id = row[9];
	init->lsn = row[10];
	return init;
}

/* Say how an init stands, for a callback of its job. */
void
steep_init_mark(const char *id, const char *status, const JobError *error)
{
	const char *values[] = {
		id, status, error ? steep_job_error_text(error) : NULL
	};

	(void) steep_books_none(&mark_init, values, NIL);
}

/* Record where in the source's log the slot of an init starts. */
void
steep_init_record_lsn(const Init *init, const char *lsn)
{
	const char *values[] = {init->id, lsn};

	(void) steep_books_none(&record_lsn, values, NIL);
}

/* Read a node's row as it is now, whatever our isolation level. */
Datum
steep_init_node_record(const char *node)
{
	Books		books = steep_books_open();
	Datum		row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_local_record(&read_node, &node);
	PopActiveSnapshot();
	steep_books_close(books);
	return row;
}
