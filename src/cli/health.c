/*-------------------------------------------------------------------------
 *
 * health.c
 *		The command that says whether this node can work.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/groups.h"

/* Monitoring wants to know from the code. */
static ExitCode
judge(const PGresult *rows)
{
	return strcmp(PQgetvalue(rows, 0, 0), "unhealthy") == 0 ?
		CODE_GENERAL : CODE_FINE;
}

const Report steep_health_report = {
	.columns = "status, extension_version AS \"extension\", pg_version AS \"PostgreSQL\","
	" background_worker_running AS \"worker running\","
	" shared_memory_available AS \"library preloaded\","
	" active_operations AS \"active jobs\", last_error AS \"last error\"",
	.from = "steep_repl.health()",
	.is_record = true,
	.judge = judge
};
