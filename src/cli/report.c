/*-------------------------------------------------------------------------
 *
 * report.c
 *		The answer of a function, for people and for machines.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "cli/query.h"
#include "cli/report.h"
#include "cli/table.h"

/*----------
 * Ask for both at once: a call may be dear, and may be made only once.
 *
 *	SELECT <columns>, row_to_json(r) FROM <from> AS r <order>
 *----------
 */
PGresult *
steep_report_fetch(Session *session, const Report *report, int count,
				   const char *const *values)
{
	Text		statement = {0};

	steep_text_format(&statement, "SELECT %s, pg_catalog.row_to_json(r) FROM %s AS r %s",
					  report->columns, report->from, report->order ? report->order : "");
	return steep_query_run(session, statement.data, count, values);
}

static void
show_json(const Report *report, const PGresult *rows)
{
	int			column = PQnfields(rows) - 1;
	int			count = PQntuples(rows);

	if (report->is_record)
	{
		printf("%s\n", count > 0 ? PQgetvalue(rows, 0, column) : "null");
		return;
	}
	printf("[");
	for (int row = 0; row < count; row++)
		printf("%s%s", row == 0 ? "" : report->is_line ? "," : ",\n ", PQgetvalue(rows, row, column));
	printf("]\n");
}

void
steep_report_show(const Session *session, const Report *report,
				  const PGresult *rows)
{
	if (session->json)
		show_json(report, rows);
	else if (PQntuples(rows) == 0)
	{
		if (report->nothing && !session->quiet)
			printf("%s\n", report->nothing);
	}
	else if (report->is_record)
		steep_table_record(rows, PQnfields(rows) - 1);
	else
		steep_table_rows(rows, PQnfields(rows) - 1, report->append);
}

PGresult *
steep_report(Session *session, const Report *report, int count,
			 const char *const *values)
{
	PGresult   *rows = steep_report_fetch(session, report, count, values);

	steep_report_show(session, report, rows);
	return rows;
}
