/*-------------------------------------------------------------------------
 *
 * init_subscribe.c
 *		The steps of an init that make its subscription, and wait for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_merge.h"
#include "run/subscription.h"

#define LOOK_MS 500				/* between two looks */
#define NEAR_LOOKS 6			/* what was read so many looks ago is applied:
								 * then it has caught up */

/* What a step that waits knows. */
typedef struct Follower
{
	const Init *init;
	Session    *session;
	int64		errors;			/* of the subscription, when we began to look */
	bool		begun;
	uint64		rows;			/* counted so far */
	uint64		bytes;
	uint64		total;			/* bytes that the source has */
	uint64		ahead[NEAR_LOOKS];	/* the source's log at the last looks */
	int			looks;
	int64		first_lag;		/* bytes; -1 = not known yet */
} Follower;

/* Make the subscription; its workers start at the commit. */
void
steep_init_subscribe(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	SubscriptionSpec spec = {
		.name = init->subscription,
		.publication = init->publication,
		.slot = init->slot,
		.copy = strcmp(init->method->name, "snapshot") == 0,
		.start = init->method->own ? steep_init_text(init, "lsn") : NULL,
		.no_origin = steep_init_is_mutual(init),
	};

	steep_progress_phase("subscribing");
	steep_subscription_create(&spec, steep_init_source_address(init));
	if (!spec.copy)
		steep_init_move(init->node,
						init->method->own ? NODE_PREPARING : NODE_COPYING,
						NODE_CATCHING_UP, step->job->owner_name, NULL, NULL);
}

/* Read how the subscription stands. */
static char **
read_state(const Follower *follower)
{
	const char *values[] = {follower->init->subscription};
	char	  **state = steep_local_row(steep_subscription_state_sql(), values,
										NIL);

	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" does not exist any more",
						follower->init->subscription),
				 errhint("Somebody has dropped it; start the init again.")));
	return state;
}

/* Give up on a subscription that does not get anywhere. */
static void
check_state(Follower *follower, char **state)
{
	int64		errors = steep_books_integer(state[SUBSCRIPTION_ERRORS]);

	if (!follower->begun)
		follower->errors = errors;
	follower->begun = true;
	if (!steep_books_bool(state[SUBSCRIPTION_ENABLED]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" is disabled",
						follower->init->subscription),
				 errhint("The server log says why, unless somebody has disabled it. ALTER SUBSCRIPTION ... ENABLE, or start the init again.")));
	if (errors > follower->errors + 2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" fails again and again",
						follower->init->subscription),
				 errdetail("Its workers have failed %lld times since the init looks at it.",
						   (long long) (errors - follower->errors)),
				 errhint("The server log of this node says why. Mend that, and start the init again.")));
}

