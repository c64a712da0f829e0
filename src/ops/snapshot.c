/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *		Snapshots in files: their records.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/options.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "jobs/report.h"
#include "ops/snapshot.h"

PG_FUNCTION_INFO_V1(steep_repl_wait_snapshot);
PG_FUNCTION_INFO_V1(steep_repl_list_snapshots);
PG_FUNCTION_INFO_V1(steep_repl_prune_snapshots);

static const Statement new_snapshot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the snapshot",
	.text = "SELECT steep_repl.new_snapshot($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.params = {"text", "text", "text", "int", "boolean", "jsonb", "oid"},
};

static const Statement load_snapshot = {
	.site = SITE_LOCAL,
	.purpose = "read the snapshot's record",
	.text = "SELECT path, compression, parallel, verify, options, directory_made\n"
	"FROM steep_repl.snapshots WHERE snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement read_snapshot = {
	.site = SITE_LOCAL,
	.purpose = "read the snapshot's record",
	.text = "SELECT * FROM steep_repl.snapshots WHERE snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement list_snapshots = {
	.site = SITE_LOCAL,
	.purpose = "list the snapshots",
	.text = "SELECT s.* FROM steep_repl.snapshots s\n"
	"WHERE steep_repl.may_manage($1, s.owner)\n"
	"ORDER BY s.created_at DESC, s.snapshot_id DESC LIMIT $2",
	.nparams = 2,
	.params = {"oid", "integer"},
};

static const Statement find_snapshot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the snapshot",
	.text = "SELECT may, job FROM steep_repl.find_snapshot($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement mark_snapshot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark the snapshot",
	.text = "SELECT steep_repl.mark_snapshot($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "text", "text", "boolean"},
};

static const Statement left_snapshots = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list half snapshots",
	.text = "SELECT s FROM steep_repl.left_snapshots($1) s",
	.nparams = 1,
	.params = {"oid"},
};

static const Statement not_left = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that nothing is left",
	.text = "UPDATE steep_repl.snapshots SET left_behind = false WHERE snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement prune_records = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget ended snapshots",
	.text = "SELECT steep_repl.prune_snapshot_records($1, $2)",
	.nparams = 2,
	.params = {"oid", "interval"},
};

/* Record a snapshot that is to be written or applied; returns its id. */
char *
steep_snapshot_new(const char *kind, const char *path,
				   const char *compression, int parallel, bool verify,
				   Jsonb *options)
{
	const char *values[] = {
		kind, path, compression, psprintf("%d", parallel),
		verify ? "true" : "false",
		JsonbToCString(NULL, &options->root, VARSIZE(options)),
		psprintf("%u", GetUserId())
	};

	return steep_books_row(&new_snapshot, values)[0];
}

/*
 * Read what a snapshot's job was asked to do; a database snapshot that was
 * imported may be older than that.
 */
FileSnapshot *
steep_snapshot_load(const char *id)
{
	const char *values[] = {id};
	List	   *rows = steep_books_rows_now(&load_snapshot, values);
	char	  **row;
	FileSnapshot *snapshot = palloc0(sizeof(FileSnapshot));
	Failure		failure;

	if (rows == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("snapshot \"%s\" does not exist", id),
				 errhint("Its record was removed; start a new one.")));
	row = linitial(rows);
	snapshot->id = id;
	snapshot->path = row[0];
	if (row[1] != NULL)
		steep_held_check(steep_compression_parse(row[1], &snapshot->compression,
												 &failure), &failure);
	snapshot->parallel = atoi(row[2]);
	snapshot->verify = steep_books_bool(row[3]);
	snapshot->options = row[4];
	snapshot->directory_made = steep_books_bool(row[5]);
	return snapshot;
}

/* Read a snapshot's row as it is now, whatever our isolation level. */
Datum
steep_snapshot_record(const char *id)
{
	const char *values[] = {id};
	Books		books = steep_books_open();
	Datum		row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_local_record(&read_snapshot, values);
	PopActiveSnapshot();
	steep_books_close(books);
	return row;
}

/* Say how a snapshot stands, for a callback of its job. */
void
steep_snapshot_mark(const char *id, const char *status, const JobError *error,
					bool left_behind)
{
	const char *values[] = {
		id, status, error ? steep_job_error_text(error) : NULL,
		left_behind ? "true" : "false"
	};

	(void) steep_books_none(&mark_snapshot, values, NIL);
}

/* List the names that options can have. */
static char *
list_known(const char *const *known)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; known[i] != NULL; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", known[i]);
	return names.data;
}

static void
check_option(const char *name, const JsonbValue *value, const void *arg)
{
	const char *const *known = arg;

	for (int i = 0; known[i] != NULL; i++)
	{
		if (strcmp(name, known[i]) == 0)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" does not exist", name),
			 errhint("Options are %s.", list_known(known))));
}

/* Refuse options whose names are not in a list, which ends with NULL. */
void
steep_snapshot_check_options(Jsonb *options, const char *const *known)
{
	steep_options_visit(options, check_option, known);
}

/* Find the job of a snapshot, if the caller may know; NULL if it has none. */
static char *
find_job(const char *id)
{
	const char *values[] = {id, psprintf("%u", GetUserId())};
	char	  **row = steep_books_row(&find_snapshot, values);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("snapshot \"%s\" does not exist", id),
				 errhint("steep_repl.list_operations() lists them.")));
	if (!steep_books_bool(row[0]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for snapshot \"%s\"", id),
				 errhint("Ask as the role that started it.")));
	return row[1];
}

/* wait_snapshot(p_snapshot_id text, p_timeout_seconds int) */
Datum
steep_repl_wait_snapshot(PG_FUNCTION_ARGS)
{
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *job = find_job(id);

	if (job != NULL)
		steep_job_wait(strtoll(job, NULL, 10), PG_GETARG_INT32(1));
	PG_RETURN_DATUM(steep_snapshot_record(id));
}

/* list_snapshots(p_limit int) */
Datum
steep_repl_list_snapshots(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		steep_books_number(GetUserId()),
		steep_books_number(PG_GETARG_INT32(0))
	};

	return steep_report_return(fcinfo, &list_snapshots, values);
}

/* prune_snapshots(p_older_than interval) */
Datum
steep_repl_prune_snapshots(PG_FUNCTION_ARGS)
{
	char	   *older_than = DatumGetCString(DirectFunctionCall1(interval_out,
																 PG_GETARG_DATUM(0)));
	const char *values[] = {psprintf("%u", GetUserId()), older_than};
	ListCell   *cell;

	foreach(cell, steep_books_rows(&left_snapshots, values))
	{
		const char *id[] = {((char **) lfirst(cell))[0]};

		if (steep_snapshot_remove(steep_snapshot_load(id[0])))
			(void) steep_books_none(&not_left, id, NIL);
	}
	PG_RETURN_INT64(pg_strtoint64(steep_books_row(&prune_records, values)[0]));
}
