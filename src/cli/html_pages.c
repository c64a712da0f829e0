/*-------------------------------------------------------------------------
 *
 * html_pages.c
 *		The pages of overlap, diff and merge show.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "cli/query.h"

#define MOST_ROWS "1000"		/* that a browser is asked to show */

/* Columns of differing rows, one line for each column of a row. */
enum
{
	DIFFERENCE_NUMBER,
	DIFFERENCE_KEY,
	DIFFERENCE_CATEGORY,
	DIFFERENCE_NOTE,
	DIFFERENCE_COLUMN,
	DIFFERENCE_HERE,
	DIFFERENCE_THERE,
	DIFFERENCE_CHANGED
};

/* One line a column of r, in the order of the table if it is here. */
#define IN_COLUMNS(key, note, table) \
	"SELECT r.n, " key ", r.category, " note ", c.name, r.local_row ->> c.name, r.remote_row ->> c.name," \
	" r.category = 'conflict' AND r.local_row -> c.name IS DISTINCT FROM r.remote_row -> c.name" \
	" FROM r CROSS JOIN LATERAL" \
	"  (SELECT o.name, a.attnum FROM jsonb_object_keys(coalesce(r.local_row, r.remote_row)) AS o(name)" \
	"   LEFT JOIN pg_attribute AS a" \
	"   ON a.attrelid = to_regclass(" table ") AND a.attname = o.name AND a.attnum > 0) AS c" \
	" ORDER BY r.n, c.attnum, c.name"

#define KEY \
	"(SELECT string_agg(k.key || ' = ' || coalesce(k.value, 'null'), ', ') FROM jsonb_each_text(r.key) AS k)"

static const char diff_rows[] =
"WITH r AS MATERIALIZED (SELECT row_number() OVER () AS n, d.*"
" FROM steep_repl.diff($1, $2, $3, coalesce($4, " MOST_ROWS ")) AS d) "
IN_COLUMNS(KEY, "NULL", "$2");

static const char merge_rows[] =
"WITH r AS MATERIALIZED (SELECT row_number() OVER () AS n, d.*"
" FROM (SELECT * FROM %s ORDER BY category = 'conflict' DESC LIMIT " MOST_ROWS ") AS d) "
IN_COLUMNS("r.table_name || ': ' || " KEY, "concat_ws(', ', r.resolution, r.state)", "r.table_name");

static const char may_read_decisions[] =
"SELECT pg_catalog.has_table_privilege('steep_repl.merge_decisions', 'SELECT')";

/* Columns of an overlap. */
enum
{
	OVERLAP_MATCH = 1,
	OVERLAP_LOCAL,
	OVERLAP_REMOTE,
	OVERLAP_CONFLICT
};

static const HtmlPart overlap_parts[] = {
	{"rows match", "match", 0},
	{"only here", "local", 0},
	{"only there", "remote", 0},
	{"in conflict", "conflict", 0},
};

#define PARTS 4

/*
 * What of a peer can be shown: the name of a server as it is, of a connection
 * string where it leads to.
 */
static const char *
shown_peer(const char *peer)
{
	PQconninfoOption *options;
	Text		shown = {0};

	if (strchr(peer, '=') == NULL && strstr(peer, "://") == NULL)
		return peer;
	options = PQconninfoParse(peer, NULL);
	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (option->val && (strcmp(option->keyword, "host") == 0 ||
							strcmp(option->keyword, "port") == 0 ||
							strcmp(option->keyword, "dbname") == 0 ||
							strcmp(option->keyword, "service") == 0))
			steep_text_format(&shown, "%s%s=%s", shown.length > 0 ? " " : "",
							  option->keyword, option->val);
	}
	PQconninfoFree(options);
	return shown.data ? shown.data : "the peer";
}

/* Take the amounts of a row, or add them. */
static void
add_amounts(HtmlPart *parts, const PGresult *rows, int row)
{
	for (int i = 0; i < PARTS; i++)
		parts[i].amount += strtod(PQgetvalue(rows, row, OVERLAP_MATCH + i), NULL);
}

static void
append_bar(Text *page, const PGresult *rows, int row)
{
	HtmlPart	parts[PARTS];

	memcpy(parts, overlap_parts, sizeof(parts));
	add_amounts(parts, rows, row);
	steep_html_bar(page, parts, PARTS);
}

void
steep_html_overlap(Session *session, const PGresult *rows, const char *peer,
				   const char *file)
{
	Text		page = {0};
	Text		subject = {0};
	HtmlPart	parts[PARTS];

	memcpy(parts, overlap_parts, sizeof(parts));
	for (int row = 0; row < PQntuples(rows); row++)
		add_amounts(parts, rows, row);
	steep_text_format(&subject, "Rows here and there: %s", shown_peer(peer));
	steep_html_begin(&page, session, "Overlap of two nodes", subject.data);
	steep_html_figures(&page, parts, PARTS);
	steep_html_table(&page, rows, PQnfields(rows) - 1, append_bar);
	steep_html_write(session, &page, file);
}

/* Append a value of one side; a row may not be there. */
static void
append_value(Text *page, const PGresult *rows, int row, int column,
			 const char *absent)
{
	if (strcmp(PQgetvalue(rows, row, DIFFERENCE_CATEGORY), absent) == 0)
		steep_text_append(page, "<td class=\"none\">no row</td>");
	else if (PQgetisnull(rows, row, column))
		steep_text_append(page, "<td class=\"none\">null</td>");
	else
	{
		steep_text_append(page, "<td class=\"value\">");
		steep_html_text(page, PQgetvalue(rows, row, column));
		steep_text_append(page, "</td>");
	}
}

