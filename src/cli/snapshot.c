/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *		The commands about snapshots; those on the server's disk are its jobs.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/job.h"

static const Report record = {
	.columns = "snapshot_id AS \"snapshot\", kind, status, path, compression,"
	" date_trunc('seconds', created_at) AS \"submitted\","
	" date_trunc('milliseconds', completed_at - started_at) AS \"took\","
	" lsn, tables, rows, bytes, file_bytes AS \"bytes on disk\", error_message AS \"error\"",
	.from = "steep_repl.wait_snapshot($1, 10)",
	.is_record = true
};

static void
show_snapshot(Session *session, const char *id)
{
	steep_report(session, &record, 1, &id);
}

const JobKind steep_snapshot_job = {
	.noun = "snapshot",
	.progress = "steep_repl.snapshot_progress($1)",
	.bytes = "bytes_processed",
	.ended = "phase IN ('complete', 'failed', 'cancelled')",
	.result = "steep_repl.wait_snapshot($1, 10)",
	.cancel = "SELECT steep_repl.cancel_operation($1)",
	.show = show_snapshot
};

/* Make the options of the functions: the tables, and what else there is. */
static const char *
options(const Arguments *arguments)
{
	Text		json = {0};
	bool		first = true;

	steep_text_append(&json, steep_arguments_has(arguments, "force") ? "{\"force\": true" : "{");
	for (int i = 0; i < arguments->noptions; i++)
	{
		if (strcmp(arguments->options[i].option->name, "table") != 0)
			continue;
		if (first)
			steep_text_append(&json, json.length > 1 ? ", \"tables\": [" : "\"tables\": [");
		else
			steep_text_append(&json, ", ");
		first = false;
		steep_text_json(&json, arguments->options[i].value);
	}
	steep_text_append(&json, first ? "}" : "]}");
	return json.data;
}

ExitCode
steep_snapshot_generate_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		steep_arguments_option(arguments, "compression"),
		steep_arguments_option(arguments, "parallel"),
		options(arguments)
	};

	if (steep_arguments_has(arguments, "client"))
		return steep_client_generate(session, arguments);
	return steep_job_start(session, arguments, &steep_snapshot_job, "snapshot_id",
						   "steep_repl.start_snapshot($1, coalesce($2, 'none'), coalesce($3::int, 4), $4)",
						   4, values);
}

ExitCode
steep_snapshot_apply_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		steep_arguments_option(arguments, "parallel"),
		steep_arguments_has(arguments, "no-verify") ? "false" : "true",
		options(arguments)
	};

	if (steep_arguments_has(arguments, "client"))
		return steep_client_apply(session, arguments);
	return steep_job_start(session, arguments, &steep_snapshot_job, "snapshot_id",
						   "steep_repl.start_apply($1, coalesce($2::int, 4), $3, $4)",
						   4, values);
}

const Report steep_snapshot_list_report = {
	.columns = "snapshot_id AS \"snapshot\", kind, status, date_trunc('seconds', created_at) AS \"submitted\","
	" tables, rows, file_bytes AS \"bytes on disk\", path,"
	" split_part(error_message, E'\\n', 1) AS \"error\"",
	.from = "steep_repl.list_snapshots(coalesce($1::int, 20))",
	.nothing = "There are no snapshots."
};

static const Report verify = {
	.columns = "file, problem",
	.from = "steep_repl.verify_snapshot($1)",
	.nothing = "The snapshot is sound."
};

ExitCode
steep_snapshot_verify_run(Session *session, const Arguments *arguments)
{
	PGresult   *rows;

	if (steep_arguments_has(arguments, "client"))
		return steep_client_verify(session, arguments);
	rows = steep_report(session, &verify, 1, arguments->values);
	return PQntuples(rows) > 0 ? CODE_GENERAL : CODE_FINE;
}
