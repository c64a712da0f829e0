/*-------------------------------------------------------------------------
 *
 * helper_main.c
 *		The worker that runs steps of one job, one after the other.
 *
 * It leaves when there is none it could start now; the leader starts another
 * when there is.  After a failed step it leaves too: a new process has no
 * half-open connection to a peer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/testpoint.h"
#include "worker/worker.h"

/* What the helper needs to know of its job to claim steps. */
static Job *
read_job(const JobSlot *slot)
{
	Job		   *job;

	steep_worker_begin(TopMemoryContext);
	TEST_POINT("helper_start");
	job = steep_ledger_running_job(slot->job);
	steep_worker_commit(TopMemoryContext);
	return job;
}

void
steep_helper_main(Datum arg)
{
	SlotAddress address = steep_worker_address();
	JobSlot    *slot;
	Job		   *job;

	steep_worker_signals();
	slot = steep_helper_attach(&address);
	if (slot == NULL)
		return;
	steep_worker_connect(slot);
	job = read_job(slot);
	while (job != NULL && steep_helper_wanted() &&
		   steep_step_run(slot, job, address.helper) == STEP_COMPLETE)
		CHECK_FOR_INTERRUPTS();
}
