/*-------------------------------------------------------------------------
 *
 * merge_snapshot.c
 *		Plan a merge from snapshots that others have exported.
 *
 * Somebody who makes a replication slot on each node, and the merge from the
 * snapshots that come with them, has all that was written before in the merge
 * and all that was written after in the slots.  So a conflict whose row has
 * moved since is left to what the slots bring: to decide it again, by values
 * that are still on their way, would leave the winner's old row here and its
 * new one there.  A row that only one node had is copied as it is by now,
 * since an update that comes for it finds nothing to update.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "generate/catalog_sql.h"
#include "ops/merge.h"

/* Write down for a step what it is planned from; NULL if from what is there. */
char *
steep_merge_snapshot_params(const MergeOptions *options)
{
	if (options->local_snapshot == NULL)
		return NULL;
	return psprintf("{\"local_snapshot\": \"%s\"}", options->local_snapshot);
}

/* Name the snapshot that a step is planned from, or NULL. */
static const char *
snapshot_of(const StepContext *step)
{
	Datum		params;

	if (strcmp(step->kind, "plan") != 0 || step->params == NULL)
		return NULL;
	params = DirectFunctionCall1(jsonb_in, CStringGetDatum(step->params));
	return steep_options_text(DatumGetJsonbP(params), "local_snapshot");
}

/* A step begins: have one that plans read the snapshot that it is to. */
void
steep_merge_begin_step(StepContext *step)
{
	const char *name = snapshot_of(step);

	if (name == NULL)
		return;
	XactIsoLevel = XACT_REPEATABLE_READ;
	ImportSnapshot(name);
}

/*
 * The snapshot is the active one by now, which is what statements read that
 * do not write.  Those that keep the books have to see, and to change, what
 * is newer.
 */
void
steep_merge_take_snapshot(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
}

/*
 * From here on the peer reads one snapshot: the one that the merge is planned
 * from, or what is there now.
 */
void
steep_merge_read_peer(Session *session, const Merge *merge)
{
	steep_session_read(session);
	if (merge->options->peer_snapshot == NULL)
		return;
	steep_peer_none(session->peer,
					steep_session_snapshot_sql(merge->options->peer_snapshot),
					NULL);
}
