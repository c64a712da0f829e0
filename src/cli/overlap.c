/*-------------------------------------------------------------------------
 *
 * overlap.c
 *		The commands that compare rows: overlap, diff.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/groups.h"
#include "cli/html.h"

#define BAR_WIDTH 24

/* Columns of an overlap. */
enum
{
	OVERLAP_TABLE,
	OVERLAP_MATCH,
	OVERLAP_LOCAL,
	OVERLAP_REMOTE,
	OVERLAP_CONFLICT
};

static double
amount(const PGresult *rows, int row, int column)
{
	return strtod(PQgetvalue(rows, row, column), NULL);
}

/* Draw how much of a table matches. */
static void
append_bar(Text *line, const PGresult *rows, int row)
{
	const BarPart parts[] = {
		{amount(rows, row, OVERLAP_MATCH), COLOR_GOOD, "\xe2\x96\x88", "="},	/* U+2588 */
		{amount(rows, row, OVERLAP_LOCAL), COLOR_LOCAL, "\xe2\x96\x8c", "<"},	/* U+258C */
		{amount(rows, row, OVERLAP_REMOTE), COLOR_REMOTE, "\xe2\x96\x90", ">"}, /* U+2590 */
		{amount(rows, row, OVERLAP_CONFLICT), COLOR_BAD, "\xe2\x95\xb3", "!"},	/* U+2573 */
	};

	steep_bar_append(line, stdout, BAR_WIDTH, parts, 4);
}

static const Report overlap = {
	.columns = "table_name AS \"table\", match_count AS \"match\","
	" local_only_count AS \"local only\", remote_only_count AS \"remote only\","
	" conflict_count AS \"conflict\"",
	.from = "steep_repl.analyze_overlap($1, $2, $3)",
	.nothing = "No table fits.",
	.append = append_bar
};

static bool
differs(const PGresult *rows)
{
	for (int row = 0; row < PQntuples(rows); row++)
	{
		for (int column = OVERLAP_LOCAL; column <= OVERLAP_CONFLICT; column++)
		{
			if (strcmp(PQgetvalue(rows, row, column), "0") != 0)
				return true;
		}
	}
	return false;
}

ExitCode
steep_overlap_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		steep_text_array(arguments->count - 1, arguments->values + 1),
		steep_arguments_object(arguments, "key", steep_arguments_append_list)
	};
	bool		check = steep_arguments_has(arguments, "check");
	const char *file = steep_html_file(session, arguments);
	PGresult   *rows = steep_report_fetch(session, &overlap, 3, values);

	/* as grep -q does: who checks quietly wants the code only */
	if (file)
		steep_html_overlap(session, rows, values[0], file);
	else if (!check || !session->quiet)
		steep_report_show(session, &overlap, rows);
	return check && differs(rows) ? CODE_DIFFER : CODE_FINE;
}

/*
 * Of a conflict people see the columns that differ, of a row that is on one
 * side only all of them.
 */
static const Report diff = {
	.columns = "(SELECT string_agg(k.key || '=' || coalesce(k.value, 'null'), ' ')"
	"  FROM jsonb_each_text(key) AS k) AS \"key\","
	" replace(category, '_', ' ') AS \"is\","
	" CASE category WHEN 'conflict'"
	" THEN (SELECT string_agg(format('%s: %s <> %s', c, coalesce(local_row ->> c, 'null'),"
	"    coalesce(remote_row ->> c, 'null')), ', ') FROM unnest(changed_columns) AS c)"
	" ELSE (SELECT string_agg(v.key || ': ' || coalesce(v.value, 'null'), ', ')"
	"  FROM jsonb_each_text(coalesce(local_row, remote_row)) AS v)"
	" END AS \"local <> remote\"",
	.from = "steep_repl.diff($1, $2, $3, $4)",
	.nothing = "No row differs."
};

ExitCode
steep_diff_run(Session *session, const Arguments *arguments)
{
	const char *values[] = {
		arguments->values[0],
		arguments->values[1],
		steep_arguments_list(steep_arguments_option(arguments, "key")),
		steep_arguments_option(arguments, "limit")
	};

	const char *file = steep_html_file(session, arguments);

	if (file)
		return steep_html_diff(session, 4, values, file);
	steep_report(session, &diff, 4, values);
	return CODE_FINE;
}
