/*-------------------------------------------------------------------------
 *
 * manual.c
 *		What the manual says of all commands, from their table.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/manual.h"

/* Print text; a dash that is typed is not a hyphen. */
static void
print_text(const char *string)
{
	for (; *string; string++)
	{
		if (*string == '-' || *string == '\\')
			putchar('\\');
		putchar(*string);
	}
}

/* Print text as a sentence. */
static void
print_sentence(const char *string)
{
	putchar(toupper((unsigned char) *string));
	print_text(string + 1);
	puts(".");
}

static void
print_options(const Option *options)
{
	for (; options->name; options++)
	{
		printf(".TP\n.B \"");
		if (options->letter)
			printf("\\-%c, ", options->letter);
		printf("\\-\\-");
		print_text(options->name);
		if (options->value)
		{
			putchar(' ');
			print_text(options->value);
		}
		puts("\"");
		print_sentence(options->help);
	}
}

void
steep_manual_print(void)
{
	puts(".SH COMMANDS");
	for (const Command *command = steep_commands; command->words; command++)
	{
		printf(".SS \"%s%s", command->words, command->arguments[0] ? " " : "");
		print_text(command->arguments);
		puts("\"");
		print_sentence(command->help);
		print_options(command->options);
	}
	puts(".SH OPTIONS\nThese may stand anywhere.");
	print_options(steep_global_options);
}
