/*-------------------------------------------------------------------------
 *
 * init_merge.c
 *		The steps of an init that merge, and wait for merges.
 *
 * Each merge is an operation of its own, with a record of its own: so its
 * decisions can be looked at, and undone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/image.h"
#include "catalog/pg_type.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_merge.h"
#include "ops/merge.h"

#define LOOK_MS 500				/* between two looks at a merge */

static const Statement find_merge = {
	.site = SITE_LOCAL,
	.purpose = "see how the merge stands",
	.text = "SELECT merge_id, status, error, planned, unsettled, job\n"
	"FROM steep_repl.init_merge($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement record_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the merge",
	.text = "SELECT steep_repl.record_init_merge($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

static const Statement forget_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget the merge",
	.text = "SELECT steep_repl.forget_init_merge($1, $2)",
	.nparams = 2,
	.params = {"int8", "text"},
};

/* The options of an init that are those of its merges. */
static const char *const passed_on[] = {
	"strategies", "modified_column", "tie"
};

/* Plan what the method does. */
void
steep_init_plan_merge(List **steps)
{
	steep_init_plan_step(steps, INIT_STAGE_SCHEMA, "schema");
	steep_init_plan_step(steps, INIT_STAGE_COPY, "publish_back");
	steep_init_plan_step(steps, INIT_STAGE_FINISH, "await_merge");
	steep_init_plan_step(steps, INIT_STAGE_SUBSCRIBE, "subscribe");
	steep_init_plan_step(steps, INIT_STAGE_MUTUAL, "subscribe_back");
	steep_init_plan_step(steps, INIT_STAGE_CATCHUP, "catchup_both");
	steep_init_plan_step(steps, INIT_STAGE_SETTLE, "settle");
	steep_init_plan_step(steps, INIT_STAGE_AWAIT, "await_merge");
	steep_init_plan_step(steps, INIT_STAGE_CONCLUDE, "conclude");
}

/* See how the last merge of an init stands; NULL if there is none yet. */
char	  **
steep_init_find_merge(const char *init)
{
	return steep_books_row(&find_merge, &init);
}

/* The init has ended before its merge: end that, too. */
void
steep_init_cancel_merge(const char *init)
{
	char	  **merge = steep_init_find_merge(init);

	if (merge != NULL && merge[AWAITED_JOB] != NULL)
		(void) steep_job_cancel(merge[AWAITED_JOB]);
}

/*
 * The job begins again: if the merge was not planned yet, the snapshots have
 * gone, and it begins anew with slots.
 */
void
steep_init_start_over_merge(const Job *job)
{
	const char *values[] = {steep_books_number(job->id), job->init_id};
	char	  **row = steep_books_row(&forget_merge, values);

	if (row != NULL && row[0] != NULL)
		(void) steep_job_cancel(row[0]);
}

/* Make the options of a merge: some of the init's, and those given. */
static Jsonb *
merge_options(const Init *init, const char *const *more)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < (int) lengthof(passed_on); i++)
	{
		if (getKeyJsonValueFromContainer(&init->options->root, passed_on[i],
										 strlen(passed_on[i]), &value) == NULL)
			continue;
		steep_image_push(&state, WJB_KEY, pstrdup(passed_on[i]));
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	for (; more[0] != NULL; more += 2)
	{
		steep_image_push(&state, WJB_KEY, pstrdup(more[0]));
		if (more[1] != NULL)
			steep_image_push(&state, WJB_VALUE, pstrdup(more[1]));
		else
		{
			value.type = jbvBool;
			value.val.boolean = true;
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Submit a merge of the init's tables, as the job's owner. */
static void
submit(const StepContext *step, const char *const *options)
{
	const Init *init = steep_init_load(step->job->init_id);
	const char *strategy = steep_init_text(init, "strategy");
	Datum		tables = OidInputFunctionCall(F_ARRAY_IN,
											  unconstify(char *, init->tables),
											  TEXTOID, -1);
	const char *values[] = {init->id, NULL};

	steep_progress_phase("merging");
	values[1] = steep_merge_submit(steep_init_source_address(init),
								   DatumGetArrayTypeP(tables),
								   strategy ? strategy : "prefer-remote",
								   merge_options(init, options));
	(void) steep_books_none(&record_merge, values, NIL);
}

/* Step "merge" begins: wait for the snapshots. */
void
steep_init_begin_merge(StepContext *step)
{
	step->result = steep_hold_await();
}

/* Step "merge": submit a merge that is planned from the snapshots held. */
void
steep_init_merge(StepContext *step)
{
	char	   *here = step->result;
	char	   *there = strchr(here, ' ');
	const char *options[] = {
		"local_snapshot", here, "peer_snapshot", there + 1, NULL
	};

	*there = '\0';
	submit(step, options);
}

/* Step "settle": submit a merge of what differs for good. */
void
steep_init_settle(StepContext *step)
{
	static const char *const options[] = {"await_replication", NULL, NULL};

	submit(step, options);
}

/*
 * Step "await_merge" begins.  The worker counts as one that only holds
 * something: if it took one of steep_repl.max_workers, the merge might wait
 * for it for ever.
 */
void
steep_init_begin_wait(StepContext *step)
{
	steep_hold_begin();
}

/* Wait for the next look, without a snapshot. */
static void
rest(void)
{
	PopActiveSnapshot();
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_MS, WaitEventExtensionNew("SteepReplInit"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	PushActiveSnapshot(GetLatestSnapshot());
}

static void
check_complete(char **merge)
{
	if (strcmp(merge[AWAITED_STATUS], "complete") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("merge \"%s\" of the init is %s", merge[AWAITED_ID],
					merge[AWAITED_STATUS]),
			 merge[AWAITED_ERROR] ? errdetail("%s", merge[AWAITED_ERROR]) : 0,
			 errhint("See to what keeps the nodes from being merged, and start the init again.")));
}

/* Step "await_merge": wait until the merge is applied. */
void
steep_init_await_merge(StepContext *step)
{
	char	  **merge;

	steep_progress_phase("merging");
	while ((merge = steep_init_find_merge(step->job->init_id)) != NULL &&
		   merge[AWAITED_JOB] != NULL)
		rest();
	if (merge == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the merge of the init has no record any more"),
				 errhint("Start the init again.")));
	check_complete(merge);
	steep_hold_end();
}

/* Step "conclude": both nodes are equal, or some rows would not come to rest. */
void
steep_init_conclude(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	char	  **merge = steep_init_find_merge(init->id);
	int64		unsettled = steep_books_integer(merge[AWAITED_UNSETTLED]);
	char	   *error = NULL;

	if (unsettled > 0)
		error = psprintf("%lld rows were changed on both nodes all the while, and may differ\n"
						 "HINT:  steep_repl.merge_decisions shows them as stale in merge %s. Merge the tables with the option await_replication when these rows are at rest.",
						 (long long) unsettled, merge[AWAITED_ID]);
	steep_init_move(init->node, NODE_CATCHING_UP,
					unsettled > 0 ? NODE_DIVERGED : NODE_SYNCHRONIZED,
					step->job->owner_name, NULL, error);
}