static void
begin_row(Text *page, const PGresult *rows, int row)
{
	const char *category = PQgetvalue(rows, row, DIFFERENCE_CATEGORY);
	const char *kind = strcmp(category, "local_only") == 0 ? "local" :
		strcmp(category, "remote_only") == 0 ? "remote" : "conflict";

	steep_text_format(page, "<div class=\"sheet row %s\"><table>\n<caption><span class=\"tag\">%s</span>",
					  kind, strcmp(kind, "local") == 0 ? "only here" :
					  strcmp(kind, "remote") == 0 ? "only there" : "conflict");
	if (PQgetvalue(rows, row, DIFFERENCE_NOTE)[0])
	{
		steep_text_append(page, "<span class=\"note\">");
		steep_html_text(page, PQgetvalue(rows, row, DIFFERENCE_NOTE));
		steep_text_append(page, "</span>");
	}
	steep_html_text(page, PQgetvalue(rows, row, DIFFERENCE_KEY));
	steep_text_append(page, "</caption>\n<colgroup><col><col><col></colgroup>\n"
					  "<thead><tr><th>column</th><th>here</th><th>there</th></tr></thead>\n<tbody>\n");
}

/* Append rows of both nodes side by side. */
static void
append_differences(Text *page, const PGresult *rows)
{
	int			count = PQntuples(rows);

	if (count == 0)
		steep_text_append(page, "<p>No row differs.</p>\n");
	for (int row = 0; row < count; row++)
	{
		const char *number = PQgetvalue(rows, row, DIFFERENCE_NUMBER);
		bool		changed = PQgetvalue(rows, row, DIFFERENCE_CHANGED)[0] == 't';

		if (row == 0 || strcmp(number, PQgetvalue(rows, row - 1, DIFFERENCE_NUMBER)) != 0)
			begin_row(page, rows, row);
		steep_text_append(page, changed ? "<tr class=\"changed\"><th>" : "<tr><th>");
		steep_html_text(page, PQgetvalue(rows, row, DIFFERENCE_COLUMN));
		steep_text_append(page, "</th>");
		append_value(page, rows, row, DIFFERENCE_HERE, "remote_only");
		append_value(page, rows, row, DIFFERENCE_THERE, "local_only");
		steep_text_append(page, "</tr>\n");
		if (row + 1 == count ||
			strcmp(number, PQgetvalue(rows, row + 1, DIFFERENCE_NUMBER)) != 0)
			steep_text_append(page, "</tbody></table></div>\n");
	}
	if (count > 0 && strcmp(PQgetvalue(rows, count - 1, DIFFERENCE_NUMBER), MOST_ROWS) == 0)
		steep_text_append(page, "<p>These are the first " MOST_ROWS " rows.</p>\n");
}

/* Count rows of a kind among differing ones. */
static double
count_rows(const PGresult *rows, const char *category)
{
	double		found = 0;

	for (int row = 0; row < PQntuples(rows); row++)
	{
		if ((row == 0 || strcmp(PQgetvalue(rows, row, DIFFERENCE_NUMBER),
								PQgetvalue(rows, row - 1, DIFFERENCE_NUMBER)) != 0) &&
			strcmp(PQgetvalue(rows, row, DIFFERENCE_CATEGORY), category) == 0)
			found++;
	}
	return found;
}

ExitCode
steep_html_diff(Session *session, int count, const char *const *values,
				const char *file)
{
	PGresult   *rows = steep_query_run(session, diff_rows, count, values);
	HtmlPart	parts[PARTS];
	Text		page = {0};
	Text		title = {0};
	Text		subject = {0};

	memcpy(parts, overlap_parts, sizeof(parts));
	parts[1].amount = count_rows(rows, "local_only");
	parts[2].amount = count_rows(rows, "remote_only");
	parts[3].amount = count_rows(rows, "conflict");
	steep_text_format(&title, "Rows of %s that differ", values[1]);
	steep_text_format(&subject, "Between here and there: %s", shown_peer(values[0]));
	steep_html_begin(&page, session, title.data, subject.data);
	steep_html_figures(&page, parts + 1, PARTS - 1);
	append_differences(&page, rows);
	steep_html_write(session, &page, file);
	return CODE_FINE;
}

/* Fetch what was decided, or as much of it as the role may see. */
static PGresult *
fetch_decisions(Session *session, const char *id)
{
	PGresult   *may = steep_query_run(session, may_read_decisions, 0, NULL);
	Text		statement = {0};

	steep_text_format(&statement, merge_rows,
					  PQgetvalue(may, 0, 0)[0] == 't' ?
					  "steep_repl.merge_decisions WHERE merge_id = $1" : "steep_repl.merge_conflicts($1)");
	return steep_query_run(session, statement.data, 1, &id);
}

ExitCode
steep_html_merge(Session *session, const char *id, const Report *record,
				 const Report *summary, const char *file)
{
	PGresult   *row = steep_report_fetch(session, record, 1, &id);
	PGresult   *rows = steep_report_fetch(session, summary, 1, &id);
	Text		page = {0};

	steep_html_begin(&page, session, id, "What the merge is, and what it has decided");
	steep_text_append(&page, "<h2>The merge</h2>\n");
	steep_html_record(&page, row, PQnfields(row) - 1);
	if (PQntuples(rows) > 0)
	{
		steep_text_append(&page, "<h2>Decisions by table</h2>\n");
		steep_html_table(&page, rows, PQnfields(rows) - 1, NULL);
	}
	steep_text_append(&page, "<h2>Rows</h2>\n");
	append_differences(&page, fetch_decisions(session, id));
	steep_html_write(session, &page, file);
	return CODE_FINE;
}
