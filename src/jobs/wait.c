/*-------------------------------------------------------------------------
 *
 * wait.c
 *		Wait in a session until a job has ended.
 *
 * The wait is on a condition variable that is broadcast whenever a slot
 * becomes free; the tables are read only while the job has no slot, and then
 * with a fresh snapshot that is gone before the wait.  The statement that
 * called us holds its own snapshot all the same, as every statement does: a
 * wait of hours is better made of several shorter ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "jobs/slot.h"

#define LOOK_MS 1000			/* the most between two looks */

static const Statement job_status = {
	SITE_LOCAL, false, "read the job's status",
	"SELECT p_status, p_writer FROM steep_repl.job_status($1)",
	NULL, 1, {"bigint"}
};

/* Has the job ended?  Reads the truth, whatever our isolation level. */
static bool
has_ended(int64 id)
{
	const char *value = steep_books_number(id);
	Books		books = steep_books_open();
	char	  **row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_local_row(&job_status, &value, NIL);
	PopActiveSnapshot();
	steep_books_close(books);
	if (row[0] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("operation \"" INT64_FORMAT "\" does not exist", id)));
	if (strcmp(row[0], "pending") == 0 &&
		TransactionIdIsCurrentTransactionId(strtoul(row[1], NULL, 10)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("operation \"" INT64_FORMAT "\" starts only when this transaction commits",
						id),
				 errhint("Wait for it in a transaction of its own.")));
	return strcmp(row[0], "pending") != 0 && strcmp(row[0], "running") != 0;
}

static void
fail_timeout(int64 id, int timeout_seconds)
{
	ConditionVariableCancelSleep();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("operation \"" INT64_FORMAT "\" has not ended within %d seconds",
					id, timeout_seconds),
			 errhint("It goes on. Wait again, or end it with steep_repl.cancel_operation().")));
}

/*
 * Wait until a job has ended, however it does.  An error of SQLSTATE 55006
 * if it has not within the time.
 *
 * The caller has checked that the user may know of the job.
 */
void
steep_job_wait(int64 id, int timeout_seconds)
{
	TimestampTz deadline = GetCurrentTimestamp() +
		timeout_seconds * USECS_PER_SEC;
	uint32		event = WaitEventExtensionNew("SteepReplWait");

	steep_job_check();
	ConditionVariablePrepareToSleep(&steep_jobs->ended);
	while (steep_slots_have(id) || !has_ended(id))
	{
		if (GetCurrentTimestamp() >= deadline)
			fail_timeout(id, timeout_seconds);
		(void) ConditionVariableTimedSleep(&steep_jobs->ended, LOOK_MS, event);
	}
	ConditionVariableCancelSleep();
}
