/*-------------------------------------------------------------------------
 *
 * merge.c
 *		The commands that merge.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/html.h"
#include "cli/job.h"

#define ENDED "phase IN ('complete', 'failed', 'cancelled')"

/*
 * wait_merge() returns the row of a merge that has ended without waiting; one
 * that runs has its progress only.
 */
static const Report record = {
	.columns = "merge_id AS \"merge\", status, CASE WHEN dry_run THEN 'yes' END AS \"dry run\","
	" CASE WHEN strategy IS NULL THEN phase END AS \"phase\","
	" CASE WHEN strategy IS NULL THEN round(overall_percent::numeric, 1) END AS \"percent\","
	" peer, strategy, reverts, date_trunc('seconds', created_at) AS \"submitted\","
	" date_trunc('milliseconds', completed_at - started_at) AS \"took\","
	" local_only_count AS \"local only\", remote_only_count AS \"remote only\","
	" match_count AS \"match\", conflict_count AS \"conflict\","
	" applied_local AS \"written here\", applied_remote AS \"written there\","
	" nullif(stale, 0) AS \"stale\", nullif(failed, 0) AS \"failed\","
	" nullif(changed_since, 0) AS \"changed since\", error_message AS \"error\"",
	.from = "(SELECT i.id AS merge_id, coalesce(m.status, 'running') AS status, p.phase, p.overall_percent,"
	"  m.tables, m.strategy, m.dry_run, m.peer, m.requested_by, m.reverts, m.local_only_count,"
	"  m.remote_only_count, m.match_count, m.conflict_count, m.applied_local, m.applied_remote, m.stale,"
	"  m.failed, m.changed_since, m.atomicity, m.options, m.created_at, m.started_at, m.completed_at, m.error_message,"
	"  (SELECT array_to_json(array_agg(s)) FROM steep_repl.merge_summary(m.merge_id) AS s) AS summary"
	" FROM (SELECT $1 AS id) AS i"
	" LEFT JOIN LATERAL steep_repl.merge_progress(i.id) AS p ON true"
	" LEFT JOIN LATERAL steep_repl.wait_merge("
	"  CASE WHEN p.phase IS NULL OR " ENDED " THEN i.id END, 10) AS m ON true)",
	.is_record = true
};

static const Report summary = {
	.columns = "table_name AS \"table\", replace(category, '_', ' ') AS \"is\","
	" resolution AS \"winner\", state, count AS \"rows\"",
	.from = "steep_repl.merge_summary($1)"
};

/* Show one merge to people: what it is, and what it has decided. */
static void
show_merge(Session *session, const char *id)
{
	PGresult   *row = steep_report(session, &record, 1, &id);
	PGresult   *rows = steep_report_fetch(session, &summary, 1, &id);

	if (PQntuples(rows) > 0)
	{
		puts("");
		steep_report_show(session, &summary, rows);
	}
	if (strcmp(PQgetvalue(row, 0, 1), "needs_resolution") == 0)
		printf("\nConflicts wait for decisions: \"steep-repl merge conflicts %s\" lists them.\n", id);
}

const JobKind steep_merge_job = {
	.noun = "merge",
	.progress = "steep_repl.merge_progress($1)",
	.bytes = "bytes_processed",
	.ended = ENDED,
	.result = "steep_repl.wait_merge($1, 10)",
	.cancel = "SELECT steep_repl.cancel_operation($1)",
	.show = show_merge
};

ExitCode
steep_merge_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		steep_text_array(arguments->count - 1, arguments->values + 1),
		steep_arguments_option(arguments, "strategy"),
		steep_arguments_has(arguments, "dry-run") ? "true" : "false",
		steep_arguments_object(arguments, "option", steep_arguments_append_value),
		steep_arguments_object(arguments, "key", steep_arguments_append_list)
	};

	return steep_job_start(session, arguments, &steep_merge_job, "merge_id",
						   "steep_repl.start_merge($1, $2, coalesce($3, 'prefer-local'), $4,"
						   " coalesce($5::jsonb, '{}') || CASE WHEN $6::jsonb IS NULL THEN '{}'"
						   " ELSE jsonb_build_object('primary_keys', $6::jsonb) END)",
						   6, values);
}

/* apply and revert: merges that follow from another. */
static ExitCode
run_next(Session *session, const Arguments *arguments, const char *call)
{
	const char *values[] = {
		arguments->values[0],
		steep_arguments_option(arguments, "peer")
	};

	return steep_job_start(session, arguments, &steep_merge_job, "merge_id", call, 2, values);
}

