/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		What the workers write down about jobs and steps.
 *
 * Each function calls one of the SQL functions under "Jobs" in the install
 * script.  A step may have run the code of other roles before (a trigger,
 * say, that changed search_path), so the settings are pinned for each call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "jobs/audit.h"
#include "jobs/ledger.h"

static const Statement give_up_job = {
	SITE_LOCAL, true, "give up a job",
	"SELECT " STEEP_JOB_COLUMNS ", status, error_sqlstate, error_message, error_detail, error_hint"
	" FROM steep_repl.give_up_job($1, $2)",
	NULL, 2, {"bigint[]", "bigint[]"}
};

static const Statement recover_jobs = {
	SITE_LOCAL, true, "recover the jobs",
	"SELECT steep_repl.recover_jobs($1, $2)",
	NULL, 2, {"bigint[]", "bigint[]"}
};

static const Statement next_pending_job = {
	SITE_LOCAL, true, "find a pending job",
	"SELECT " STEEP_JOB_COLUMNS " FROM steep_repl.next_pending_job($1)",
	NULL, 1, {"bigint[]"}
};

static const Statement queue_outlook = {
	SITE_LOCAL, true, "look ahead in the queue",
	"SELECT p_any, p_next_seconds FROM steep_repl.queue_outlook()",
	NULL, 0, {NULL}
};

static const Statement owner_problem = {
	SITE_LOCAL, true, "check the job's owner",
	"SELECT steep_repl.owner_problem($1, $2)",
	NULL, 2, {"oid", "text"}
};

static const Statement claim_job = {
	SITE_LOCAL, true, "claim the job",
	"SELECT " STEEP_JOB_COLUMNS " FROM steep_repl.claim_job($1, $2)",
	NULL, 2, {"bigint", "integer"}
};

static const Statement review_job = {
	SITE_LOCAL, true, "review the job",
	"SELECT p_exists, p_cancel, p_failed, p_claimable, p_running, p_unfinished, p_wait_seconds,"
	" p_weight_total, p_weight_done, p_rows, p_bytes"
	" FROM steep_repl.review_job($1, $2)",
	NULL, 2, {"bigint", "integer[]"}
};

static const Statement note_fruit = {
	SITE_LOCAL, true, "note that the job goes on",
	"SELECT steep_repl.note_fruit($1)",
	NULL, 1, {"bigint"}
};

static const Statement step_error = {
	SITE_LOCAL, true, "read why a step failed",
	"SELECT p_sqlstate, p_message, p_detail, p_hint, p_context FROM steep_repl.step_error($1)",
	NULL, 1, {"bigint"}
};

static const Statement finish_job = {
	SITE_LOCAL, true, "record how the job ended",
	"SELECT steep_repl.finish_job($1, $2, $3, $4, $5, $6, $7)",
	NULL, 7, {"bigint", "text", "text", "text", "text", "text", "text"}
};

static const Statement running_job = {
	SITE_LOCAL, true, "read the job",
	"SELECT " STEEP_JOB_COLUMNS " FROM steep_repl.running_job($1)",
	NULL, 1, {"bigint"}
};

static const Statement claim_step = {
	SITE_LOCAL, true, "claim a step",
	"SELECT id, stage, kind, target, params, attempt, weight,"
	" coalesce(attempt - 1 > settled, false), coalesce(attempt > settle_after, false)"
	" FROM steep_repl.claim_step($1, $2)",
	NULL, 2, {"bigint", "integer"}
};

static const Statement complete_step = {
	SITE_LOCAL, true, "record a complete step",
	"SELECT steep_repl.complete_step($1, $2, $3, $4)",
	NULL, 4, {"bigint", "integer", "bigint", "bigint"}
};

static const Statement fail_step = {
	SITE_LOCAL, true, "record a failed step",
	"SELECT steep_repl.fail_step($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	NULL, 9, {"bigint", "integer", "boolean", "text", "text", "text", "text", "text", "text"}
};

/*
 * End one of the jobs that have lost their workers and are not to be tried
 * again; NULL if there is none left.  Says how and why it ended.
 */
Job *
steep_ledger_give_up(const char *live, const char *lost, JobStatus *status,
					 JobError *error)
{
	const char *values[] = {live, lost};
	char	  **row = steep_books_row(&give_up_job, values);

	if (row == NULL)
		return NULL;
	*status = strcmp(row[STEEP_JOB_NCOLUMNS], "cancelled") == 0 ?
		JOB_CANCELLED : JOB_FAILED;
	error->sqlstate = row[STEEP_JOB_NCOLUMNS + 1];
	error->message = row[STEEP_JOB_NCOLUMNS + 2];
	error->detail = row[STEEP_JOB_NCOLUMNS + 3];
	error->hint = row[STEEP_JOB_NCOLUMNS + 4];
	error->context = NULL;
	return steep_books_job(row);
}

/* Put the other jobs that have lost their workers back into the queue. */
void
steep_ledger_recover(const char *live, const char *lost)
{
	const char *values[] = {live, lost};

	(void) steep_books_row(&recover_jobs, values);
}

/* Find the job that is to start next, but for those in "skip". */
Job *
steep_ledger_next_pending(const char *skip)
{
	return steep_books_job(steep_books_row(&next_pending_job, &skip));
}

/*
 * Is there any job in this database, ended or not?  Also tells how many
 * seconds from now a job is due for another attempt, or -1.
 */
bool
steep_ledger_outlook(double *wait)
{
	char	  **row = steep_books_row(&queue_outlook, NULL);

	*wait = row[1] ? Max(strtod(row[1], NULL), 0) : -1;
	return steep_books_bool(row[0]);
}

