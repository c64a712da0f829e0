/*-------------------------------------------------------------------------
 *
 * local_slot.c
 *		Make a replication slot on this node, and read from where it starts.
 *
 * A node can't open a replication connection to itself without credentials
 * of its own, so this does what a walsender does for CREATE_REPLICATION_SLOT
 * ... (SNAPSHOT 'use').  pg_create_logical_replication_slot() would not tell
 * what the slot has left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "replication/logical.h"
#include "replication/slot.h"
#include "replication/snapbuild.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "run/local_slot.h"

static void
check_role(void)
{
	if (!has_rolreplication(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to make a replication slot"),
				 errhint("The role needs the attribute REPLICATION.")));
}

/*
 * Find the place in the log where the slot starts, and have this transaction
 * see what was committed before it.
 */
static void
find_start(void)
{
	LogicalDecodingContext *context =
		CreateInitDecodingContext("pgoutput", NIL, true, InvalidXLogRecPtr,
								  XL_ROUTINE(.page_read = read_local_xlog_page,
											 .segment_open = wal_segment_open,
											 .segment_close = wal_segment_close),
								  NULL, NULL, NULL);

	DecodingContextFindStartpoint(context);
	InvalidateCatalogSnapshot();
	RestoreTransactionSnapshot(SnapBuildInitialSnapshot(context->snapshot_builder),
							   MyProc);
	FreeDecodingContext(context);
}

/*
 * Create a logical slot for pgoutput in this database, in place of one of an
 * earlier attempt.  The transaction reads from then on what the slot will not
 * send: all that was committed before.
 *
 * It must have just begun: REPEATABLE READ, no snapshot taken, no row
 * written.  Waits for all transactions that write on this node.  The slot
 * stays whatever becomes of the transaction; an error leaves none.
 */
void
steep_local_slot_create(const char *name)
{
	check_role();
	CheckLogicalDecodingRequirements();
	if (SearchNamedReplicationSlot(name, true) != NULL)
		ReplicationSlotDrop(name, true);
	steep_slot_create(name, true, RS_EPHEMERAL);
	PG_TRY();
	{
		find_start();
		ReplicationSlotPersist();
	}
	PG_FINALLY();
	{
		ReplicationSlotRelease();
	}
	PG_END_TRY();
}
