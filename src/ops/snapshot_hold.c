/*-------------------------------------------------------------------------
 *
 * snapshot_hold.c
 *		The step of a snapshot that holds the database snapshot for all.
 *
 * It locks the tables before it takes the snapshot: so no table can be
 * emptied or rewritten in between, which would show it without rows.  That
 * takes the list of tables from the plan; if they have changed since, the job
 * plans again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/guc.h"
#include "base/testpoint.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/snapshot.h"

static const Statement record_facts = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record what the snapshot is of",
	.text = "SELECT steep_repl.record_snapshot_facts($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "pg_lsn", "jsonb"},
};

/* What is written down when all is done. */
typedef struct HoldResult
{
	char	   *lsn;
	char	   *facts;
} HoldResult;

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, ERROR, false);
}

/* Lock the tables, waiting no longer than steep_repl.lock_timeout for one. */
static void
lock_tables(const char *relids)
{
	char	   *list = pstrdup(relids);
	char	   *rest;

	set_local("lock_timeout", psprintf("%d", steep_guc_lock_timeout));
	for (char *relid = strtok_r(list, "{,}", &rest); relid != NULL;
		 relid = strtok_r(NULL, "{,}", &rest))
		LockRelationOid((Oid) strtoul(relid, NULL, 10), AccessShareLock);
	set_local("lock_timeout", "0");
}

/* Lock the tables; the snapshot is taken after that. */
void
steep_snapshot_begin_hold(StepContext *step)
{
	steep_hold_begin();
	if (step->attempt > 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the snapshot has gone with the worker that held it")));
	lock_tables(steep_snapshot_relids(step->params));
	XactIsoLevel = XACT_REPEATABLE_READ;
	XactReadOnly = true;
}

static void
check_plan(const StepContext *step)
{
	List	   *now = steep_snapshot_list_tables(steep_snapshot_relids(step->job->params));

	if (!steep_snapshot_same_tables(steep_snapshot_planned_tables(step->job->snapshot_id), now))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("tables have changed while the snapshot was planned")));
}

static bool
all_done(void *arg)
{
	return steep_hold_is_over(arg);
}

/* Take the snapshot and hold it until all its rows are written. */
void
steep_snapshot_hold(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	HoldResult *result = palloc0(sizeof(HoldResult));
	SnapshotSchema *schema;

	check_plan(step);
	steep_progress_phase("data");
	steep_hold_publish(ExportSnapshot(GetTransactionSnapshot()));
	TEST_POINT("snapshot-held");
	schema = steep_snapshot_write_schema(snapshot,
										 steep_snapshot_relids(step->job->params));
	result->facts = steep_snapshot_collect_facts(steep_snapshot_relids(step->params),
												 schema, &result->lsn);
	step->result = result;
	steep_hold_keep(all_done, step);
}

/* All rows are written: record what they are of. */
void
steep_snapshot_record_hold(StepContext *step)
{
	const HoldResult *result = step->result;
	const char *values[] = {
		step->job->snapshot_id, result->lsn, result->facts
	};

	(void) steep_local_none(&record_facts, values, NIL);
	steep_hold_end();
}
