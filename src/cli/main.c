/*-------------------------------------------------------------------------
 *
 * main.c
 *		steep-repl: compare, merge and copy nodes from a shell.
 *
 * Holds no knowledge of its own: each command is one or a few calls of the
 * extension's functions, and shows what they answer.  Only snapshots on this
 * program's own disk are its own work, see client.h.
 *
 *-------------------------------------------------------------------------
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

/* Complain about what was not written, such as on a full disk. */
static ExitCode
close_output(ExitCode code)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		steep_complain_fail(CODE_GENERAL, NULL, "could not write the answer");
	return code;
}

static void
read_settings(Session *session, const Arguments *arguments)
{
	const char *timeout = steep_arguments_option(arguments, "timeout");

	session->conninfo = steep_arguments_option(arguments, "conninfo");
	session->connection = steep_arguments_option(arguments, "connection");
	session->json = steep_arguments_has(arguments, "json");
	session->quiet = steep_arguments_has(arguments, "quiet");
	if (timeout)
	{
		session->timeout = atoi(timeout);
		session->deadline = steep_interrupt_clock() + session->timeout * 1000LL;
	}
	if (session->conninfo && session->connection)
		steep_complain_fail(CODE_ARGUMENTS, NULL,
							"options \"--conninfo\" and \"--connection\" exclude each other");
}

int
main(int argc, char **argv)
{
	Session		session = {0};
	Arguments  *arguments;
	bool		colors = true;

	setlocale(LC_CTYPE, "");
	/* these decide how the command line is complained about */
	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--json") == 0)
			steep_complain_json(true);
		if (strcmp(argv[i], "--no-color") == 0)
			colors = false;
	}
	steep_terminal_setup(colors);
	arguments = steep_arguments_read(argc, argv);
	if (steep_arguments_has(arguments, "version"))
	{
		puts("steep-repl " STEEP_VERSION);
		return close_output(CODE_FINE);
	}
	if (steep_arguments_has(arguments, "help"))
	{
		steep_help_print(arguments->command, arguments->first);
		return close_output(CODE_FINE);
	}
	if (arguments->command == NULL)
		steep_complain_fail(CODE_ARGUMENTS, "\"steep-repl help\" lists the commands.",
							"a command is missing");
	read_settings(&session, arguments);
	return close_output(steep_command_run(&session, arguments));
}
