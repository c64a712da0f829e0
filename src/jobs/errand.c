/*-------------------------------------------------------------------------
 *
 * errand.c
 *		Submit a job in a transaction of its own: the session's part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"

#include "jobs/errand.h"

/* Write down what is to be done. */
static dsm_segment *
write_errand(const char *operation, const char *params)
{
	dsm_segment *segment = dsm_create(offsetof(Errand, params) +
									  strlen(params) + 1, 0);
	Errand	   *errand = dsm_segment_address(segment);

	memset(errand, 0, offsetof(Errand, params));
	errand->database = MyDatabaseId;
	errand->role = GetUserId();
	strlcpy(errand->operation, operation, sizeof(errand->operation));
	strcpy(errand->params, params);
	return segment;
}

static BackgroundWorkerHandle *
start_worker(dsm_segment *segment)
{
	BackgroundWorker worker = {
		.bgw_name = "steep_repl errand",
		.bgw_type = "steep_repl errand",
		.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "steep_repl",
		.bgw_function_name = "steep_errand_main",
		.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment)),
		.bgw_notify_pid = MyProcPid,
	};
	BackgroundWorkerHandle *handle;

	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("steep_repl could not start a background worker"),
				 errhint("Increase max_worker_processes, which is %d.",
						 max_worker_processes)));
	return handle;
}

/* Pass on why it could not be done. */
static void
check_done(const Errand *errand)
{
	if (errand->done)
		return;
	if (errand->sqlstate == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("operation \"%s\" could not be submitted",
						errand->operation),
				 errhint("The server log says why; the role must be able to log in, and there must be connections left.")));
	ereport(ERROR,
			(errcode(errand->sqlstate),
			 errmsg_internal("%s", errand->message),
			 errand->hint[0] ? errhint("%s", errand->hint) : 0));
}

/*
 * Have an operation's job submitted by a worker, as the current role; returns
 * when that is committed.
 */
void
steep_errand_run(const char *operation, const char *params)
{
	dsm_segment *segment = write_errand(operation, params);
	BackgroundWorkerHandle *handle = start_worker(segment);

	if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("the postmaster has gone")));
	check_done(dsm_segment_address(segment));
	dsm_detach(segment);
}
