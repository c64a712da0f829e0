/*-------------------------------------------------------------------------
 *
 * init_cancel.c
 *		SQL functions that end the init of a node, or wait for its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "jobs/audit.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/init.h"

PG_FUNCTION_INFO_V1(steep_repl_cancel_init);
PG_FUNCTION_INFO_V1(steep_repl_wait_init);

static const Statement lock_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the node's init",
	.text = "SELECT may, init_state, init_id, job, operation, job_runs\n"
	"FROM steep_repl.lock_init($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement find_job = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the job of the node's init",
	.text = "SELECT may, job FROM steep_repl.find_init_job($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "oid", "bigint"},
};

/* The columns of lock_init. */
enum
{
	LAST_MAY,
	LAST_STATE,
	LAST_INIT,
	LAST_JOB,
	LAST_OPERATION,
	LAST_RUNS
};

/* Find the last init of a node, which the caller may end. */
static char **
find_last(const char *node)
{
	const char *values[] = {node, psprintf("%u", GetUserId())};
	char	  **last = steep_books_row(&lock_init, values);
	InitState	state;

	if (last == NULL)
		steep_node_report_unknown(node);
	if (!steep_books_bool(last[LAST_MAY]))
		steep_init_deny(node);
	state = steep_init_state_parse(last[LAST_STATE]);
	if (last[LAST_INIT] == NULL || state == NODE_SYNCHRONIZED ||
		state == NODE_UNINITIALIZED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" is not being initialised", node),
				 errdetail("It is %s.", last[LAST_STATE])));
	return last;
}

/*
 * cancel_init(p_node_id text)
 *
 * A job that runs is cancelled, and its end submits one that removes what it
 * has made; after one that has failed that is submitted here.
 */
Datum
steep_repl_cancel_init(PG_FUNCTION_ARGS)
{
	const char *node = steep_node_argument(fcinfo, 0);
	char	  **last;

	steep_job_check();
	last = find_last(node);
	if (!steep_books_bool(last[LAST_RUNS]))
	{
		steep_init_enqueue_clean(last[LAST_INIT]);
		steep_audit_note(GetUserNameFromId(GetUserId(), false), "init.cancel",
						 last[LAST_INIT], NULL, NULL);
	}
	else if (strcmp(last[LAST_OPERATION], INIT_CLEAN) != 0)
		(void) steep_job_cancel(last[LAST_JOB]);
	PG_RETURN_DATUM(steep_init_node_record(node));
}

/*
 * Find the job of a node's init, later than another, that the caller may know
 * of; "0" if there is none.
 */
static int64
next_job(const char *node, int64 after)
{
	const char *values[] = {
		node, psprintf("%u", GetUserId()), steep_books_number(after)
	};
	char	  **row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_books_row(&find_job, values);
	PopActiveSnapshot();
	if (row == NULL)
		steep_node_report_unknown(node);
	if (!steep_books_bool(row[0]))
		steep_init_deny(node);
	return steep_books_integer(row[1]);
}

/*
 * wait_init(p_node_id text, p_timeout_seconds int)
 *
 * After a job that was cancelled comes another, which is waited for, too.
 */
Datum
steep_repl_wait_init(PG_FUNCTION_ARGS)
{
	const char *node = steep_node_argument(fcinfo, 0);
	int			timeout = PG_ARGISNULL(1) ? 86400 : PG_GETARG_INT32(1);
	TimestampTz deadline = GetCurrentTimestamp() + timeout * USECS_PER_SEC;
	int64		job = 0;

	while ((job = next_job(node, job)) != 0)
	{
		TimestampTz left = deadline - GetCurrentTimestamp();

		steep_job_wait(job, (int) (Max(left, 0) / USECS_PER_SEC));
	}
	PG_RETURN_DATUM(steep_init_node_record(node));
}
