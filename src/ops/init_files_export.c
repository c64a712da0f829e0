/*-------------------------------------------------------------------------
 *
 * init_files_export.c
 *		The step of an init that has the source write files.
 *
 * A wire creates the slot and holds the snapshot that fits it; a job of the
 * source imports that and writes it.  The wire stays until all is written, so
 * that the source's job can start over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/snapmgr.h"

#include "base/testpoint.h"
#include "generate/files_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_files.h"
#include "ops/schema.h"
#include "run/wire.h"

static const Statement record_snapshot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record which snapshot the source has written",
	.text = "SELECT steep_repl.record_init_snapshot($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

/* What the step knows of the source. */
typedef struct Export
{
	const Init *init;
	bool		again;			/* an earlier attempt may have left something */
	Session    *session;
	Wire	   *wire;			/* holds the snapshot */
	char	   *lsn;
	char	   *snapshot_id;	/* as the source calls it */
} Export;

/* Has the source removed what it has written for a slot? */
static bool
is_discarded(void *arg)
{
	const Export *export = arg;

	return strcmp(steep_peer_value(export->session->peer,
								   steep_files_discard_sql(),
								   &export->init->slot), "0") == 0;
}

/* Have the source remove what it has written for a slot. */
void
steep_files_discard(Session *session, const char *slot)
{
	Init		init = {.slot = slot};
	Export		export = {.init = &init,.session = session};

	steep_init_wait_until(is_discarded, &export);
}

/* Write the options of start_snapshot(). */
static char *
write_options(const Export *export, const char *snapshot)
{
	StringInfoData json;
	const char *separator = "";
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"snapshot\": ");
	escape_json(&json, snapshot);
	appendStringInfoString(&json, ", \"lsn\": ");
	escape_json(&json, export->lsn);
	appendStringInfoString(&json, ", \"slot\": ");
	escape_json(&json, export->init->slot);
	appendStringInfoString(&json, ", \"tables\": [");
	foreach(cell, steep_init_tables(export->init))
	{
		appendStringInfoString(&json, separator);
		escape_json(&json, lfirst(cell));
		separator = ", ";
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/* Create the slot, and have the snapshot written that fits it. */
static void
start_export(Export *export)
{
	const Init *init = export->init;
	const char *compression = steep_init_text(init, "compression");
	const char *values[] = {
		steep_init_text(init, "path"), compression ? compression : "none",
		psprintf("%d", steep_init_parallel(init)), NULL
	};

	char	   *snapshot;

	TEST_POINT("files-slot");
	PopActiveSnapshot();		/* others' transactions may last for hours */
	snapshot = steep_wire_create_slot(export->wire, init->slot, &export->lsn);
	PushActiveSnapshot(GetLatestSnapshot());
	values[3] = write_options(export, snapshot);
	TEST_POINT("files-export");
	export->snapshot_id = steep_peer_value(export->session->peer,
										   steep_files_write_sql(), values);
}

/* Show how far a snapshot is; true at its end, an error if it has failed. */
bool
steep_files_show(char **state, const char *id, const char *where)
{
	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("snapshot \"%s\" %s has no record any more", id, where),
				 errhint("Start the init again.")));
	if (strcmp(state[FILES_PHASE], "failed") == 0 ||
		strcmp(state[FILES_PHASE], "cancelled") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot \"%s\" %s has ended: %s", id, where,
						state[FILES_PHASE]),
				 state[FILES_ERROR] ?
				 errdetail_internal("%s", state[FILES_ERROR]) : 0,
				 errhint("Mend that, and start the init again.")));
	steep_progress_table(state[FILES_TABLE] ? state[FILES_TABLE] : "");
	steep_progress_set_units((uint64) (strtod(state[FILES_PERCENT], NULL) * 100),
							 10000);
	return strcmp(state[FILES_PHASE], "complete") == 0;
}

static bool
is_written(void *arg)
{
	Export	   *export = arg;
	const char *id[] = {export->snapshot_id};

	steep_wire_check(export->wire);
	return steep_files_show(steep_peer_row(export->session->peer,
										   steep_files_progress_sql(SITE_PEER),
										   id),
							id[0], "of the source");
}

/* Have the files written, however often that was begun before. */
static void
export_files(Session *session, void *arg)
{
	Export	   *export = arg;

	export->session = session;
	if (export->again)
	{
		steep_files_discard(session, export->init->slot);
		steep_init_drop_slot(session, SITE_PEER, export->init->slot);
	}
	export->wire = steep_wire_connect(steep_init_source_address(export->init));
	start_export(export);
	TEST_POINT("files-exporting");
	steep_init_wait_until(is_written, export);
	steep_wire_close(export->wire);
}

/* Unless this node creates what is missing, the tables have to be here. */
static void
check_schema(const Init *init)
{
	const char *mode = steep_init_text(init, "schema");

	if (mode != NULL && strcmp(mode, "auto") != 0)
		steep_drift_settle(steep_init_source_address(init),
						   steep_init_tables(init), steep_drift_mode(mode));
}

/* Create the slot on the source, and have it write the files. */
void
steep_files_export(StepContext *step)
{
	Export		export = {
		.init = steep_init_load(step->job->init_id),
		.again = step->attempt > 1 || step->job->attempt > 1,
	};
	const char *values[] = {export.init->id, NULL};

	check_schema(export.init);
	steep_progress_phase("exporting");
	steep_hold_begin();
	PG_TRY();
	{
		steep_session_look(steep_init_source_address(export.init),
						   export_files, &export);
	}
	PG_FINALLY();
	{
		steep_hold_end();
	}
	PG_END_TRY();
	values[1] = export.snapshot_id;
	steep_init_record_lsn(export.init, export.lsn);
	(void) steep_books_none(&record_snapshot, values, NIL);
}
