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
append_field(Text *buf, const char *name, const char *value)
{
	if (value == NULL)
		return;
	steep_text_format(buf, ", \"%s\": ", name);
	steep_text_json(buf, value);
}

/* Write it as an object on a line. */
static void
append_object(Text *buf, const Complaint *complaint, ExitCode code)
{
	steep_text_append(buf, "{\"event\": ");
	steep_text_json(buf, complaint->severity);
	append_field(buf, "sqlstate", complaint->sqlstate);
	append_field(buf, "message", complaint->message);
	append_field(buf, "detail", complaint->detail);
	append_field(buf, "hint", complaint->hint);
	append_field(buf, "context", complaint->context);
	if (code != CODE_FINE)
		steep_text_format(buf, ", \"exit\": %d", code);
	steep_text_append(buf, "}\n");
}

/* Write a part as psql does, its further lines below its first. */
static void
append_part(Text *buf, const char *label, const char *value)
{
	if (value == NULL)
		return;
	steep_text_append(buf, label);
	steep_printable_append(buf, value, PRINTABLE_LINES);
	steep_text_append(buf, "\n");
}

static void
append_lines(Text *buf, const Complaint *complaint)
{
	bool		is_error = strcmp(complaint->severity, "error") == 0;

	steep_text_format(buf, "steep-repl: %s%s:%s ",
					  steep_terminal_color(stderr, is_error ? COLOR_BAD : COLOR_WARN),
					  complaint->severity,
					  steep_terminal_color(stderr, COLOR_NONE));
	append_part(buf, "", complaint->message);
	append_part(buf, "DETAIL:  ", complaint->detail);
	append_part(buf, "HINT:  ", complaint->hint);
	append_part(buf, "CONTEXT:  ", complaint->context);
}

void
steep_complain(const Complaint *complaint, ExitCode code)
{
	Text		buf = {0};

	if (for_machine)
		append_object(&buf, complaint, code);
	else
		append_lines(&buf, complaint);
	steep_terminal_clear();
	fflush(stdout);
	fputs(buf.data, stderr);
}

/* Complain in words that are put together. */
static void complain_formatted(const char *severity, ExitCode code,
							   const char *hint, const char *format,
							   va_list args)
			__attribute__((format(printf, 4, 0)));

static void
complain_formatted(const char *severity, ExitCode code, const char *hint,
				   const char *format, va_list args)
{
	char		message[1024];
	Complaint	complaint = {
		.severity = severity,
		.message = message,
		.hint = hint
	};

	vsnprintf(message, sizeof(message), format, args);
	steep_complain(&complaint, code);
}

void
steep_complain_warn(const char *hint, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	complain_formatted("warning", CODE_FINE, hint, format, args);
	va_end(args);
}

void
steep_complain_fail(ExitCode code, const char *hint, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	complain_formatted("error", code, hint, format, args);
	va_end(args);
	exit(code);
}
