/*-------------------------------------------------------------------------
 *
 * init_manual_hold.c
 *		The job that prepares a slot, and holds the snapshot that fits it.
 *
 * The wire that creates the slot holds the snapshot, from one step to the
 * next: both are run by one worker, which is marked as one that holds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "base/image.h"
#include "base/testpoint.h"
#include "generate/subscription_sql.h"
#include "jobs/hold.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_manual.h"
#include "run/wire.h"

#define KEPT_WIRE "prepared slot"

static const Statement new_slot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the slot that is to be prepared",
	.text = "SELECT steep_repl.new_slot($1, $2)",
	.nparams = 2,
	.params = {"jsonb", "oid"},
};

static const Statement read_params = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read which slot is prepared",
	.text = "SELECT $1 ->> 'slot'",
	.nparams = 1,
	.params = {"jsonb"},
};

static const Statement slot_prepared = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the slot",
	.text = "SELECT steep_repl.slot_prepared($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "pg_lsn", "text"},
};

static const Statement slot_released = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that the snapshot is not held any more",
	.text = "SELECT steep_repl.slot_released($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

/* Submit the job: record the slot before it is created. */
static void
submit(const char *params)
{
	JobSpec		job = {.operation = INIT_HOLD,.params = params,.parallel = 1};
	StepSpec	publish = {.stage = 1,.kind = "publish"};
	StepSpec	slot = {.stage = 2,.kind = "slot"};
	StepSpec	hold = {.stage = 3,.kind = "hold"};
	const char *values[] = {params, psprintf("%u", GetUserId())};

	if (steep_books_row(&new_slot, values)[0] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("the slot is being prepared by somebody else")));
	(void) steep_job_enqueue(&job, list_make3(&publish, &slot, &hold));
}

/* Find the slot that a job prepares; NULL if its record was removed. */
static PreparedSlot *
find_slot(const Job *job)
{
	return steep_manual_find_slot(steep_books_row(&read_params, &job->params)[0]);
}

/* The snapshot is gone; "error" is set if there was no slot yet. */
static void
release(const Job *job, const char *error)
{
	const char *values[] = {
		steep_books_row(&read_params, &job->params)[0], error
	};

	(void) steep_books_none(&slot_released, values, NIL);
}

static void
publish_there(Session *session, void *arg)
{
	const PreparedSlot *slot = arg;

	/* an attempt before this one may have committed there, and not here */
	steep_peer_none(session->peer,
					steep_publication_drop_sql(slot->publication), NULL);
	steep_peer_none(session->peer,
					steep_publication_create_sql(slot->publication,
												 steep_image_names(slot->tables)),
					NULL);
}

/* Publish the tables, unless the publication was there. */
static void
publish(StepContext *step)
{
	PreparedSlot *slot = find_slot(step->job);
	const RegisteredNode *node = steep_node_find(slot->node);
	Statement	create;

	steep_progress_phase("preparing");
	if (!slot->published)
		return;
	if (!node->local)
	{
		steep_session_look(steep_node_address(node), publish_there, slot);
		return;
	}
	create = *steep_publication_create_sql(slot->publication,
										   steep_image_names(slot->tables));
	create.site = SITE_LOCAL;
	create.writes = true;
	(void) steep_local_none(&create, NULL, NIL);
}

/* Drop what an attempt before this one has made. */
static void
drop_again(Session *session, void *arg)
{
	steep_init_drop_slot(session, SITE_PEER, ((const PreparedSlot *) arg)->name);
}

/* Create a slot on another node; returns the name of its snapshot. */
static char *
create_there(const PreparedSlot *slot, bool again, char **lsn)
{
	PeerAddress *address = steep_node_address(steep_node_find(slot->node));
	Wire	   *wire;
	char	   *snapshot;

	if (again)
		steep_session_look(address, drop_again, unconstify(PreparedSlot *, slot));
	wire = steep_wire_connect(address);
	steep_wire_keep(wire, KEPT_WIRE);
	PopActiveSnapshot();		/* others' transactions may last for hours */
	snapshot = steep_wire_create_slot(wire, slot->name, lsn);
	PushActiveSnapshot(GetLatestSnapshot());
	return snapshot;
}

/* Create a slot on this node, in a transaction that has written nothing. */
static void
create_here(const PreparedSlot *slot, bool again, char **lsn)
{
	Statement	drop = *steep_slot_drop_sql();
	Statement	create = *steep_slot_create_sql();

	drop.site = create.site = SITE_LOCAL;
	drop.writes = create.writes = true;
	if (again)
		(void) steep_local_value(&drop, &slot->name, NIL);
	*lsn = steep_local_value(&create, &slot->name, NIL);
}

/* Create the slot. */
static void
create_slot(StepContext *step)
{
	PreparedSlot *slot = find_slot(step->job);
	bool		again = step->attempt > 1 || step->job->attempt > 1;
	const char *values[] = {slot->name, NULL, NULL};
	char	   *lsn;

	TEST_POINT("manual-slot");
	steep_hold_begin();
	if (steep_node_find(slot->node)->local)
		create_here(slot, again, &lsn);
	else
		values[2] = create_there(slot, again, &lsn);
	TEST_POINT("manual-created");
	values[1] = lsn;
	(void) steep_books_none(&slot_prepared, values, NIL);
}

/* Has somebody used the slot, or dropped it? */
static bool
is_used(void *arg)
{
	const StepContext *step = arg;
	const PreparedSlot *slot = find_slot(step->job);

	steep_wire_check(steep_wire_kept(KEPT_WIRE));
	return slot == NULL || strcmp(slot->status, "prepared") != 0;
}

/* Hold the snapshot for as long as the slot is not used. */
static void
hold(StepContext *step)
{
	steep_progress_phase("holding");
	if (steep_wire_kept(KEPT_WIRE) != NULL)
		steep_init_wait_until(is_used, step);
	steep_wire_close_kept();
	steep_hold_end();
	release(step->job, NULL);
}

static void
run_step(StepContext *step)
{
	if (strcmp(step->kind, "publish") == 0)
		publish(step);
	else if (strcmp(step->kind, "slot") == 0)
		create_slot(step);
	else
		hold(step);
}

/* A job that begins again has lost its snapshot. */
static void
start(const Job *job)
{
	if (job->attempt > 1)
		release(job, NULL);
}

/* Without its job, a slot is not prepared any further. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	release(job, status == JOB_COMPLETE ? NULL :
			error ? steep_job_error_text(error) : "It was cancelled.");
}

const Operation steep_hold_operation = {
	.name = INIT_HOLD,
	.label = "init",
	.holds = true,
	.start = start,
	.run_step = run_step,
	.end = end,
	.submit = submit,
};
