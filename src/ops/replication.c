/*-------------------------------------------------------------------------
 *
 * replication.c
 *		Wait until two nodes have applied what they wrote for each other.
 *
 * Both say how far their logs go; from then on each waits for the other's
 * subscriptions to confirm that they have come as far.  What was committed on
 * either node before is then on both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/standby.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "generate/replication_sql.h"
#include "ops/replication.h"

#define LOOK_MS 20				/* between two looks */

PG_FUNCTION_INFO_V1(steep_repl_log_position);

/*
 * log_position() → pg_lsn
 *
 * What was committed without waiting for the disk is not sent before it is
 * there, so it is put there.  The position is behind the last record: of one
 * that is written for that.
 */
Datum
steep_repl_log_position(PG_FUNCTION_ARGS)
{
	XLogRecPtr	position;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("the log of a standby is not its own"),
				 errhint("Connect to the primary server.")));
	position = LogStandbySnapshot();
	XLogFlush(position);
	PG_RETURN_LSN(position);
}

/* See how far a node's log goes, and who is to apply it. */
void
steep_replication_begin(const Session *session, Crossing *crossing,
						Site publisher)
{
	Site		subscriber = publisher == SITE_LOCAL ? SITE_PEER : SITE_LOCAL;

	crossing->publisher = publisher;
	crossing->slots = steep_session_value(session, steep_replication_slots_sql(subscriber), NULL);
	crossing->position = steep_session_value(session, steep_replication_position_sql(publisher),
											 NULL);
}

/* Has the other node applied it?  Yes, too, if it does not subscribe. */
bool
steep_replication_reached(const Session *session, const Crossing *crossing)
{
	const char *values[] = {crossing->slots, crossing->position};
	char	   *answer;

	if (crossing->slots == NULL)
		return true;
	answer = steep_session_value(session, steep_replication_reached_sql(crossing->publisher),
								 values);
	return answer == NULL || answer[0] == 't';
}

static void
nap(void)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = WaitEventExtensionNew("SteepReplReplication");
	(void) WaitLatch(MyLatch,
					 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_MS, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Wait until what was committed on either node by now is applied on the
 * other; false if that takes longer.  Nodes that don't subscribe to each
 * other have nothing to wait for.
 */
bool
steep_replication_await(const Session *session, long milliseconds)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  milliseconds);
	Crossing	here;
	Crossing	there;

	steep_replication_begin(session, &here, SITE_LOCAL);
	steep_replication_begin(session, &there, SITE_PEER);
	while (!steep_replication_reached(session, &here) || !steep_replication_reached(session, &there))
	{
		if (GetCurrentTimestamp() >= end)
			return false;
		nap();
	}
	return true;
}
