/*-------------------------------------------------------------------------
 *
 * help.c
 *		How commands are used, from their table.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/text.h"

#define INDENT 30

/* Print two columns; a first that is too long has a line of its own. */
static void
print_pair(const char *left, const char *right)
{
	if (strlen(left) + 4 > INDENT)
		printf("  %s\n%*s%s\n", left, INDENT, "", right);
	else
		printf("  %-*s%s\n", INDENT - 2, left, right);
}

const char *
steep_help_option(const Option *option)
{
	Text		buf = {0};

	if (option->letter)
		steep_text_format(&buf, "-%c, ", option->letter);
	steep_text_format(&buf, "--%s", option->name);
	if (option->value)
		steep_text_format(&buf, " %s", option->value);
	return buf.data;
}

static void
print_options(const char *title, const Option *options)
{
	if (options->name == NULL)
		return;
	printf("\n%s\n", title);
	for (; options->name; options++)
		print_pair(steep_help_option(options), options->help);
}

/* Print the commands that start with a word, or all if it is NULL. */
static void
print_commands(const char *first)
{
	size_t		length = first ? strlen(first) : 0;

	puts("steep-repl compares, merges and copies PostgreSQL nodes.\n\n"
		 "Usage: steep-repl [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:");
	for (const Command *command = steep_commands; command->words; command++)
	{
		Text		left = {0};

		if (first && (strncmp(command->words, first, length) != 0 || command->words[length] != ' '))
			continue;
		steep_text_append(&left, command->words);
		if (command->arguments[0])
			steep_text_format(&left, " %s", command->arguments);
		print_pair(left.data, command->help);
	}
	print_options("Options of all commands:", steep_global_options);
	puts("\nA PEER is a connection string, a URI or the name of a postgres_fdw server, and\n"
		 "a TABLE is schema.table, schema.* or publication:name, as this node sees them.\n"
		 "\"steep-repl COMMAND --help\" lists a command's own options.");
}

void
steep_help_print(const Command *command, const char *first)
{
	if (command == NULL)
	{
		print_commands(first);
		return;
	}
	printf("steep-repl %s: %s\n\nUsage: steep-repl %s [OPTION]... %s\n",
		   command->words, command->help, command->words, command->arguments);
	print_options("Options:", command->options);
	print_options("Options of all commands:", steep_global_options);
}

/* help: like --help after the command. */
ExitCode
steep_help_run(Session *session, const Arguments *arguments)
{
	const char *first = arguments->values[0];
	const Command *command;

	if (steep_arguments_has(arguments, "manual"))
	{
		steep_manual_print();
		return CODE_FINE;
	}
	command = first ? steep_command_find(first, arguments->values[1]) : NULL;
	if (first && command == NULL && (arguments->values[1] || !steep_command_starts(first)))
		steep_command_unknown(first, arguments->values[1]);
	steep_help_print(command, first);
	return CODE_FINE;
}
