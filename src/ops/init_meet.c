/*-------------------------------------------------------------------------
 *
 * init_meet.c
 *		The step of an init that waits until each node has applied what the
 *		other wrote.
 *
 * A subscription that can't go on would be waited for in vain: one that fails
 * on a change, as when both nodes have inserted a row of one key, and one that
 * does not get to its slot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "generate/replication_sql.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_merge.h"
#include "ops/replication.h"

#define LOOK_MS 500				/* between two looks */
#define MOST_FAILURES 2			/* of a subscription, while it is looked at */
#define MOST_ABSENCES 60		/* looks at a slot that nobody reads from */

/* A node that applies the other's log. */
typedef struct Way
{
	const char *name;			/* of the subscription */
	const char *slot;
	const char *place;			/* where the subscription is, for people */
	Crossing	crossing;
	int64		failures;		/* before we began to look; -1 = not known */
	int			absences;		/* looks in a row */
} Way;

typedef struct Meeting
{
	const Init *init;
	Session    *session;
	Way			here;			/* this node applies */
	Way			there;
} Meeting;

/* Begin to look at a way whose log has to be applied up to its present end. */
static void
begin(const Meeting *meeting, Way *way, Site publisher)
{
	Site		subscriber = publisher == SITE_LOCAL ? SITE_PEER : SITE_LOCAL;

	way->place = steep_session_place(meeting->session, subscriber);
	way->failures = -1;
	way->crossing.publisher = publisher;
	way->crossing.slots = steep_sql_array(list_make1(pstrdup(way->slot)));
	way->crossing.position =
		steep_session_value(meeting->session,
							steep_replication_position_sql(publisher), NULL);
}

/* Run a statement about a name on either node; NULL if there is no such. */
static char **
look(const Meeting *meeting, const Statement *statement, const char *name)
{
	return statement->site == SITE_LOCAL ?
		steep_local_row(statement, &name, NIL) :
		steep_peer_row(meeting->session->peer, statement, &name);
}

/* Give up on a subscription that is not there, or fails. */
static void
check_subscription(const Meeting *meeting, Way *way)
{
	Site		site = way->crossing.publisher == SITE_LOCAL ?
		SITE_PEER : SITE_LOCAL;
	char	  **row = look(meeting, steep_subscription_errors_sql(site),
						   way->name);
	int64		failures;

	if (row == NULL || !steep_books_bool(row[0]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" %s is %s", way->name, way->place,
						row == NULL ? "gone" : "disabled"),
				 errhint("Start the init again.")));
	failures = steep_books_integer(row[1]);
	if (way->failures < 0)
		way->failures = failures;
	if (failures > way->failures + MOST_FAILURES)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" %s cannot apply a change",
						way->name, way->place),
				 errdetail("It has failed %lld times since the init looks at it.",
						   (long long) (failures - way->failures)),
				 errhint("The server log there says why. If both nodes have inserted a row of the same key, delete it on one of them, and start the init again.")));
}

/* Give up on a slot from which nobody reads. */
static void
check_slot(const Meeting *meeting, Way *way)
{
	char	  **row = look(meeting, steep_slot_reader_sql(way->crossing.publisher),
						   way->slot);

	way->absences = row != NULL && steep_books_bool(row[0]) ? 0 :
		way->absences + 1;
	if (row != NULL && way->absences <= MOST_ABSENCES)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 row ? errmsg("subscription \"%s\" %s does not get to its slot",
						  way->name, way->place) :
			 errmsg("the slot of subscription \"%s\" %s is gone", way->name,
					way->place),
			 errhint("The server log there says why. See to it that it can connect to the other node and has REPLICATION there, and start the init again.")));
}

static bool
arrived(const Meeting *meeting, Way *way)
{
	check_subscription(meeting, way);
	check_slot(meeting, way);
	return steep_replication_reached(meeting->session, &way->crossing);
}

/* Show how far this node lags behind. */
static void
show_lag(const Meeting *meeting)
{
	char	  **position = steep_peer_row(meeting->session->peer,
										  steep_publish_position_sql(),
										  &meeting->init->slot);
	uint64		now = strtoull(position[0], NULL, 10);
	uint64		confirmed = position[1] ? strtoull(position[1], NULL, 10) : 0;

	steep_progress_lag(now > confirmed ? now - confirmed : 0);
}

/* Look at both ways, until both have arrived; between looks hold no snapshot. */
static void
meet(Session *session, void *arg)
{
	Meeting    *meeting = arg;

	meeting->session = session;
	begin(meeting, &meeting->here, SITE_PEER);
	begin(meeting, &meeting->there, SITE_LOCAL);
	for (;;)
	{
		bool		here = arrived(meeting, &meeting->here);
		bool		there = arrived(meeting, &meeting->there);

		show_lag(meeting);
		if (here && there)
			return;
		PopActiveSnapshot();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, WaitEventExtensionNew("SteepReplInit"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		PushActiveSnapshot(GetLatestSnapshot());
	}
}

/* Step "catchup_both": wait until each node has applied the other's log. */
void
steep_init_meet(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	char	   *back = steep_init_back_name(init);
	Meeting		meeting = {
		.init = init,
		.here = {.name = init->subscription,.slot = init->slot},
		.there = {.name = back,.slot = back},
	};

	steep_progress_phase("catching_up");
	steep_session_look(steep_init_source_address(init), meet, &meeting);
}
