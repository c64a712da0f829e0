/*-------------------------------------------------------------------------
 *
 * init.c
 *		The commands that make this node a copy of another.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/job.h"

#define ENDED "init_state IN ('uninitialized', 'synchronized', 'diverged', 'failed') AND phase <> 'queued'"

#define PROGRESS_COLUMNS \
	.columns = "node_id AS \"node\", init_state AS \"state\", phase, round(overall_percent::numeric, 1) AS \"percent\"," \
	" tables_completed || '/' || tables_total AS \"tables\", current_table AS \"table\"," \
	" rows_copied AS \"rows\", bytes_copied AS \"bytes\", lag_bytes AS \"lag\", eta_seconds AS \"seconds to go\", error"

static const Report status_of_one = {
	PROGRESS_COLUMNS,
	.from = "steep_repl.init_progress($1)",
	.is_record = true
};

static const Report status_of_all = {
	PROGRESS_COLUMNS,
	.from = "(SELECT p.* FROM steep_repl.node_status() AS n"
	" CROSS JOIN LATERAL steep_repl.init_progress(n.node_id) AS p ORDER BY p.node_id)",
	.nothing = "No node is registered."
};

static void
show_node(Session *session, const char *id)
{
	steep_report(session, &status_of_one, 1, &id);
}

const JobKind steep_init_job = {
	.noun = "initialization of node",
	.progress = "steep_repl.init_progress($1)",
	.rows = "rows_copied",
	.bytes = "bytes_copied",
	.ended = ENDED,
	.result = "(SELECT p.*, p.error AS error_message, CASE p.init_state"
	" WHEN 'synchronized' THEN 'complete' WHEN 'uninitialized' THEN 'cancelled' ELSE 'failed' END AS status"
	" FROM steep_repl.init_progress($1) AS p)",
	.cancel = "SELECT steep_repl.cancel_init($1)",
	.show = show_node
};

ExitCode
steep_init_start_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		arguments->values[1],
		steep_arguments_option(arguments, "method"),
		steep_arguments_object(arguments, "option", steep_arguments_append_value)
	};

	return steep_job_start(session, arguments, &steep_init_job, "node_id",
						   "steep_repl.start_init($1, $2, coalesce($3, 'snapshot'), coalesce($4::jsonb, '{}'))",
						   4, values);
}

const Report steep_init_prepare_report = {
	.columns = "*",
	.from = "steep_repl.prepare_init($1, $2)",
	.is_record = true
};

ExitCode
steep_init_complete_run(Session *session, const Arguments *arguments)
{
	return steep_job_start(session, arguments, &steep_init_job, "node_id",
						   "steep_repl.complete_init($1, $2, $3)", 3, arguments->values);
}

ExitCode
steep_init_reinit_run(Session *session, const Arguments *arguments)
{
	const char *schema = steep_arguments_option(arguments, "schema");
	const char *tables = steep_arguments_option(arguments, "tables");
	bool		full = steep_arguments_has(arguments, "full");
	const char *values[] = {arguments->values[0], NULL};
	Text		scope = {0};

	if ((schema != NULL) + (tables != NULL) + full != 1)
		steep_complain_fail(CODE_ARGUMENTS, NULL,
							"\"init reinit\" wants one of --tables, --schema and --full");
	steep_text_append(&scope, full ? "{\"full\": true" : schema ? "{\"schema\": " : "{\"tables\": ");
	if (schema)
		steep_text_json(&scope, schema);
	if (tables)
		steep_arguments_append_list(&scope, tables);
	steep_text_append(&scope, "}");
	values[1] = scope.data;
	return steep_job_start(session, arguments, &steep_init_job, "node_id",
						   "steep_repl.start_reinit($1, $2)", 2, values);
}

const Report steep_init_cancel_report = {
	.columns = "node_id AS \"node\", init_state AS \"state\"",
	.from = "steep_repl.cancel_init($1)",
	.is_record = true
};

ExitCode
steep_init_status_run(Session *session, const Arguments *arguments)
{
	if (arguments->count > 0)
		steep_report(session, &status_of_one, 1, arguments->values);
	else
		steep_report(session, &status_of_all, 0, NULL);
	return CODE_FINE;
}
