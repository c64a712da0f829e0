/*-------------------------------------------------------------------------
 *
 * report.c
 *		Show jobs and their progress to SQL.
 *
 * The slots are read first and the tables after, with a newer snapshot: a
 * job that ends in between is seen as ended, never as vanished.  Monitors
 * see the state of other roles' jobs, but not what an error says about data.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "jobs/ledger.h"
#include "jobs/report.h"
#include "jobs/slot.h"

PG_FUNCTION_INFO_V1(steep_repl_list_operations);
PG_FUNCTION_INFO_V1(steep_repl_merge_progress);
PG_FUNCTION_INFO_V1(steep_repl_snapshot_progress);
PG_FUNCTION_INFO_V1(steep_repl_init_progress);

#define SLOT_COLUMNS 11

static const Statement list_operations = {
	SITE_LOCAL, true, "list the operations",
	"SELECT q.id, q.operation, coalesce(q.merge_id, q.snapshot_id, q.init_id), q.status,"
	" coalesce(s.phase, CASE q.status WHEN 'pending' THEN 'queued' ELSE q.status END),"
	" coalesce(s.percent, CASE WHEN q.status = 'complete' THEN 100 ELSE 0 END),"
	" q.owner_name, q.attempt, q.created_at, q.started_at, q.completed_at,"
	" CASE WHEN r.own THEN q.error_message ELSE 'SQLSTATE ' || q.error_sqlstate END"
	" FROM steep_repl.work_queue AS q"
	" LEFT JOIN slots AS s ON s.job = q.id AND q.status = 'running'"
	" CROSS JOIN LATERAL (SELECT pg_has_role($1, q.owner, 'USAGE') OR steep_repl.is_admin($1) AS own) AS r"
	" WHERE (r.own OR pg_has_role($1, 'pg_monitor', 'USAGE'))"
	" AND ($2 IS NULL OR q.status = $2)"
	" ORDER BY q.id DESC"
	" LIMIT $3",
	NULL, 3, {"oid", "text", "integer"}
};

static const Statement merge_progress = {
	SITE_LOCAL, true, "read the progress",
	STEEP_PROGRESS_QUERY("merge_id"),
	NULL, 2, {"oid", "text"}
};

static const Statement snapshot_progress = {
	SITE_LOCAL, true, "read the progress",
	STEEP_PROGRESS_QUERY("snapshot_id"),
	NULL, 2, {"oid", "text"}
};

/* A node without a job shows what its last init has copied. */
static const Statement init_progress = {
	SITE_LOCAL, true, "read the progress",
	"SELECT n.node_id, n.init_state,"
	" coalesce(s.phase, CASE q.status WHEN 'pending' THEN 'queued' END, n.init_state),"
	" coalesce(s.percent, CASE WHEN n.init_state = 'synchronized' THEN 100 ELSE 0 END),"
	" coalesce(s.tables_completed, CASE WHEN i.status = 'complete' THEN cardinality(i.tables) END),"
	" coalesce(s.tables_total, cardinality(i.tables)), s.current_table,"
	" coalesce(s.rows, i.rows), coalesce(s.bytes, i.bytes), s.lag, s.eta_seconds,"
	" CASE WHEN r.own THEN coalesce(n.init_error, s.error)"
	" WHEN n.init_error IS NOT NULL THEN 'SQLSTATE ' || q.error_sqlstate END"
	" FROM steep_repl.nodes AS n"
	" LEFT JOIN steep_repl.inits AS i ON i.init_id = n.init_id"
	" LEFT JOIN LATERAL (SELECT * FROM steep_repl.work_queue AS w"
	"   WHERE w.init_id = i.init_id ORDER BY w.id DESC LIMIT 1) AS q ON true"
	" LEFT JOIN slots AS s ON s.job = q.id AND q.status = 'running'"
	" CROSS JOIN LATERAL (SELECT i.owner IS NULL OR steep_repl.may_manage($1, i.owner) AS own) AS r"
	" WHERE ($2 IS NULL OR n.node_id = $2)"
	" AND (r.own OR pg_has_role($1, 'pg_monitor', 'USAGE'))"
	" ORDER BY n.node_id",
	NULL, 2, {"oid", "text"}
};

