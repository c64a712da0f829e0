/*-------------------------------------------------------------------------
 *
 * snapshot_import.c
 *		A database snapshot that somebody else has exported, and holds.
 *
 * Whoever makes a replication slot gets one that fits the slot.  Its tables
 * can be locked only afterwards, so what was done to them in between has to be
 * found: a table that was emptied or rewritten would look as if it had no
 * rows, and one that was altered would not fit its own files.
 *
 * It has to be held only until the job has imported it, or as long as the job
 * should be able to start over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"

#include "base/options.h"
#include "generate/table_ddl.h"
#include "jobs/ledger.h"
#include "ops/snapshot.h"

#define EXPORTED_DIRECTORY "pg_snapshots"	/* as in snapmgr.c */
#define EXPORTED_LETTERS "0123456789ABCDEF-"

/*
 * The scan of pg_class sees the snapshot, the function what is there now.
 * Neither knows a file of a partitioned table.
 */
static const Statement rewritten_table = {
	.site = SITE_LOCAL,
	.purpose = "find a table that was emptied or rewritten",
	.text = "SELECT format('%I.%I', n.nspname, c.relname)\n"
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"WHERE c.oid = ANY ($1)\n"
	"  AND pg_relation_filenode(c.oid) IS DISTINCT FROM nullif(c.relfilenode, 0)\n"
	"ORDER BY 1 LIMIT 1",
	.nparams = 1,
	.params = {"oid[]"},
};

static Jsonb *
read_json(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* Say that a snapshot is not to be had, and why if that is known. */
static void
report_gone(const char *name, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("exported snapshot \"%s\" is not valid any more", name),
			 why ? errdetail("Its import says: %s.", why) : 0,
			 errhint("Export another, and let that transaction go on until the snapshot is complete.")));
}

/* Refuse an option whose value is not a text of these letters. */
static const char *
read_option(Jsonb *options, const char *name, const char *letters,
			const char *hint)
{
	JsonbValue	value;
	const char *text;

	if (getKeyJsonValueFromContainer(&options->root, name, strlen(name),
									 &value) == NULL)
		return NULL;
	text = value.type == jbvString ? steep_options_text(options, name) : "";

	if (text[0] == '\0' || text[strspn(text, letters)] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value of option \"%s\" is not valid", name),
				 errhint("%s", hint)));
	return text;
}

/* Check the options "snapshot" and "lsn" of who submits a job. */
void
steep_snapshot_check_exported(Jsonb *options)
{
	const char *name = read_option(options, "snapshot", EXPORTED_LETTERS,
								   "Write the name that pg_export_snapshot() has returned.");
	const char *lsn = read_option(options, "lsn", "0123456789ABCDEFabcdef/",
								  "Write it as pg_lsn prints it, like \"0/16B3748\".");

	if (lsn != NULL)
		(void) DirectFunctionCall1(pg_lsn_in, CStringGetDatum(lsn));
	if (lsn != NULL && name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"lsn\" needs option \"snapshot\""),
				 errdetail("It says where the log was when that snapshot was exported.")));
	if (name != NULL &&
		access(psprintf("%s/%s", EXPORTED_DIRECTORY, name), F_OK) != 0)
		report_gone(name, NULL);
}

/* Write what a step has to import as further members of its parameters. */
const char *
steep_snapshot_exported_params(const char *options)
{
	const char *name = steep_options_text(read_json(options), "snapshot");
	StringInfoData params;

	if (name == NULL)
		return "";
	initStringInfo(&params);
	appendStringInfoString(&params, ", \"snapshot\": ");
	escape_json(&params, name);
	return params.data;
}

/* Read which snapshot a step imports; NULL if it takes its own. */
const char *
steep_snapshot_exported(const char *params)
{
	return steep_options_text(read_json(params), "snapshot");
}

/* Read where the log was then: 0/0 if nobody has told. */
char *
steep_snapshot_exported_lsn(const char *options)
{
	const char *lsn = steep_options_text(read_json(options), "lsn");

	return lsn ? pstrdup(lsn) : "0/0";
}

/* Import the snapshot that a step is told to, if any. */
void
steep_snapshot_import(const char *params)
{
	const char *name = steep_snapshot_exported(params);
	MemoryContext context = CurrentMemoryContext;

	if (name == NULL)
		return;
	PG_TRY();
	{
		ImportSnapshot(name);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		report_gone(name, error->message);
	}
	PG_END_TRY();
}

/* Write all that creates tables of these names, as the active snapshot has it. */
static char *
write_schema(const char *names)
{
	Spool	   *spool = steep_spool_create("statements");
	StringInfoData text;
	char	  **row;

	initStringInfo(&text);
	steep_local_rows(steep_table_ddl_sql(SITE_LOCAL), &names, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		appendStringInfo(&text, "%s: %s\n", row[2], row[3] ? row[3] : "gone");
	steep_spool_end(spool);
	return text.data;
}

/* Is the schema that is there now the one of the snapshot? */
static bool
same_schema(const char *relids)
{
	char	   *names = steep_snapshot_table_names(relids);
	char	   *now = NULL;

	PushActiveSnapshot(GetLatestSnapshot());
	if (strcmp(names, steep_snapshot_table_names(relids)) == 0)
		now = write_schema(names);
	PopActiveSnapshot();
	return now != NULL && strcmp(now, write_schema(names)) == 0;
}

/* An error that no further attempt mends: the snapshot stays what it is. */
static void
report_changed(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s since the snapshot was exported", message),
			 errhint("Export another snapshot, and do not alter or empty tables until this function's job has locked them.")));
}

/* Make sure that the tables, locked by now, are as the snapshot has them. */
void
steep_snapshot_check_imported(const StepContext *step)
{
	const char *values[] = {steep_snapshot_relids(step->params)};
	const char *rewritten;

	if (!same_schema(steep_snapshot_relids(step->job->params)))
		report_changed("tables have been altered");
	rewritten = steep_local_value(&rewritten_table, values, NIL);
	if (rewritten != NULL)
		report_changed(psprintf("table \"%s\" has been emptied or rewritten",
								rewritten));
}
