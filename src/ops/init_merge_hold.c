/*-------------------------------------------------------------------------
 *
 * init_merge_hold.c
 *		The step that makes a slot on each node, and holds the snapshots.
 *
 * Each snapshot shows what its slot will not send.  They are exported to the
 * merge, whose plan imports them, and gone with this step: so it stays until
 * all tables are planned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "base/testpoint.h"
#include "generate/catalog_sql.h"
#include "generate/subscription_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_merge.h"
#include "run/local_slot.h"
#include "run/wire.h"

/*
 * Step "hold_slots" begins: make the slot here, named by its target, and read
 * from where it starts.
 */
void
steep_init_begin_slots(StepContext *step)
{
	steep_hold_begin();
	if (step->attempt > 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the snapshots have gone with the worker that held them")));
	XactIsoLevel = XACT_REPEATABLE_READ;
	XactReadOnly = true;
	steep_local_slot_create(step->target);
}

static void
drop_slot(Session *session, void *arg)
{
	const Init *init = arg;

	(void) steep_peer_value(session->peer, steep_slot_drop_sql(), &init->slot);
}

/* Has the merge read all that it is to read of the snapshots? */
static bool
is_planned(void *arg)
{
	const StepContext *step = arg;
	char	  **merge;

	PushActiveSnapshot(GetLatestSnapshot());
	merge = steep_init_find_merge(step->job->init_id);
	PopActiveSnapshot();
	return merge != NULL && steep_books_bool(merge[AWAITED_PLANNED]);
}

/* Step "hold_slots": make the other slot, and hold the snapshots of both. */
void
steep_init_hold_slots(StepContext *step)
{
	Init	   *init;
	PeerAddress *address;
	Wire	   *wire;
	char	   *lsn;
	char	   *there;

	steep_progress_phase("copying");
	PushActiveSnapshot(GetLatestSnapshot());
	init = steep_init_load(step->job->init_id);
	address = steep_init_source_address(init);
	steep_session_look(address, drop_slot, init);
	PopActiveSnapshot();
	wire = steep_wire_connect(address);
	steep_wire_none(wire, steep_session_patient_sql());
	there = steep_wire_create_slot(wire, init->slot, &lsn);
	steep_hold_publish(psprintf("%s %s",
								ExportSnapshot(GetTransactionSnapshot()), there));
	TEST_POINT("init-slots-held");
	steep_hold_keep(is_planned, step);
	steep_wire_close(wire);
	step->result = lsn;
}

/* All is planned: record where the slot of the source starts. */
void
steep_init_record_slots(StepContext *step)
{
	steep_init_record_lsn(steep_init_load(step->job->init_id), step->result);
	steep_hold_end();
}
