/*-------------------------------------------------------------------------
 *
 * merge_report.c
 *		SQL functions that wait for a merge and tell of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "jobs/report.h"
#include "ops/merge.h"

PG_FUNCTION_INFO_V1(steep_repl_wait_merge);
PG_FUNCTION_INFO_V1(steep_repl_list_merges);
PG_FUNCTION_INFO_V1(steep_repl_merge_summary);
PG_FUNCTION_INFO_V1(steep_repl_merge_sql);
PG_FUNCTION_INFO_V1(steep_repl_merge_conflicts);

static const Statement read_merge = {
	.site = SITE_LOCAL,
	.purpose = "read the merge",
	.text = "SELECT * FROM steep_repl.merge_audit_log WHERE merge_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement find_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the merge",
	.text = "SELECT * FROM steep_repl.find_merge($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement list_merges = {
	.site = SITE_LOCAL,
	.purpose = "list the merges",
	.text = "SELECT m.* FROM steep_repl.merge_audit_log m\n"
	"WHERE steep_repl.may_manage($1, m.owner)\n"
	"ORDER BY m.created_at DESC, m.merge_id DESC LIMIT $2",
	.nparams = 2,
	.params = {"oid", "integer"},
};

static const Statement summarize = {
	.site = SITE_LOCAL,
	.purpose = "count the decisions",
	.text = "SELECT d.table_name, d.category, d.resolution, d.state, count(*)\n"
	"FROM steep_repl.merge_decisions d\n"
	"JOIN steep_repl.merge_tables t USING (merge_id, table_name)\n"
	"WHERE d.merge_id = $1\n"
	"GROUP BY t.seq, d.table_name, d.category, d.resolution, d.state\n"
	"ORDER BY t.seq, d.category, d.resolution, d.state",
	.nparams = 1,
	.params = {"text"},
};

static const Statement list_statements = {
	.site = SITE_LOCAL,
	.purpose = "list the statements",
	.text = "SELECT (row_number() OVER (ORDER BY s.phase, t.seq, s.seq))::int,\n"
	"       s.runs_on, s.purpose, s.statement\n"
	"FROM steep_repl.merge_statements s\n"
	"JOIN steep_repl.merge_tables t USING (merge_id, table_name)\n"
	"WHERE s.merge_id = $1 ORDER BY s.phase, t.seq, s.seq",
	.nparams = 1,
	.params = {"text"},
};

static const Statement list_conflicts = {
	.site = SITE_LOCAL,
	.purpose = "list the conflicts",
	.text = "SELECT d.* FROM steep_repl.merge_decisions d\n"
	"JOIN steep_repl.merge_tables t USING (merge_id, table_name)\n"
	"WHERE d.merge_id = $1 AND d.state = 'pending' ORDER BY t.seq, d.seq",
	.nparams = 1,
	.params = {"text"},
};

/* Read a merge's row as it is now, whatever our isolation level. */
Datum
steep_merge_record(const char *id)
{
	const char *values[] = {id};
	Books		books = steep_books_open();
	Datum		row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_local_record(&read_merge, values);
	PopActiveSnapshot();
	steep_books_close(books);
	return row;
}

/* Say how a merge stands, if the caller may know. */
char	  **
steep_merge_find(const char *id)
{
	const char *values[] = {id, psprintf("%u", GetUserId())};
	char	  **row = steep_merge_ask(&find_merge, values);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("merge \"%s\" does not exist", id),
				 errhint("steep_repl.list_operations() lists them.")));
	if (row[FOUND_MAY] == NULL || row[FOUND_MAY][0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for merge \"%s\"", id),
				 errhint("Ask as the role that started it.")));
	return row;
}

/* wait_merge(p_merge_id text, p_timeout_seconds int) */
Datum
steep_repl_wait_merge(PG_FUNCTION_ARGS)
{
	char	   *job = steep_merge_find(text_to_cstring(PG_GETARG_TEXT_PP(0)))[FOUND_JOB];

	if (job != NULL)
		steep_job_wait(strtoll(job, NULL, 10), PG_GETARG_INT32(1));
	PG_RETURN_DATUM(steep_merge_record(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* list_merges(p_limit int) */
Datum
steep_repl_list_merges(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		steep_books_number(GetUserId()),
		steep_books_number(PG_GETARG_INT32(0))
	};

	return steep_report_return(fcinfo, &list_merges, values);
}

/* Return what a statement over our own tables says of a merge. */
static Datum
report(FunctionCallInfo fcinfo, const Statement *statement)
{
	const char *values[] = {text_to_cstring(PG_GETARG_TEXT_PP(0))};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Books		books;
	Spool		spool = {.name = "result"};

	(void) steep_merge_find(values[0]);
	InitMaterializedSRF(fcinfo, 0);
	spool.store = result->setResult;
	spool.desc = result->setDesc;
	books = steep_books_open();
	steep_local_rows(statement, values, NIL, &spool);
	steep_books_close(books);
	return (Datum) 0;
}

/* merge_summary(p_merge_id text) */
Datum
steep_repl_merge_summary(PG_FUNCTION_ARGS)
{
	return report(fcinfo, &summarize);
}

/* merge_sql(p_merge_id text) */
Datum
steep_repl_merge_sql(PG_FUNCTION_ARGS)
{
	return report(fcinfo, &list_statements);
}

/* merge_conflicts(p_merge_id text) */
Datum
steep_repl_merge_conflicts(PG_FUNCTION_ARGS)
{
	return report(fcinfo, &list_conflicts);
}
