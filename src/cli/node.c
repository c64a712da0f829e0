/*-------------------------------------------------------------------------
 *
 * node.c
 *		The commands about nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "cli/groups.h"

const Report steep_node_register_report = {
	.columns = "node_id AS \"node\", node_name AS \"name\", coalesce(server, host, 'here') AS \"reached by\","
	" CASE WHEN host IS NOT NULL THEN port::text END AS \"port\", priority, registered_by AS \"by\"",
	.from = "steep_repl.register_node($1, coalesce($2, $1), $3, coalesce($4::int, 5432), coalesce($5::int, 50), $6)",
	.is_record = true
};

const Report steep_node_list_report = {
	.columns = "node_id AS \"node\", node_name AS \"name\", status,"
	" date_trunc('seconds', last_seen) AS \"last seen\", is_healthy AS \"healthy\"",
	.from = "steep_repl.node_status()",
	.order = "ORDER BY node_id",
	.nothing = "No node is registered: see \"steep-repl node register --help\"."
};

const Report steep_node_check_report = {
	.columns = "node_id AS \"node\", database, server_version AS \"server version\","
	" has_extension AS \"extension\", is_standby AS \"standby\", round_trip AS \"round trip\"",
	.from = "steep_repl.check_node($1)",
	.is_record = true
};

/* Functions that return nothing: say for which node they did not fail. */
const Report steep_node_heartbeat_report = {
	.columns = "node_id AS \"alive\"",
	.from = "(SELECT $1::text AS node_id FROM steep_repl.heartbeat($1))",
	.is_record = true
};

const Report steep_node_remove_report = {
	.columns = "node_id AS \"removed\"",
	.from = "(SELECT $1::text AS node_id FROM steep_repl.unregister_node($1))",
	.is_record = true
};
