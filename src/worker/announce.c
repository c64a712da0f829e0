/*-------------------------------------------------------------------------
 *
 * announce.c
 *		Tell listeners of steep_repl_progress how far a job is.
 *
 * A message leaves at a commit, and each such commit takes a lock of the
 * whole cluster: so the leader sends them, at most one a second but for
 * changes of state.  Anybody can send on the channel; a message is a hint.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/async.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/worker.h"

#define INTERVAL_MS 1000

static TimestampTz sent_at = 0;
static char *last_message = NULL;
static char last_phase[NAMEDATALEN] = "";

/* Send a message in its own transaction; if that fails, nobody minds. */
static void
send_message(const char *message, MemoryContext context)
{
	PG_TRY();
	{
		steep_worker_begin(context);
		Async_Notify("steep_repl_progress", message);
		steep_worker_commit(context);
	}
	PG_CATCH();
	{
		(void) steep_worker_take_error(context);
	}
	PG_END_TRY();
	sent_at = GetCurrentTimestamp();
	if (last_message != NULL)
		pfree(last_message);
	last_message = MemoryContextStrdup(TopMemoryContext, message);
}

/*
 * Tell listeners how far the job is, if that has changed: at once when its
 * phase or status has, otherwise once a second.
 */
void
steep_announce(JobSlot *slot, MemoryContext context, JobStatus status)
{
	ProgressView view;
	char	   *message;

	steep_slot_view(slot, &view);
	if (status == JOB_COMPLETE)
		view.percent = 100;
	message = steep_progress_json(&view, steep_job_status_name(status));
	if (last_message != NULL && strcmp(last_message, message) == 0)
		return;
	if (status == JOB_RUNNING &&
		strcmp(last_phase, view.texts.phase) == 0 &&
		!TimestampDifferenceExceeds(sent_at,
									GetCurrentTimestamp(), INTERVAL_MS))
		return;
	memcpy(last_phase, view.texts.phase, sizeof(last_phase));
	send_message(message, context);
}
