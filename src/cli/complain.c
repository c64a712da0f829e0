/*-------------------------------------------------------------------------
 *
 * complain.c
 *		What goes wrong, on stderr.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/printable.h"
#include "cli/terminal.h"
#include "cli/text.h"

static bool for_machine = false;

void
steep_complain_json(bool json)
{
	for_machine = json;
}

static void
append_field(Text *text, const char *name, const char *value)
{
	if (value == NULL)
		return;
	steep_text_format(text, ", \"%s\": ", name);
	steep_text_json(text, value);
}

/* Write it as an object on a line. */
static void
append_object(Text *text, const Complaint *complaint, ExitCode code)
{
	steep_text_append(text, "{\"event\": ");
	steep_text_json(text, complaint->severity);
	append_field(text, "sqlstate", complaint->sqlstate);
	append_field(text, "message", complaint->message);
	append_field(text, "detail", complaint->detail);
	append_field(text, "hint", complaint->hint);
	append_field(text, "context", complaint->context);
	if (code != CODE_FINE)
		steep_text_format(text, ", \"exit\": %d", code);
	steep_text_append(text, "}\n");
}

/* Write a part as psql does, its further lines below its first. */
static void
append_part(Text *text, const char *label, const char *value)
{
	if (value == NULL)
		return;
	steep_text_append(text, label);
	steep_printable_append(text, value, PRINTABLE_LINES);
	steep_text_append(text, "\n");
}

static void
append_lines(Text *text, const Complaint *complaint)
{
	bool		is_error = strcmp(complaint->severity, "error") == 0;

	steep_text_format(text, "steep-repl: %s%s:%s ",
					  steep_terminal_color(stderr, is_error ? COLOR_BAD : COLOR_WARN),
					  complaint->severity,
					  steep_terminal_color(stderr, COLOR_NONE));
	append_part(text, "", complaint->message);
	append_part(text, "DETAIL:  ", complaint->detail);
	append_part(text, "HINT:  ", complaint->hint);
	append_part(text, "CONTEXT:  ", complaint->context);
}

void
steep_complain(const Complaint *complaint, ExitCode code)
{
	Text		text = {0};

	if (for_machine)
		append_object(&text, complaint, code);
	else
		append_lines(&text, complaint);
	steep_terminal_clear();
	fflush(stdout);
	fputs(text.data, stderr);
}

void
steep_complain_fail(ExitCode code, const char *hint, const char *format,...)
{
	char		message[1024];
	Complaint	complaint = {
		.severity = "error",
		.message = message,
		.hint = hint
	};
	va_list		args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	steep_complain(&complaint, code);
	exit(code);
}