/* Make an empty spool "slots" for what is in shared memory. */
static Spool *
create_slot_spool(void)
{
	Spool	   *spool = steep_spool_create("slots");

	spool->desc = CreateTemplateTupleDesc(SLOT_COLUMNS);
	TupleDescInitEntry(spool->desc, 1, "job", INT8OID, -1, 0);
	TupleDescInitEntry(spool->desc, 2, "phase", TEXTOID, -1, 0);
	TupleDescInitEntry(spool->desc, 3, "percent", FLOAT8OID, -1, 0);
	TupleDescInitEntry(spool->desc, 4, "tables_completed", INT4OID, -1, 0);
	TupleDescInitEntry(spool->desc, 5, "tables_total", INT4OID, -1, 0);
	TupleDescInitEntry(spool->desc, 6, "current_table", TEXTOID, -1, 0);
	TupleDescInitEntry(spool->desc, 7, "bytes", INT8OID, -1, 0);
	TupleDescInitEntry(spool->desc, 8, "eta_seconds", INT4OID, -1, 0);
	TupleDescInitEntry(spool->desc, 9, "error", TEXTOID, -1, 0);
	TupleDescInitEntry(spool->desc, 10, "rows", INT8OID, -1, 0);
	TupleDescInitEntry(spool->desc, 11, "lag", INT8OID, -1, 0);
	return spool;
}

static void
put_slot(Spool *spool, const SlotView *view)
{
	const ProgressView *progress = &view->progress;
	bool		nulls[SLOT_COLUMNS] = {false};
	Datum		values[SLOT_COLUMNS] = {
		Int64GetDatum(view->job),
		CStringGetTextDatum(progress->texts.phase),
		Float8GetDatum(progress->percent),
		Int32GetDatum(progress->tables_completed),
		Int32GetDatum(progress->tables_total),
		CStringGetTextDatum(progress->texts.table),
		Int64GetDatum(progress->bytes),
		Int32GetDatum(progress->eta_seconds),
		CStringGetTextDatum(progress->texts.error),
		Int64GetDatum(progress->rows),
		Int64GetDatum(progress->lag)
	};

	nulls[5] = (progress->texts.table[0] == '\0');
	nulls[7] = (progress->eta_seconds < 0);
	nulls[8] = (progress->texts.error[0] == '\0');
	nulls[10] = (progress->lag < 0);
	tuplestore_putvalues(spool->store, spool->desc, values, nulls);
	spool->nrows++;
}

/* Copy this database's slots, as rows that SQL text calls "slots". */
static Spool *
read_slots(void)
{
	Spool	   *spool = create_slot_spool();
	SlotView   *views;
	int			count;

	if (steep_jobs == NULL)
		return spool;
	views = palloc(steep_jobs->nslots * sizeof(SlotView));
	count = steep_slots_read(views);
	for (int i = 0; i < count; i++)
		put_slot(spool, &views[i]);
	pfree(views);
	return spool;
}

/*
 * Return the rows of a statement, which may read "slots" and runs as the
 * extension's owner, from a SQL function.
 */
Datum
steep_report_return(FunctionCallInfo fcinfo, const Statement *statement,
					const char *const *values)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Books		books;
	Spool	   *slots;
	Spool	   *rows;
	MemoryContext old;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		(result->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	slots = read_slots();
	rows = steep_spool_create("result");
	books = steep_books_open();
	steep_local_rows(statement, values, list_make1(slots), rows);
	steep_books_close(books);
	steep_spool_end(slots);
	result->returnMode = SFRM_Materialize;
	result->setResult = rows->store;
	result->setDesc = rows->desc;
	MemoryContextSwitchTo(old);
	return (Datum) 0;
}

static void
check_status(const char *status)
{
	for (int i = JOB_PENDING; i <= JOB_CANCELLED; i++)
	{
		if (strcmp(status, steep_job_status_name(i)) == 0)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown status \"%s\"", status),
			 errhint("It is one of pending, running, complete, failed, cancelled.")));
}

Datum
steep_repl_list_operations(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		steep_books_number(GetUserId()),
		PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)),
		PG_ARGISNULL(1) ? NULL : steep_books_number(PG_GETARG_INT32(1))
	};

	if (values[1] != NULL)
		check_status(values[1]);
	return steep_report_return(fcinfo, &list_operations, values);
}

/* Return the progress of one operation, or of all of its kind. */
static Datum
report_progress(FunctionCallInfo fcinfo, const Statement *statement)
{
	const char *values[] = {
		steep_books_number(GetUserId()),
		PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0))
	};

	return steep_report_return(fcinfo, statement, values);
}

Datum
steep_repl_merge_progress(PG_FUNCTION_ARGS)
{
	return report_progress(fcinfo, &merge_progress);
}

Datum
steep_repl_snapshot_progress(PG_FUNCTION_ARGS)
{
	return report_progress(fcinfo, &snapshot_progress);
}

Datum
steep_repl_init_progress(PG_FUNCTION_ARGS)
{
	return report_progress(fcinfo, &init_progress);
}
