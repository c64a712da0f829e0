/*-------------------------------------------------------------------------
 *
 * init_direct_hold.c
 *		The step of a direct init that makes the slot, and holds its snapshot.
 *
 * All is done over one wire, in one transaction on the source: it locks the
 * tables before it makes the slot, so that none can be emptied or rewritten
 * before the snapshot is taken, and then exports that to the wires that copy.
 * As one session has the locks and waits for other transactions to end, the
 * source sees a deadlock with one of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "base/guc.h"
#include "base/testpoint.h"
#include "generate/catalog_sql.h"
#include "generate/copy_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_direct.h"

static const Statement read_params = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read what was planned",
	.text = "SELECT $1 ->> 'relids', $1 ->> 'state'",
	.nparams = 1,
	.params = {"jsonb"},
};

static const Statement is_locked_out = {
	.site = SITE_LOCAL,
	.purpose = "see whether a worker is locked out",
	.text = "SELECT EXISTS (SELECT FROM steep_repl.work_steps\n"
	"  WHERE job_id = $1 AND kind = 'load' AND status = 'pending'\n"
	"    AND error_sqlstate = '55P03')",
	.nparams = 1,
	.params = {"bigint"},
};

/* What is looked at while the snapshot is held. */
typedef struct Holding
{
	const StepContext *step;
	Wire	   *wire;
} Holding;

/*
 * Pin the session of a wire to the source, and begin to read with the tables
 * locked: nobody can alter them until the wire ends.
 *
 * Each wire locks them all.  Else somebody who waits to alter one would keep
 * those from it that come later, until all others had gone.
 */
void
steep_direct_begin(const Init *init, Wire *wire)
{
	steep_wire_none(wire, steep_session_path_sql());
	steep_wire_none(wire, steep_session_pin_sql());
	steep_wire_none(wire, steep_session_patient_sql());
	steep_wire_none(wire, steep_session_read_sql());
	steep_wire_none(wire, steep_session_lock_timeout_sql(steep_guc_lock_timeout));
	steep_wire_none(wire, steep_copy_lock_sql(steep_init_tables(init)));
	steep_wire_none(wire, steep_session_lock_timeout_sql(0));
}

/* The tables must be those that were planned; by now they can't change. */
static void
check_plan(const StepContext *step, Wire *wire)
{
	char	  **planned = steep_local_row(&read_params, &step->params, NIL);
	char	   *now = steep_wire_value(wire, steep_copy_state_sql(SITE_PEER),
									   (const char *const *) planned);

	if (now == NULL || strcmp(now, planned[1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("tables of the source have changed while the copy was planned")));
}

/*
 * A worker that has lost its wire can't lock the tables anew if somebody waits
 * to alter one: who does waits for us.  Then all of us have to let go.
 */
static void
check_locks(const StepContext *step)
{
	const char *values[] = {steep_books_number(step->job->id)};
	char	  **row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_books_row(&is_locked_out, values);
	PopActiveSnapshot();
	if (steep_books_bool(row[0]))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("somebody waits on the source to alter a table that is copied")));
}

/* Are all rows here?  An error if the source has gone. */
static bool
is_over(void *arg)
{
	const Holding *holding = arg;

	steep_wire_check(holding->wire);
	check_locks(holding->step);
	return steep_hold_is_over(holding->step);
}

/*
 * Make the slot, and hold its snapshot until all rows are copied.  Meanwhile
 * this node's tables may be vacuumed: no snapshot of theirs is held.
 */
void
steep_direct_hold(StepContext *step)
{
	Init	   *init = steep_init_load(step->job->init_id);
	Holding		holding = {.step = step};
	char	   *lsn;

	steep_hold_begin();
	if (step->attempt > 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the snapshot has gone with the worker that held it")));
	steep_progress_phase("copying");
	holding.wire = steep_wire_connect(steep_init_source_address(init));
	steep_direct_begin(init, holding.wire);
	TEST_POINT("direct-slot");
	steep_wire_use_slot(holding.wire, init->slot, &lsn);
	check_plan(step, holding.wire);
	steep_hold_publish(steep_wire_value(holding.wire, steep_copy_export_sql(),
										NULL));
	TEST_POINT("direct-held");
	PopActiveSnapshot();
	steep_hold_keep(is_over, &holding);
	PushActiveSnapshot(GetLatestSnapshot());
	steep_init_record_lsn(init, lsn);
	steep_wire_close(holding.wire);
	steep_hold_end();
}
