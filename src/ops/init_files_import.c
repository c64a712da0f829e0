/*-------------------------------------------------------------------------
 *
 * init_files_import.c
 *		The steps of an init that wait for files and have them applied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "base/testpoint.h"
#include "generate/files_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_files.h"
#include "ops/snapshot.h"

static const Statement read_params = {
	.site = SITE_LOCAL,
	.purpose = "read which snapshot is applied",
	.text = "SELECT $1 ->> 'snapshot'",
	.nparams = 1,
	.params = {"jsonb"},
};

/* Is a file there in full, as far as its size tells? */
static bool
is_whole(Directory *directory, const FileName *name,
		 const StreamTotals *expected, Failure *failure)
{
	uint64_t	size;

	if (!steep_directory_size(directory, name, &size, failure))
		return false;
	if (size != expected->file_bytes)
		return steep_failure_set(failure, FAILURE_CORRUPT,
								 "file \"%s\" has not arrived in full",
								 name->path);
	return true;
}

/* Are all files there that a manifest names? */
static bool
are_whole(Directory *directory, const Manifest *manifest, Failure *failure)
{
	FileName	pre_data = steep_filename(FILE_PRE_DATA);
	FileName	post_data = steep_filename(FILE_POST_DATA);

	if (!is_whole(directory, &pre_data, &manifest->pre_data, failure) ||
		!is_whole(directory, &post_data, &manifest->post_data, failure))
		return false;
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *table = &manifest->tables[i];

		for (size_t j = 0; j < table->nchunks; j++)
		{
			if (!is_whole(directory, &table->chunks[j].name,
						  &table->chunks[j].file, failure))
				return false;
		}
	}
	return true;
}

/* Is it the snapshot that was written for this init? */
static bool
is_ours(const Init *init, const Manifest *manifest, Failure *failure)
{
	return strcmp(manifest->snapshot_id, init->snapshot_id) == 0 ||
		steep_failure_set(failure, FAILURE_CORRUPT,
						  "directory holds snapshot \"%s\", not \"%s\"",
						  manifest->snapshot_id, init->snapshot_id);
}

/*
 * Have all files of the source's snapshot arrived?  Whatever else is there may
 * be on its way, so it is no error but shown as one meanwhile.  What was
 * damaged on the way is found when it is applied.
 */
static bool
have_arrived(void *arg)
{
	const Init *init = arg;
	const DirectoryPlace *place = steep_snapshot_place(steep_files_input(init),
													   SNAPSHOT_READ);
	Directory  *directory = NULL;
	Manifest   *manifest = NULL;
	Failure		failure;
	bool		arrived;

	arrived = steep_directory_open(place, &directory, &failure) &&
		steep_manifest_read(directory, &manifest, &failure) &&
		is_ours(init, manifest, &failure) &&
		are_whole(directory, manifest, &failure);
	steep_manifest_free(manifest);
	steep_directory_close(directory);
	if (!arrived && failure.kind == FAILURE_NAME)
		steep_held_check(false, &failure);
	steep_progress_error(arrived ? "" : failure.message);
	return arrived;
}

/* Have the files applied, by a job of its own; returns its snapshot's id. */
static char *
apply_files(const Init *init)
{
	const char *values[] = {
		steep_files_input(init), psprintf("%d", steep_init_parallel(init)),
		steep_init_flag(init, "force") ? "{\"force\": true}" : "{}"
	};

	return steep_local_value(steep_files_apply_sql(), values, NIL);
}

/* Wait until the files are here, then have them applied. */
void
steep_files_wait(StepContext *step)
{
	Init	   *init = steep_init_load(step->job->init_id);
	StepSpec	load = {.stage = INIT_STAGE_FINISH,.kind = "files_load",.weight = 1};
	StringInfoData params;
	char	   *id;

	steep_progress_phase("waiting_for_files");
	steep_progress_table(steep_files_input(init));
	steep_hold_begin();
	PG_TRY();
	{
		steep_init_wait_until(have_arrived, init);
	}
	PG_FINALLY();
	{
		steep_hold_end();
	}
	PG_END_TRY();
	id = apply_files(init);
	steep_init_record_object(init, init->node, "snapshot", id);
	initStringInfo(&params);
	appendStringInfoString(&params, "{\"snapshot\": ");
	escape_json(&params, id);
	appendStringInfoChar(&params, '}');
	load.params = params.data;
	steep_job_add_step(step, &load);
}

static bool
is_loaded(void *arg)
{
	const char *id = arg;

	return steep_files_show(steep_local_row(steep_files_progress_sql(SITE_LOCAL),
											&id, NIL),
							id, "that is applied here");
}

/* Wait until they are applied. */
void
steep_files_load(StepContext *step)
{
	char	   *id = steep_local_value(&read_params, &step->params, NIL);

	steep_progress_phase("loading");
	steep_hold_begin();
	PG_TRY();
	{
		TEST_POINT("files-loading");
		steep_init_wait_until(is_loaded, id);
	}
	PG_FINALLY();
	{
		steep_hold_end();
	}
	PG_END_TRY();
}
