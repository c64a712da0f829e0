/*-------------------------------------------------------------------------
 *
 * report.c
 *		The answer of a function, for people and for machines.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "cli/command.h"
#include "cli/query.h"
#include "cli/report.h"
#include "cli/table.h"

#define MOST_VALUES 16

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

/* How many arguments a command may have. */
static int
most_arguments(const Command *command)
{
	int			count = command->arguments[0] != '\0';

	for (const char *c = command->arguments; *c; c++)
		count += *c == ' ';
	return count;
}

ExitCode
steep_report_command(Session *session, const Report *report,
					 const Arguments *arguments)
{
	const Command *command = arguments->command;
	const char *values[MOST_VALUES];
	int			count = 0;
	PGresult   *rows;

	for (int i = 0; i < most_arguments(command); i++)
		values[count++] = i < arguments->count ? arguments->values[i] : NULL;
	for (const Option *option = command->options; option->name; option++)
	{
		if (option->value)
			values[count++] = steep_arguments_option(arguments, option->name);
		else
			values[count++] = steep_arguments_has(arguments, option->name) ? "true" : "false";
	}
	rows = steep_report(session, report, count, values);
	return report->judge ? report->judge(rows) : CODE_FINE;
}
