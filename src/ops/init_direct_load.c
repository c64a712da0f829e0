/*-------------------------------------------------------------------------
 *
 * init_direct_load.c
 *		The steps of a direct init that copy rows.
 *
 * A worker keeps its wire from step to step: the transaction there reads the
 * snapshot of the slot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "base/testpoint.h"
#include "generate/apply_sql.h"
#include "generate/copy_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_direct.h"
#include "run/copyin.h"

static const Statement list_chunks = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read what to copy",
	.text = "SELECT c ->> 'schema', c ->> 'name', c ->> 'columns', c ->> 'first', c ->> 'last',\n"
	"       c ->> 'format' = 'binary'\n"
	"FROM jsonb_array_elements($1 -> 'chunks') c",
	.nparams = 1,
	.params = {"jsonb"},
};

static const Statement count_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "count the tables that are copied",
	.text = "SELECT count(*), count(*) FILTER (WHERE t.done)\n"
	"FROM (SELECT bool_and(w.status = 'complete') AS done\n"
	"      FROM steep_repl.work_steps w, jsonb_array_elements(w.params -> 'chunks') c\n"
	"      WHERE w.job_id = $1 AND w.kind = 'load'\n"
	"      GROUP BY c ->> 'schema', c ->> 'name') t",
	.nparams = 1,
	.params = {"bigint"},
};

/* The columns of list_chunks. */
enum
{
	CHUNK_SCHEMA,
	CHUNK_NAME,
	CHUNK_COLUMNS,
	CHUNK_FIRST,
	CHUNK_LAST,
	CHUNK_BINARY
};

/* Show how many tables are done, as the last steps have recorded it. */
static void
show_tables(const StepContext *step)
{
	const char *values[] = {steep_books_number(step->job->id)};
	char	  **row = steep_books_row(&count_tables, values);

	steep_progress_tables(atoi(row[0]), atoi(row[1]));
}

/*
 * Have a wire read a snapshot.  It may have gone just now, before we were told
 * so: then the job starts over, as it does of that.
 */
static void
import(Wire *wire, const char *snapshot)
{
	PG_TRY();
	{
		steep_wire_none(wire, steep_copy_import_sql(snapshot));
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_INVALID_PARAMETER_VALUE &&
			code != ERRCODE_UNDEFINED_OBJECT)
			PG_RE_THROW();
		FlushErrorState();
		steep_hold_report_lost();
	}
	PG_END_TRY();
}

/*
 * Have a wire that reads the snapshot which is held.  This node's is let go
 * while we wait for that.
 */
static Wire *
open_wire(const Init *init)
{
	char	   *snapshot;
	Wire	   *wire;

	PopActiveSnapshot();
	snapshot = steep_hold_await();
	PushActiveSnapshot(GetTransactionSnapshot());
	wire = steep_wire_kept(snapshot);
	if (wire != NULL)
		return wire;
	wire = steep_wire_connect_plain(steep_init_source_address(init));
	steep_direct_begin(init, wire);
	import(wire, snapshot);
	steep_wire_keep(wire, snapshot);
	return wire;
}

/* Give COPY the next bytes (a CopyInSource). */
static int
give_rows(void *wire, void *buffer, int room)
{
	int			length = steep_wire_copy_read(wire, buffer, room);

	steep_progress_add_bytes(length);
	steep_progress_add_units(length);
	TEST_POINT("direct-load");
	return length;
}

static void
load_chunk(Wire *wire, char **chunk)
{
	List	   *columns = steep_image_names(chunk[CHUNK_COLUMNS]);
	bool		binary = steep_books_bool(chunk[CHUNK_BINARY]);
	uint64		rows;

	steep_progress_table(steep_sql_name(chunk[CHUNK_SCHEMA], chunk[CHUNK_NAME]));
	steep_wire_copy_begin(wire, steep_copy_stream_sql(chunk[CHUNK_SCHEMA],
													  chunk[CHUNK_NAME], columns,
													  chunk[CHUNK_FIRST],
													  chunk[CHUNK_LAST],
													  binary));
	rows = steep_copyin_run(chunk[CHUNK_SCHEMA], chunk[CHUNK_NAME], columns,
							binary, give_rows, wire);
	steep_wire_copy_end(wire);
	steep_progress_add_rows(rows);
}

/* Copy the rows of a part. */
void
steep_direct_load(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	Spool	   *spool = steep_spool_create("chunks");
	Wire	   *wire = open_wire(init);
	ListCell   *cell;

	show_tables(step);
	steep_progress_units(step->weight);
	(void) steep_local_none(steep_apply_quiet_sql(), NULL, NIL);
	steep_local_rows(&list_chunks, &step->params, NIL, spool);
	foreach(cell, steep_spool_texts(spool))
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "steep_repl chunk",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		load_chunk(wire, lfirst(cell));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	steep_spool_end(spool);
}