/* Say why a job can't run as the role that submitted it, or NULL. */
char *
steep_ledger_owner_problem(const Job *job)
{
	const char *values[] = {steep_books_number(job->owner), job->owner_name};
	char	  **row = steep_books_row(&owner_problem, values);

	return row[0];
}

/* Mark a pending job running; NULL if it is not pending any more. */
Job *
steep_ledger_claim_job(int64 id)
{
	const char *values[] = {
		steep_books_number(id), steep_books_number(MyProcPid)
	};

	return steep_books_job(steep_books_row(&claim_job, values));
}

/*
 * Take back the steps of helpers that have gone ("busy" lists the numbers of
 * the others) and say how the job stands.  False if it runs no more.
 */
bool
steep_ledger_review(int64 id, const char *busy, Review *review)
{
	const char *values[] = {steep_books_number(id), busy};
	char	  **row = steep_books_row(&review_job, values);

	review->exists = steep_books_bool(row[0]);
	review->cancel = steep_books_bool(row[1]);
	review->failed = steep_books_integer(row[2]);
	review->claimable = steep_books_integer(row[3]);
	review->running = steep_books_integer(row[4]);
	review->unfinished = steep_books_integer(row[5]);
	review->wait = row[6] ? Max(strtod(row[6], NULL), 0) : -1;
	review->weight_total = steep_books_integer(row[7]);
	review->weight_done = steep_books_integer(row[8]);
	review->rows = steep_books_integer(row[9]);
	review->bytes = steep_books_integer(row[10]);
	return review->exists;
}

/* A step has completed, so the job's attempts count anew. */
void
steep_ledger_note_fruit(int64 id)
{
	const char *value = steep_books_number(id);

	(void) steep_books_row(&note_fruit, &value);
}

/* Read why a step failed. */
void
steep_ledger_step_error(int64 step, JobError *error)
{
	const char *value = steep_books_number(step);
	char	  **row = steep_books_row(&step_error, &value);

	error->sqlstate = row[0];
	error->message = row[1];
	error->detail = row[2];
	error->hint = row[3];
	error->context = row[4];
}

/*
 * Note that a job has ended, and tell its operation.  Whatever goes wrong
 * there, the job has ended, so that happens in a subtransaction of its own.
 */
void
steep_ledger_call_end(const Job *job, JobStatus status, const JobError *error)
{
	const Operation *operation = steep_operation_find(job->operation);
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	steep_audit_end(job, status, error);
	if (operation == NULL || operation->end == NULL)
		return;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		Books		books = steep_books_open();

		operation->end(job, status, error);
		steep_books_close(books);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not tell operation \"%s\" that its job " INT64_FORMAT " has ended: %s",
						job->operation, job->id, edata->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* Record how a job ended, unless it has ended before. */
bool
steep_ledger_finish(const Job *job, JobStatus status, const JobError *error)
{
	static const JobError none = {0};
	const JobError *why = error ? error : &none;
	const char *values[] = {
		steep_books_number(job->id), steep_job_status_name(status),
		why->sqlstate, why->message, why->detail, why->hint, why->context
	};
	char	  **row = steep_books_row(&finish_job, values);

	if (row == NULL || !steep_books_bool(row[0]))
		return false;
	steep_ledger_call_end(job, status, error);
	return true;
}

/* Read a job that is running; NULL if it is not any more. */
Job *
steep_ledger_running_job(int64 id)
{
	const char *value = steep_books_number(id);

	return steep_books_job(steep_books_row(&running_job, &value));
}

/* Mark a job's next step running; NULL if none can start now. */
StepContext *
steep_ledger_claim_step(Job *job, int helper)
{
	const char *values[] = {
		steep_books_number(job->id), steep_books_number(helper)
	};
	char	  **row = steep_books_row(&claim_step, values);
	StepContext *step;

	if (row == NULL)
		return NULL;
	step = palloc0(sizeof(StepContext));
	step->job = job;
	step->id = steep_books_integer(row[0]);
	step->stage = (int) steep_books_integer(row[1]);
	step->kind = row[2];
	step->target = row[3];
	step->params = row[4];
	step->attempt = (int) steep_books_integer(row[5]);
	step->weight = steep_books_integer(row[6]);
	step->in_doubt = steep_books_bool(row[7]);
	step->settle = steep_books_bool(row[8]);
	return step;
}

/*
 * Mark a step complete.  An error if it is not ours any more: then what it
 * did in this transaction must not stay.
 */
void
steep_ledger_complete_step(const StepContext *step, uint64 rows, uint64 bytes)
{
	const char *values[] = {
		steep_books_number(step->id), steep_books_number(step->attempt),
		steep_books_number(rows), steep_books_number(bytes)
	};
	char	  **row = steep_books_row(&complete_step, values);

	if (row == NULL || !steep_books_bool(row[0]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("step " INT64_FORMAT " of job " INT64_FORMAT " is not running any more",
						step->id, step->job->id)));
}

/*
 * Mark a step failed or cancelled, or pending for another attempt; the latter
 * also if nobody knows yet whether the peer has committed.
 */
void
steep_ledger_fail_step(const StepContext *step, JobStatus status,
					   const JobError *error)
{
	const char *values[] = {
		steep_books_number(step->id), steep_books_number(step->attempt),
		step->in_doubt || step->decided ? "false" : "true",
		steep_job_status_name(status), error->sqlstate, error->message,
		error->detail, error->hint, error->context
	};

	(void) steep_books_row(&fail_step, values);
}