ExitCode
steep_merge_apply_run(Session *session, const Arguments *arguments)
{
	return run_next(session, arguments, "steep_repl.apply_merge($1, $2)");
}

ExitCode
steep_merge_revert_run(Session *session, const Arguments *arguments)
{
	return run_next(session, arguments, "steep_repl.revert_merge($1, $2)");
}

const Report steep_merge_list_report = {
	.columns = "merge_id AS \"merge\", status, CASE WHEN dry_run THEN 'yes' END AS \"dry run\", strategy, peer,"
	" date_trunc('seconds', created_at) AS \"submitted\","
	" applied_local AS \"written here\", applied_remote AS \"written there\","
	" split_part(error_message, E'\\n', 1) AS \"error\"",
	.from = "steep_repl.list_merges(coalesce($1::int, 20))",
	.nothing = "There are no merges."
};

ExitCode
steep_merge_show_run(Session *session, const Arguments *arguments)
{
	const char *file = steep_html_file(session, arguments);

	if (file)
		return steep_html_merge(session, arguments->values[0], &record, &summary, file);
	if (session->json)
		steep_report(session, &record, 1, arguments->values);
	else
		show_merge(session, arguments->values[0]);
	return CODE_FINE;
}

const Report steep_merge_conflicts_report = {
	.columns = "table_name AS \"table\","
	" (SELECT string_agg(k.key || '=' || coalesce(k.value, 'null'), ',') FROM jsonb_each_text(key) AS k) AS \"key\","
	" (SELECT string_agg(format('%s: %s <> %s', v.key, coalesce(v.value, 'null'),"
	"   coalesce(remote_row ->> v.key, 'null')), ', ')"
	"  FROM jsonb_each_text(local_row) AS v"
	"  WHERE v.value IS DISTINCT FROM remote_row ->> v.key) AS \"local <> remote\"",
	.from = "steep_repl.merge_conflicts($1)",
	.nothing = "No conflict waits for a decision."
};

#define DECISIONS \
	.columns = "table_name AS \"table\"," \
	" (SELECT string_agg(k.key || '=' || coalesce(k.value, 'null'), ',') FROM jsonb_each_text(key) AS k) AS \"key\"," \
	" resolution AS \"winner\", state, resolved_by AS \"by\""

static const Report resolve_one = {
	DECISIONS,
	.from = "steep_repl.resolve_conflict($1, $2, $3, $4, $5)"
};

static const Report resolve_all = {
	DECISIONS,
	.from = "(SELECT d.* FROM steep_repl.merge_conflicts($1) AS c"
	" CROSS JOIN LATERAL steep_repl.resolve_conflict($1, c.table_name, c.key, $4, $5) AS d"
	" WHERE c.table_name = $2 AND $3::jsonb IS NULL)",
	.nothing = "No conflict of this table waits for a decision."
};

/* Read "id=7,at=noon" as {"id": "7", "at": "noon"}; JSON stays as it is. */
static const char *
key_object(const char *key)
{
	Text		json = {0};
	char	   *rest = steep_text_copy(key);
	char	   *pair;

	if (*key == '{')
		return key;
	while ((pair = strsep(&rest, ",")) != NULL)
	{
		char	   *value = pair;
		const char *column = strsep(&value, "=");

		if (value == NULL)
			steep_complain_fail(CODE_ARGUMENTS,
								"Write COLUMN=VALUE,... as \"merge conflicts\" does, an object of JSON, or \"all\".",
								"\"%s\" is not a key", key);
		steep_text_append(&json, json.length > 0 ? ", " : "{");
		steep_text_json(&json, column);
		steep_text_append(&json, ": ");
		steep_text_json(&json, value);
	}
	steep_text_append(&json, "}");
	return json.data;
}

ExitCode
steep_merge_resolve_run(Session *session, const Arguments *arguments)
{
	bool		all = strcmp(arguments->values[2], "all") == 0;
	const char *values[] = {
		arguments->values[0],
		arguments->values[1],
		all ? NULL : key_object(arguments->values[2]),
		arguments->values[3],
		steep_arguments_option(arguments, "row")
	};

	steep_report(session, all ? &resolve_all : &resolve_one, 5, values);
	return CODE_FINE;
}

const Report steep_merge_sql_report = {
	.columns = "runs_on AS \"runs on\", purpose, statement",
	.from = "steep_repl.merge_sql($1)",
	.nothing = "This merge has no statements."
};
