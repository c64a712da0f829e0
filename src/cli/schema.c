/*-------------------------------------------------------------------------
 *
 * schema.c
 *		The commands that compare schemas.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"

const Report steep_schema_capture_report = {
	.columns = "node_id AS \"node\", tables AS \"tables captured\"",
	.from = "(SELECT $1::text AS node_id, c.tables FROM steep_repl.capture_all_fingerprints($1) AS c (tables))",
	.is_record = true
};

#define COMPARE_COLUMNS \
	.columns = "format('%I.%I', table_schema, table_name) AS \"table\", replace(status, '_', ' ') AS \"is\"", \
	.order = "ORDER BY status = 'match', status, table_schema, table_name"

static const Report all_tables = {
	COMPARE_COLUMNS,
	.from = "steep_repl.compare_fingerprints($1, $2)"
};

/* People look for what differs, among thousands of tables. */
static const Report differing_tables = {
	COMPARE_COLUMNS,
	.from = "(SELECT * FROM steep_repl.compare_fingerprints($1, $2) WHERE status <> 'match')",
	.nothing = "All tables match."
};

static bool
differs(const PGresult *rows)
{
	for (int row = 0; row < PQntuples(rows); row++)
	{
		if (strcmp(PQgetvalue(rows, row, 1), "match") != 0)
			return true;
	}
	return false;
}

ExitCode
steep_schema_compare_run(Session *session, const Arguments *arguments)
{
	bool		all = session->json || steep_arguments_has(arguments, "all");
	PGresult   *rows = steep_report(session, all ? &all_tables : &differing_tables,
									2, arguments->values);

	return differs(rows) ? CODE_DIFFER : CODE_FINE;
}

static const Report diff = {
	.columns = "object, difference, severity, local_definition AS \"local\","
	" remote_definition AS \"remote\"",
	.from = "steep_repl.schema_diff($1, $2)",
	.nothing = "The tables are alike."
};

static const Report fixes = {
	.columns = "fix_sql AS \"SQL\"",
	.from = "(SELECT fix_sql FROM steep_repl.schema_diff($1, $2) WHERE fix_sql IS NOT NULL)"
};

/* With --sql print only the statements, for psql to run. */
ExitCode
steep_schema_diff_run(Session *session, const Arguments *arguments)
{
	PGresult   *rows;

	if (session->json || !steep_arguments_has(arguments, "sql"))
	{
		steep_report(session, &diff, 2, arguments->values);
		return CODE_FINE;
	}
	rows = steep_report_fetch(session, &fixes, 2, arguments->values);
	for (int row = 0; row < PQntuples(rows); row++)
		printf("%s;\n", PQgetvalue(rows, row, 0));
	return CODE_FINE;
}
