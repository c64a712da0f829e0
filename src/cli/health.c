/*-------------------------------------------------------------------------
 *
 * health.c
 *		The command that says whether this node can work.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/command.h"
#include "cli/report.h"

static const Report health = {
	.columns = "status, extension_version AS \"extension\", pg_version AS \"PostgreSQL\","
	" background_worker_running AS \"worker running\","
	" shared_memory_available AS \"library preloaded\","
	" active_operations AS \"active jobs\", last_error AS \"last error\"",
	.from = "steep_repl.health()",
	.is_record = true
};

ExitCode
steep_health_run(Session *session, const Arguments *arguments)
{
	PGresult   *rows = steep_report(session, &health, 0, NULL);

	return strcmp(PQgetvalue(rows, 0, 0), "unhealthy") == 0 ?
		CODE_GENERAL : CODE_FINE;
}
