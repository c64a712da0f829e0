/*-------------------------------------------------------------------------
 *
 * worker.c
 *		What the background workers have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/pinned.h"
#include "worker/worker.h"

/*
 * Ask the postmaster for a worker; false if all its places are taken.  We
 * are signalled when it starts and ends.  The handle lives for ever, or
 * until the caller frees it.
 */
bool
steep_worker_start(const char *function, const char *type, int64 job,
				   Datum arg, const SlotAddress *address,
				   BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;
	MemoryContext old;
	bool		registered;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_type, BGW_MAXLEN, "steep_repl %s", type);
	if (job != 0)
		snprintf(worker.bgw_name, BGW_MAXLEN,
				 "steep_repl %s of job " INT64_FORMAT, type, job);
	else
		memcpy(worker.bgw_name, worker.bgw_type, BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "steep_repl");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "%s", function);
	worker.bgw_main_arg = arg;
	if (address != NULL)
		memcpy(worker.bgw_extra, address, sizeof(SlotAddress));
	worker.bgw_notify_pid = MyProcPid;

	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, handle);
	MemoryContextSwitchTo(old);
	return registered;
}

/* Take signals as a backend does. */
void
steep_worker_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
}

/* Read which place this worker was started for. */
SlotAddress
steep_worker_address(void)
{
	SlotAddress address;

	memcpy(&address, MyBgworkerEntry->bgw_extra, sizeof(address));
	return address;
}

/*
 * Connect to a database as a job's owner, and as nobody else: the
 * role's own settings may name another role.
 */
void
steep_worker_connect_as(Oid database, Oid role)
{
	BackgroundWorkerInitializeConnectionByOid(database, role, 0);
	steep_pin_session();
	if (GetSessionUserId() != role || GetUserId() != role)
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("settings of the job's owner make its sessions run as another role")));
}

/* Connect to the job's database as its owner. */
void
steep_worker_connect(const JobSlot *slot)
{
	steep_worker_connect_as(slot->database, slot->owner);
}

/* Begin a short transaction whose results go to "context". */
void
steep_worker_begin(MemoryContext context)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
}

/* Commit it. */
void
steep_worker_commit(MemoryContext context)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * In a PG_CATCH block: log the error, roll back, and return what to write
 * down about it.
 */
JobError *
steep_worker_take_error(MemoryContext context)
{
	ErrorData  *edata;
	JobError   *error;

	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	EmitErrorReport();
	edata = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction(); /* also if a subtransaction has failed */
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();

	error = palloc0(sizeof(JobError));
	error->sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
	error->message = edata->message;
	error->detail = edata->detail;
	error->hint = edata->hint;
	error->context = edata->context;
	return error;
}

/*
 * Is it worth trying again?  Yes if another transaction, the connection to
 * the peer or a lack of places for connections was the cause.
 */
bool
steep_worker_is_transient(const JobError *error)
{
	static const char *const states[] = {
		"40001",				/* serialization_failure */
		"40P01",				/* deadlock_detected */
		"53300",				/* too_many_connections */
		"55P03",				/* lock_not_available */
		"57P01",				/* admin_shutdown */
		"57P02",				/* crash_shutdown */
		"57P03",				/* cannot_connect_now */
	};

	if (strncmp(error->sqlstate, "08", 2) == 0)
		return true;			/* connection exceptions */
	for (int i = 0; i < (int) lengthof(states); i++)
	{
		if (strcmp(error->sqlstate, states[i]) == 0)
			return true;
	}
	return false;
}

/* Say, at most once a minute, that the server has no place for a worker. */
void
steep_worker_warn_exhausted(void)
{
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (last != 0 && !TimestampDifferenceExceeds(last, now, 60000))
		return;
	last = now;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("steep_repl could not start a background worker"),
			 errdetail("All places are taken; work goes on with fewer, or waits."),
			 errhint("Increase max_worker_processes, which is %d.",
					 max_worker_processes)));
}

/* Wait until somebody sets our latch, or for a while. */
void
steep_worker_wait(long timeout_ms, const char *event)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = WaitEventExtensionNew(event);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}
