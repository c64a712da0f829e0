/*-------------------------------------------------------------------------
 *
 * node.c
 *		The commands about nodes.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/command.h"
#include "cli/report.h"

static const Report registered = {
	.columns = "node_id AS \"node\", node_name AS \"name\", coalesce(server, host, 'here') AS \"reached by\","
	" CASE WHEN host IS NOT NULL THEN port::text END AS \"port\", priority, registered_by AS \"by\"",
	.from = "steep_repl.register_node($1, coalesce($2, $1), $3, coalesce($4::int, 5432), coalesce($5::int, 50), $6)",
	.is_record = true
};

ExitCode
steep_node_register_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		arguments->values[1],
		steep_arguments_option(arguments, "host"),
		steep_arguments_number(arguments, "port", 1, 65535),
		steep_arguments_number(arguments, "priority", 1, 100),
		steep_arguments_option(arguments, "server")
	};

	steep_report(session, &registered, 6, values);
	return CODE_FINE;
}

static const Report list = {
	.columns = "node_id AS \"node\", node_name AS \"name\", status,"
	" date_trunc('seconds', last_seen) AS \"last seen\", is_healthy AS \"healthy\"",
	.from = "steep_repl.node_status()",
	.order = "ORDER BY node_id",
	.nothing = "No node is registered: see \"steep-repl node register --help\"."
};

ExitCode
steep_node_list_run(Session *session, const Arguments *arguments)
{
	steep_report(session, &list, 0, NULL);
	return CODE_FINE;
}

static const Report check = {
	.columns = "node_id AS \"node\", database, server_version AS \"server version\","
	" has_extension AS \"extension\", is_standby AS \"standby\", round_trip AS \"round trip\"",
	.from = "steep_repl.check_node($1)",
	.is_record = true
};

ExitCode
steep_node_check_run(Session *session, const Arguments *arguments)
{
	steep_report(session, &check, 1, arguments->values);
	return CODE_FINE;
}

/* Functions that return nothing: say for which node they did not fail. */
static const Report heartbeat = {
	.columns = "node_id AS \"alive\"",
	.from = "(SELECT $1::text AS node_id FROM steep_repl.heartbeat($1))",
	.is_record = true
};

ExitCode
steep_node_heartbeat_run(Session *session, const Arguments *arguments)
{
	steep_report(session, &heartbeat, 1, arguments->values);
	return CODE_FINE;
}

static const Report removed = {
	.columns = "node_id AS \"removed\"",
	.from = "(SELECT $1::text AS node_id FROM steep_repl.unregister_node($1))",
	.is_record = true
};

ExitCode
steep_node_remove_run(Session *session, const Arguments *arguments)
{
	steep_report(session, &removed, 1, arguments->values);
	return CODE_FINE;
}
