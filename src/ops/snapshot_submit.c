/*-------------------------------------------------------------------------
 *
 * snapshot_submit.c
 *		The SQL function that submits a snapshot.
 *
 * What the caller got wrong is an error of his call and not of a worker's:
 * the directory is made and removed again, and the tables are looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "base/pinned.h"
#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "jobs/slot.h"
#include "ops/snapshot.h"
#include "ops/tables.h"

PG_FUNCTION_INFO_V1(steep_repl_start_snapshot);

#define MOST_NAMED 20			/* objects in a warning */

static const char *const known_options[] = {
	"tables", "snapshot", "lsn", "slot", NULL
};

/* Read the option "tables", NULL if it is not given. */
ArrayType *
steep_snapshot_tables_option(Jsonb *options)
{
	JsonbValue	value;
	JsonbValue	found;
	JsonbIterator *it;
	JsonbIteratorToken token;
	ArrayBuildState *names = NULL;

	if (getKeyJsonValueFromContainer(&options->root, "tables", 6, &found) == NULL)
		return NULL;
	it = found.type == jbvBinary ? JsonbIteratorInit(found.val.binary.data) : NULL;
	if (it == NULL || JsonbIteratorNext(&it, &value, true) != WJB_BEGIN_ARRAY)
		it = NULL;
	while (it != NULL && (token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && value.type != jbvString)
			it = NULL;
		else if (token == WJB_ELEM)
			names = accumArrayResult(names,
									 PointerGetDatum(cstring_to_text_with_len(value.val.string.val, value.val.string.len)),
									 false, TEXTOID, CurrentMemoryContext);
	}
	if (names == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"tables\" must be an array of names"),
				 errhint("Write [\"schema.table\"], or leave it out for all tables.")));
	return DatumGetArrayTypeP(makeArrayResult(names, CurrentMemoryContext));
}

/* Write the OID of each table that is asked for, as JSON for the job. */
static char *
resolve_tables(List *asked)
{
	List	   *relids = NIL;
	ListCell   *cell;

	foreach(cell, steep_tables_expand(NULL, asked))
	{
		const RelInfo *rel = ((TablePair *) lfirst(cell))->local;
		Oid			relid = get_relname_relid(rel->name,
											  get_namespace_oid(rel->schema, false));

		relids = lappend(relids, psprintf("%u", relid));
	}
	return psprintf("{\"tables\": [%s]}", steep_sql_join(relids, ", "));
}

/* Is this extension steep_repl, or one that it needs? */
static bool
is_ours(const char *name)
{
	return strcmp(name, "steep_repl") == 0 || strcmp(name, "dblink") == 0 ||
		strcmp(name, "postgres_fdw") == 0;
}

/* Say what a copy made from the snapshot will lack. */
static void
warn_left_out(List *objects)
{
	StringInfoData names;
	int			count = 0;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, objects)
	{
		char	  **object = lfirst(cell);

		if (strcmp(object[0], "extension") == 0 && is_ours(object[1]))
			continue;
		if (count++ < MOST_NAMED)
			appendStringInfo(&names, "%s%s %s", count > 1 ? ", " : "",
							 object[0], object[1]);
	}
	if (count == 0)
		return;
	ereport(WARNING,
			(errmsg("snapshot leaves out %d objects of the database", count),
			 errdetail("%s%s.", names.data,
					   count > MOST_NAMED ? " and more" : ""),
			 errhint("The manifest lists all of them.")));
}

/*
 * Look at the tables as the job will.  Returns the job's parameters; pins the
 * settings once the caller's own search_path has been heeded.
 */
static char *
check_tables(Jsonb *options)
{
	ArrayType  *names = steep_snapshot_tables_option(options);
	List	   *asked = names ? steep_tables_resolve(names) : NIL;
	int			nestlevel = steep_pin_begin(PIN_ALWAYS);
	char	   *params = names ? resolve_tables(asked) : pstrdup("{}");

	(void) steep_snapshot_list_tables(steep_snapshot_relids(params));
	warn_left_out(steep_snapshot_left_out(steep_snapshot_relids(params)));
	steep_pin_end(nestlevel);
	return params;
}

/* Make sure that the directory can be made; returns its absolute path. */
static char *
check_place(const char *path)
{
	const DirectoryPlace *place = steep_snapshot_place(path, SNAPSHOT_WRITE);
	Failure		failure;

	steep_held_check(steep_directory_remove(steep_held_create(place), &failure),
					 &failure);
	return steep_snapshot_path(place);
}

static char *
check_compression(const char *spec)
{
	Compression compression;
	Failure		failure;
	char text[	COMPRESSION_TEXT];

	steep_held_check(steep_compression_parse(spec, &compression, &failure),
					 &failure);
	steep_compression_print(&compression, text);
	return pstrdup(text);
}

/* Submit the job. */
static void
enqueue(const char *id, const char *params, int parallel)
{
	JobSpec		job = {
		.operation = SNAPSHOT_GENERATE,
		.snapshot_id = id,
		.params = params,
		.parallel = parallel
	};
	StepSpec	directory = {
		.stage = SNAPSHOT_STAGE_DIRECTORY,.kind = "directory"
	};
	StepSpec	plan = {
		.stage = SNAPSHOT_STAGE_PLAN,.kind = "plan"
	};

	(void) steep_job_enqueue(&job, list_make2(&directory, &plan));
}

/*
 * start_snapshot(p_output_path text, p_compression text, p_parallel int,
 *				  p_options jsonb)
 */
Datum
steep_repl_start_snapshot(PG_FUNCTION_ARGS)
{
	char	   *compression;
	int			parallel = PG_ARGISNULL(2) ? 4 : PG_GETARG_INT32(2);
	Jsonb	   *options = PG_ARGISNULL(3) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(3);
	char	   *params;
	char	   *path;
	char	   *id;

	steep_job_check();
	steep_job_check_parallel(parallel);
	steep_snapshot_check_options(options, known_options);
	steep_snapshot_check_exported(options);
	compression = check_compression(PG_ARGISNULL(1) ? "none" :
									text_to_cstring(PG_GETARG_TEXT_PP(1)));
	params = check_tables(options);
	path = check_place(PG_ARGISNULL(0) ? NULL :
					   text_to_cstring(PG_GETARG_TEXT_PP(0)));
	id = steep_snapshot_new("generate", path, compression, parallel, false,
							options);
	enqueue(id, params, parallel);
	PG_RETURN_DATUM(steep_snapshot_record(id));
}
