/*-------------------------------------------------------------------------
 *
 * queue.c
 *		Submit and cancel jobs.
 *
 * What other processes are to do about it waits for the commit: the launcher
 * is woken, and the workers of a cancelled job are interrupted, by a
 * callback, as core wakes its launcher of logical replication.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "jobs/audit.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "jobs/slot.h"

#define MAX_PENDING_JOBS 10000
#define DEFAULT_MAX_ATTEMPTS 5

PG_FUNCTION_INFO_V1(steep_repl_cancel_operation);
PG_FUNCTION_INFO_V1(steep_repl_prune_work_queue);

/* A job that this transaction wants interrupted when it commits. */
typedef struct Cancel
{
	int64		job;
	SubTransactionId subid;
} Cancel;

static bool submitted = false;	/* in this transaction */
static List *cancelled = NIL;	/* Cancel * in TopTransactionContext */

static const Statement has_pending_jobs = {
	SITE_LOCAL, true, "count the pending jobs",
	"SELECT steep_repl.has_pending_jobs($1)",
	NULL, 1, {"bigint"}
};

static const Statement enqueue_job = {
	SITE_LOCAL, true, "add a job",
	"SELECT steep_repl.enqueue_job($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	NULL, 9, {"text", "text", "text", "jsonb", "oid", "text", "integer", "integer", "text"}
};

static const Statement enqueue_step = {
	SITE_LOCAL, true, "add a step",
	"SELECT steep_repl.enqueue_step($1, $2, $3, $4, $5, $6, $7, $8)",
	NULL, 8, {"bigint", "integer", "integer", "text", "text", "jsonb", "bigint", "boolean"}
};

static const Statement find_job = {
	SITE_LOCAL, true, "find the operation",
	"SELECT " STEEP_JOB_COLUMNS ", steep_repl.may_manage($3, owner)"
	" FROM steep_repl.find_job($1, $2)",
	NULL, 3, {"text", "bigint[]", "oid"}
};

static const Statement request_cancel = {
	SITE_LOCAL, true, "ask for the end of the operation",
	"SELECT steep_repl.request_cancel($1)",
	NULL, 1, {"bigint"}
};

static const Statement prune_jobs = {
	SITE_LOCAL, true, "forget ended operations",
	"SELECT steep_repl.prune_jobs($1, $2)",
	NULL, 2, {"oid", "interval"}
};

/* Tell the other processes what this transaction has decided. */
static void
at_commit(void)
{
	ListCell   *cell;

	foreach(cell, cancelled)
		steep_slots_cancel(((Cancel *) lfirst(cell))->job);
	if ((submitted || cancelled != NIL) && steep_jobs != NULL)
		steep_slots_wake(MyDatabaseId, 0);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (submitted || cancelled != NIL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has submitted or cancelled an operation")));
			return;
		case XACT_EVENT_COMMIT:
			at_commit();
			break;
		case XACT_EVENT_ABORT:
			break;
		default:
			return;
	}
	submitted = false;
	cancelled = NIL;
}

/*
 * Forget what a subtransaction cancelled that is rolled back, and those
 * within it: their numbers are higher than its own.
 */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(cell, cancelled)
	{
		if (((Cancel *) lfirst(cell))->subid >= subid)
			cancelled = foreach_delete_current(cancelled, cell);
	}
}

/* Have the functions above called, once in the life of this session. */
static void
watch_transaction(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	registered = true;
}

/* Refuse what needs the background workers where there can be none. */
void
steep_job_check(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("operations cannot be submitted during recovery"),
				 errhint("Connect to the primary server, or promote this one.")));
	if (steep_jobs == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("background work needs steep_repl to be preloaded"),
				 errhint("Add this line to postgresql.conf and restart the server: shared_preload_libraries = 'steep_repl'")));
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot submit an operation within a security-restricted operation")));
}

/* Refuse a number of workers that no job can have. */
void
steep_job_check_parallel(int parallel)
{
	if (parallel < 1 || parallel > STEEP_MAX_PARALLEL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parallel must be between 1 and %d",
						STEEP_MAX_PARALLEL)));
}

static void
check_limits(const JobSpec *spec)
{
	const char *limit = steep_books_number(MAX_PENDING_JOBS);

	if (steep_operation_find(spec->operation) == NULL)
		elog(ERROR, "unknown operation \"%s\"", spec->operation);
	steep_job_check_parallel(spec->parallel);
	if (strcmp(steep_local_value(&has_pending_jobs, &limit, NIL), "t") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many operations are pending"),
				 errdetail("At most %d can wait.", MAX_PENDING_JOBS),
				 errhint("Wait for some to end, or cancel them with steep_repl.cancel_operation().")));
}

static void
add_step(int64 job, int seq, const StepSpec *step)
{
	const char *values[] = {
		steep_books_number(job), steep_books_number(step->stage),
		steep_books_number(seq), step->kind, step->target, step->params,
		steep_books_number(Max(step->weight, 1)),
		step->twofold ? "true" : "false"
	};

	(void) steep_local_none(&enqueue_step, values, NIL);
}