/* Wait for the next look.  No snapshot is held meanwhile. */
static void
rest(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_MS, WaitEventExtensionNew("SteepReplInit"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Look again and again, until there is no more to wait for, each time with a
 * new snapshot.  Between them none is held: it would keep VACUUM from its work
 * for hours.
 */
void
steep_init_wait_until(bool (*done) (void *arg), void *arg)
{
	bool		ended;

	PopActiveSnapshot();
	for (;;)
	{
		pgstat_clear_snapshot();
		PushActiveSnapshot(GetLatestSnapshot());
		ended = done(arg);
		if (ended)
			return;
		PopActiveSnapshot();
		rest();
	}
}

/*
 * Show what the workers that copy tables have done.  Rows are counted from
 * what the tables had when we first looked.
 */
static void
show_copy(Follower *follower, char **state)
{
	uint64		rows = steep_books_integer(state[SUBSCRIPTION_ROWS]);
	uint64		bytes = steep_books_integer(state[SUBSCRIPTION_BYTES]);

	if (rows > follower->rows)
		steep_progress_add_rows(rows - follower->rows);
	if (bytes > follower->bytes)
		steep_progress_add_bytes(bytes - follower->bytes);
	follower->rows = Max(rows, follower->rows);
	follower->bytes = Max(bytes, follower->bytes);
	steep_progress_table(state[SUBSCRIPTION_TABLE] ? state[SUBSCRIPTION_TABLE] : "");
	steep_progress_tables(atoi(state[SUBSCRIPTION_RELATIONS]),
						  atoi(state[SUBSCRIPTION_READY]));
	steep_progress_set_units(follower->bytes, follower->total);
}

static bool
is_copied(void *arg)
{
	Follower   *follower = arg;
	char	  **state = read_state(follower);

	check_state(follower, state);
	show_copy(follower, state);
	return strcmp(state[SUBSCRIPTION_RELATIONS], state[SUBSCRIPTION_READY]) == 0;
}

/* Learn how much there is to copy, and watch it. */
static void
watch_copy(Session *session, void *arg)
{
	Follower   *follower = arg;
	const char *names[] = {follower->init->tables};

	follower->total = steep_books_integer(steep_peer_value(session->peer,
														   steep_publish_size_sql(),
														   names));
	steep_init_wait_until(is_copied, follower);
}

/* Wait until the subscription's own workers have copied all tables. */
void
steep_init_copy(StepContext *step)
{
	Follower	follower = {.init = steep_init_load(step->job->init_id)};

	steep_progress_phase("copying");
	steep_session_look(steep_init_source_address(follower.init), watch_copy,
					   &follower);
	steep_init_move(follower.init->node,
					strcmp(step->job->operation, INIT_REINIT) == 0 ?
					NODE_REINITIALIZING : NODE_COPYING,
					NODE_CATCHING_UP, step->job->owner_name, NULL, NULL);
}

/* A slot that has lost what it needs cannot be caught up with. */
static void
check_slot(const Follower *follower, char **position)
{
	if (position[1] != NULL && strcmp(position[2], "lost") != 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("slot \"%s\" on node \"%s\" is %s", follower->init->slot,
					steep_peer_label(follower->session->peer),
					position[1] == NULL ? "gone" : "lost"),
			 position[1] == NULL ?
			 errdetail("Somebody has dropped it.") :
			 errdetail("The source has removed log that was not sent yet: max_slot_wal_keep_size."),
			 errhint("Start the init again.")));
}

/* Show how far it is, by what there was to catch up with at first. */
static void
show_lag(Follower *follower, int64 lag)
{
	steep_progress_lag(lag);
	if (follower->first_lag < 0)
		follower->first_lag = lag;
	if (lag > follower->first_lag)
		follower->first_lag = lag;
	steep_progress_set_units(follower->first_lag - lag,
							 Max(follower->first_lag, 1));
}

/*
 * Has all been applied that was in the source's log a moment ago?  A source
 * that is written to is never caught up with any more than that.
 */
static bool
is_near(void *arg)
{
	Follower   *follower = arg;
	const char *values[] = {follower->init->slot};
	char	  **position;
	uint64		now;
	uint64		confirmed;
	uint64	   *before = &follower->ahead[follower->looks % NEAR_LOOKS];
	bool		near;

	check_state(follower, read_state(follower));
	position = steep_peer_row(follower->session->peer,
							  steep_publish_position_sql(), values);
	check_slot(follower, position);
	now = strtoull(position[0], NULL, 10);
	confirmed = strtoull(position[1], NULL, 10);
	show_lag(follower, now > confirmed ? (int64) (now - confirmed) : 0);
	near = confirmed >= now ||
		(follower->looks >= NEAR_LOOKS && confirmed >= *before);
	*before = now;
	follower->looks++;
	return near;
}

static void
follow(Session *session, void *arg)
{
	Follower   *follower = arg;

	follower->session = session;
	steep_init_wait_until(is_near, follower);
}

/* Wait until what the source has committed is applied here. */
void
steep_init_catch_up(StepContext *step)
{
	Follower	follower = {
		.init = steep_init_load(step->job->init_id),
		.first_lag = -1,
	};

	steep_progress_phase("catching_up");
	steep_session_look(steep_init_source_address(follower.init), follow,
					   &follower);
	steep_init_move(follower.init->node, NODE_CATCHING_UP, NODE_SYNCHRONIZED,
					step->job->owner_name, NULL, NULL);
}
