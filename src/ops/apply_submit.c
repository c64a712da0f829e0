/*-------------------------------------------------------------------------
 *
 * apply_submit.c
 *		The SQL functions that submit an apply, and that verify a snapshot.
 *
 * What the caller got wrong is an error of his call and not of a worker's: the
 * manifest is read and the tables that exist are looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/pinned.h"
#include "generate/apply_sql.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/apply.h"

PG_FUNCTION_INFO_V1(steep_repl_start_apply);
PG_FUNCTION_INFO_V1(steep_repl_verify_snapshot);

static const char *const known_options[] = {"force", "tables", NULL};

static const Statement record_source = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record which snapshot is applied",
	.text = "SELECT steep_repl.record_source($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "text", "pg_lsn", "text"},
};

/* Look at the tables as the job will. */
static void
check_tables(const ApplySource *source)
{
	const Manifest *manifest = source->manifest;
	bool		triggers = false;

	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ApplyTable *table = steep_apply_from_manifest(source,
															&manifest->tables[i]);

		if (table != NULL)
			(void) steep_apply_check_target(table, source->force, &triggers);
	}
	if (triggers &&
		!steep_books_bool(steep_local_value(steep_apply_may_quiet_sql(), NULL,
											NIL)))
		ereport(WARNING,
				(errmsg("triggers and foreign keys will fire as rows are loaded"),
				 errdetail("The role may not set session_replication_role."),
				 errhint("GRANT SET ON PARAMETER session_replication_role to the role.")));
}

/* Warn that what is granted to some roles will be left out. */
static void
warn_of_roles(const ApplySource *source)
{
	List	   *missing = NIL;
	ListCell   *cell;

	foreach(cell, steep_apply_script(source, FILE_POST_DATA))
	{
		const ScriptStatement *statement = lfirst(cell);
		ListCell   *role;

		if (steep_script_exists(&statement->of))
			continue;
		foreach(role, statement->roles)
		{
			if (!OidIsValid(get_role_oid(lfirst(role), true)) &&
				!list_member(missing, makeString(lfirst(role))))
				missing = lappend(missing, makeString(lfirst(role)));
		}
	}
	foreach(cell, missing)
		ereport(WARNING,
				(errmsg("role \"%s\" does not exist", strVal(lfirst(cell))),
				 errdetail("What the snapshot grants to it is left out."),
				 errhint("CREATE ROLE before the snapshot is applied, or grant by hand.")));
}

/* Record the job, and have it started. */
static char *
enqueue(const ApplySource *source, int parallel, bool verify, Jsonb *options)
{
	const Manifest *manifest = source->manifest;
	char		compression[COMPRESSION_TEXT];
	StepSpec	plan = {.stage = APPLY_STAGE_PLAN,.kind = "plan"};
	JobSpec		job = {.operation = SNAPSHOT_APPLY,.parallel = parallel};
	const char *values[] = {
		NULL, manifest->snapshot_id, manifest->lsn, manifest->sha256
	};

	steep_compression_print(&manifest->compression, compression);
	values[0] = steep_snapshot_new("apply", source->path, compression,
								   parallel, verify, options);
	(void) steep_books_none(&record_source, values, NIL);
	job.snapshot_id = values[0];
	(void) steep_job_enqueue(&job, list_make1(&plan));
	return unconstify(char *, values[0]);
}

/*
 * start_apply(p_input_path text, p_parallel int, p_verify boolean,
 *			   p_options jsonb)
 */
Datum
steep_repl_start_apply(PG_FUNCTION_ARGS)
{
	int			parallel = PG_ARGISNULL(1) ? 4 : PG_GETARG_INT32(1);
	bool		verify = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	Jsonb	   *options = PG_ARGISNULL(3) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(3);
	ApplySource *source;
	int			pinned;
	char	   *id;

	steep_job_check();
	steep_job_check_parallel(parallel);
	steep_snapshot_check_options(options, known_options);
	pinned = steep_pin_begin(PIN_ALWAYS);
	source = steep_apply_open(PG_ARGISNULL(0) ? NULL :
							  text_to_cstring(PG_GETARG_TEXT_PP(0)), options);
	check_tables(source);
	warn_of_roles(source);
	id = enqueue(source, parallel, verify, options);
	steep_pin_end(pinned);
	PG_RETURN_DATUM(steep_snapshot_record(id));
}

/* Add a problem to the result. */
static void
report_problem(void *arg, const char *file, const char *problem)
{
	ReturnSetInfo *result = arg;
	Datum		values[] = {
		CStringGetTextDatum(file), CStringGetTextDatum(problem)
	};
	bool		nulls[lengthof(values)] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* verify_snapshot(p_input_path text) */
Datum
steep_repl_verify_snapshot(PG_FUNCTION_ARGS)
{
	const char *path = PG_ARGISNULL(0) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	const DirectoryPlace *place = steep_snapshot_place(path, SNAPSHOT_READ);

	InitMaterializedSRF(fcinfo, 0);
	steep_held_verify(steep_held_open(place), report_problem, fcinfo->resultinfo);
	return (Datum) 0;
}
