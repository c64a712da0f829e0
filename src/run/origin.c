/*-------------------------------------------------------------------------
 *
 * origin.c
 *		Tell logical replication not to send on what a transaction writes.
 *
 * A subscription with origin = none is sent only changes without a
 * replication origin.  DoNotReplicateId is an origin that is no object: it
 * needs no row in pg_replication_origin and no slot of shared memory, no
 * progress is kept for it, at commit and in recovery, and any number of
 * sessions may have it at once.
 *
 * The mark is the backend's, so it is taken back however the transaction
 * ends, and when the subtransaction that set it is rolled back.  An origin
 * that the session has set up itself serves as well and is left alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/origin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "run/origin.h"

PG_FUNCTION_INFO_V1(steep_repl_tag_writes);

/* The subtransaction whose rollback takes the mark back. */
static SubTransactionId tagged_by = InvalidSubTransactionId;

/* Take the mark back, unless the session has set up an origin since. */
static void
untag(void)
{
	if (replorigin_session_origin == DoNotReplicateId)
		replorigin_session_origin = InvalidRepOriginId;
	tagged_by = InvalidSubTransactionId;
}

/*
 * The commit record of a transaction with an origin says when it was
 * committed at the origin, which recovery and subscribers believe: now.
 */
static void
at_xact_end(XactEvent event, void *arg)
{
	if (tagged_by == InvalidSubTransactionId)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (replorigin_session_origin == DoNotReplicateId)
				replorigin_session_origin_timestamp = GetCurrentTimestamp();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			untag();
			break;
		default:
			break;
	}
}

static void
at_subxact_end(SubXactEvent event, SubTransactionId mine,
			   SubTransactionId parent, void *arg)
{
	if (tagged_by != mine)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		untag();
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		tagged_by = parent;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_xact_end, NULL);
	RegisterSubXactCallback(at_subxact_end, NULL);
	registered = true;
}

/* May the role mark what it writes? */
bool
steep_origin_may_tag(void)
{
	return object_aclcheck(ProcedureRelationId,
						   F_PG_REPLICATION_ORIGIN_SESSION_SETUP,
						   GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
}

/*
 * Mark what the transaction writes from here on; false if the role may not
 * set up an origin.
 */
bool
steep_origin_tag(void)
{
	if (!steep_origin_may_tag())
		return false;
	if (replorigin_session_origin == InvalidRepOriginId)
	{
		register_callbacks();
		replorigin_session_origin = DoNotReplicateId;
		tagged_by = GetCurrentSubTransactionId();
	}
	return true;
}

/* tag_writes() → boolean: as above */
Datum
steep_repl_tag_writes(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(steep_origin_tag());
}