/*
 * Add a job and its steps (a list of StepSpec) to the queue; returns its id.
 *
 * The job belongs to the current user.  It starts when the transaction
 * commits, and is as if it had never been when it does not.
 */
int64
steep_job_enqueue(const JobSpec *spec, List *steps)
{
	Oid			owner = GetUserId();	/* before we act as another */
	char	   *owner_name = GetUserNameFromId(owner, false);
	const char *values[] = {
		spec->operation, spec->merge_id, spec->snapshot_id, spec->params,
		steep_books_number(owner), owner_name,
		steep_books_number(spec->parallel),
		steep_books_number(spec->max_attempts > 0 ?
						   spec->max_attempts : DEFAULT_MAX_ATTEMPTS),
		spec->init_id
	};
	int			seq = 0;
	Books		books;
	int64		id;
	ListCell   *cell;

	steep_job_check();
	watch_transaction();
	books = steep_books_open();
	check_limits(spec);
	id = pg_strtoint64(steep_local_value(&enqueue_job, values, NIL));
	foreach(cell, steps)
		add_step(id, ++seq, lfirst(cell));
	steep_audit_submit(spec, id, owner_name);
	steep_books_close(books);
	submitted = true;
	return id;
}

/* Have jobs started at commit that this transaction has added in SQL. */
void
steep_job_wake(void)
{
	watch_transaction();
	submitted = true;
}

/*
 * Add a step to the job of the running one, in a later stage.
 *
 * It comes to be when the running step commits.  Steps of a stage start in
 * the order in which one step added them.
 */
void
steep_job_add_step(const StepContext *step, const StepSpec *spec)
{
	static int64 last_step = 0;
	static int	seq = 0;
	Books		books = steep_books_open();

	if (spec->stage <= step->stage)
		elog(ERROR, "step of stage %d cannot add one to stage %d",
			 step->stage, spec->stage);
	if (last_step != step->id)
		seq = 0;
	last_step = step->id;
	add_step(step->job->id, ++seq, spec);
	steep_books_close(books);
}

/* Have the workers of a running job interrupted at commit. */
static void
cancel_at_commit(int64 id)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Cancel	   *cancel = palloc(sizeof(Cancel));

	cancel->job = id;
	cancel->subid = GetCurrentSubTransactionId();
	cancelled = lappend(cancelled, cancel);
	MemoryContextSwitchTo(old);
	watch_transaction();
}

/*
 * Cancel one job; false if it has ended.
 *
 * One that waits for another attempt ends at once, unless the peer may have
 * committed a step of it: then a worker has to find out first.
 */
static bool
cancel_job(const Job *job)
{
	const char *value = steep_books_number(job->id);
	char	   *status = steep_local_value(&request_cancel, &value, NIL);

	if (status == NULL)
		return false;
	if (strcmp(status, "pending") == 0)
		return steep_ledger_finish(job, JOB_CANCELLED, NULL);
	cancel_at_commit(job->id);
	return true;
}

/* Find a job that the caller may cancel; NULL if there is no other one. */
static Job *
find_own_job(const char *id, const int64 *seen, int nseen, Oid caller)
{
	const char *values[] = {
		id, steep_books_list(seen, nseen), steep_books_number(caller)
	};
	char	  **row = steep_local_row(&find_job, values, NIL);

	if (row == NULL && nseen == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("operation \"%s\" does not exist", id),
				 errhint("steep_repl.list_operations() lists them.")));
	if (row != NULL && strcmp(row[STEEP_JOB_NCOLUMNS], "t") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to cancel operation \"%s\"", id),
				 errdetail("Only roles with the privileges of its owner \"%s\", or of the owner of steep_repl, may cancel it.",
						   row[7])));
	return steep_books_job(row);
}

/*
 * Cancel the jobs with this number, or with this merge, snapshot or init id,
 * or what waits there for a person; false if all has ended before.
 */
bool
steep_job_cancel(const char *id)
{
	Oid			caller = GetUserId();	/* before we act as another */
	char	   *caller_name = GetUserNameFromId(caller, false);
	int64		seen[STEEP_MAX_HELPERS];
	bool		any = false;
	Books		books = steep_books_open();

	if (steep_operations_give_up(id, caller))
	{
		steep_books_close(books);
		return true;
	}
	for (int i = 0; i < (int) lengthof(seen); i++)
	{
		Job		   *job = find_own_job(id, seen, i, caller);

		if (job == NULL || !cancel_job(job))
			break;
		steep_audit_cancel(job, caller_name);
		seen[i] = job->id;
		any = true;
	}
	steep_books_close(books);
	return any;
}

Datum
steep_repl_cancel_operation(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(steep_job_cancel(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

Datum
steep_repl_prune_work_queue(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();	/* before we act as another */
	Books		books = steep_books_open();
	Datum		older_than = DirectFunctionCall1(interval_out, PG_GETARG_DATUM(0));
	const char *values[] = {
		steep_books_number(caller), DatumGetCString(older_than)
	};
	int64		pruned = pg_strtoint64(steep_local_value(&prune_jobs, values, NIL));

	steep_books_close(books);
	PG_RETURN_INT64(pruned);
}
