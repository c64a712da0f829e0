/*-------------------------------------------------------------------------
 *
 * node_status.c
 *		SQL functions for the heartbeats of nodes.
 *
 * A node is as well as its last heartbeat is new: no node is asked.  This
 * node's is the launcher's, which is in shared memory, unless somebody calls
 * heartbeat() for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "jobs/report.h"
#include "ops/node.h"

PG_FUNCTION_INFO_V1(steep_repl_heartbeat);
PG_FUNCTION_INFO_V1(steep_repl_node_status);

static const Statement node_states = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read how the nodes are",
	.text = "SELECT node_id, node_name, status, last_seen, is_healthy"
	" FROM steep_repl.node_states($1)",
	.nparams = 1,
	.params = {"text"},
};

/* heartbeat(p_node_id text) */
Datum
steep_repl_heartbeat(PG_FUNCTION_ARGS)
{
	const char *id = steep_node_argument(fcinfo, 0);

	if (!steep_node_touch(id))
		steep_node_report_unknown(id);
	PG_RETURN_VOID();
}

/* node_status(p_node_id text) */
Datum
steep_repl_node_status(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		PG_ARGISNULL(0) ? NULL : steep_node_argument(fcinfo, 0)
	};

	if (values[0] != NULL)
		(void) steep_node_find(values[0]);
	return steep_report_return(fcinfo, &node_states, values);
}
