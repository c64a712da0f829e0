/*-------------------------------------------------------------------------
 *
 * snapshot_discard.c
 *		The SQL function that removes what was written for a replication slot.
 *
 * An init of another node has its source write a snapshot that fits its slot.
 * Without the slot the files are of no use.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/snapshot.h"

PG_FUNCTION_INFO_V1(steep_repl_discard_snapshots);

static const Statement slot_snapshots = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list the slot's snapshots",
	.text = "SELECT snapshot_id, runs FROM steep_repl.slot_snapshots($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement mark_discarded = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that the files are removed",
	.text = "SELECT steep_repl.mark_discarded($1, $2)",
	.nparams = 2,
	.params = {"text", "boolean"},
};

/* Is a snapshot of another id in the directory by now? */
static bool
is_replaced(const FileSnapshot *snapshot)
{
	const DirectoryPlace *place = steep_snapshot_place(snapshot->path,
													   SNAPSHOT_CLEAN);
	Directory  *directory;
	Manifest   *manifest;
	Failure		failure;
	bool		replaced = false;

	if (!steep_directory_open(place, &directory, &failure))
		return false;
	if (steep_manifest_read(directory, &manifest, &failure))
	{
		replaced = strcmp(manifest->snapshot_id, snapshot->id) != 0;
		steep_manifest_free(manifest);
	}
	steep_directory_close(directory);
	return replaced;
}

/* Remove the files of a snapshot whose job has ended. */
static void
discard(const char *id)
{
	const FileSnapshot *snapshot = steep_snapshot_load(id);
	bool		left = !is_replaced(snapshot) &&
		!steep_snapshot_remove(snapshot);
	const char *values[] = {id, left ? "true" : "false"};

	(void) steep_books_none(&mark_discarded, values, NIL);
}

/* discard_snapshots(p_slot_name text) */
Datum
steep_repl_discard_snapshots(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		text_to_cstring(PG_GETARG_TEXT_PP(0)), psprintf("%u", GetUserId())
	};
	int			running = 0;
	ListCell   *cell;

	foreach(cell, steep_books_rows(&slot_snapshots, values))
	{
		char	  **row = lfirst(cell);

		if (steep_books_bool(row[1]))
		{
			running++;
			(void) steep_job_cancel(row[0]);
		}
		else
			discard(row[0]);
	}
	PG_RETURN_INT32(running);
}
