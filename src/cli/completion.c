/*-------------------------------------------------------------------------
 *
 * completion.c
 *		What makes a shell complete words, from the table of commands.
 *
 * Both scripts hold a list of what may follow which words; a shell function
 * picks from it.  They differ only in how a shell is told.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/text.h"

static void
append_options(Text *words, const Option *options)
{
	for (; options->name; options++)
		steep_text_format(words, "--%s ", options->name);
}

/* Append the words of "a|b|c", if it is such a choice. */
static void
append_choices(Text *words, const char *choices)
{
	if (choices == NULL || strchr(choices, '|') == NULL)
		return;
	for (const char *c = choices; *c; c++)
	{
		if (*c == '|' || *c == ' ')
			steep_text_append(words, " ");
		else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c) != NULL)
			steep_text_bytes(words, c, 1);
	}
	steep_text_append(words, " ");
}

/* Append the words that follow a first one; nothing if none does. */
static void
append_second_words(Text *words, const char *first)
{
	size_t		length = strlen(first);

	for (const Command *command = steep_commands; command->words; command++)
	{
		if (strncmp(command->words, first, length) == 0 && command->words[length] == ' ')
			steep_text_format(words, "%s ", command->words + length + 1);
	}
}

/* Append all first words, each once: those of a group stand together. */
static void
append_first_words(Text *words)
{
	const char *last = "";
	size_t		last_length = 0;

	for (const Command *command = steep_commands; command->words; command++)
	{
		size_t		length = strcspn(command->words, " ");

		if (length != last_length || strncmp(last, command->words, length) != 0)
			steep_text_format(words, "%.*s ", (int) length, command->words);
		last = command->words;
		last_length = length;
	}
}

/* Print "'words') words='...';;", a branch of a case of either shell. */
static void
print_branch(const char *pattern, const char *words)
{
	printf("\t'%s') words='%s' ;;\n", pattern, words);
}

static void
print_commands(void)
{
	Text		words = {0};

	append_first_words(&words);
	append_options(&words, steep_global_options);
	print_branch("", words.data);
	for (const Command *command = steep_commands; command->words; command++)
	{
		steep_text_reset(&words);
		append_second_words(&words, command->words);
		append_choices(&words, command->arguments);
		append_options(&words, command->options);
		append_options(&words, steep_global_options);
		print_branch(command->words, words.data);
	}
	/* groups without a command of their own name */
	for (const Command *command = steep_commands; command->words; command++)
	{
		char	   *first = steep_text_copy(command->words);

		first[strcspn(first, " ")] = '\0';
		if (command > steep_commands &&
			strncmp(command[-1].words, first, strlen(first)) == 0)
			continue;
		if (steep_command_find(first, NULL) != NULL)
			continue;
		steep_text_reset(&words);
		append_second_words(&words, first);
		print_branch(first, words.data);
	}
}

/* Print the values of options that choose from some. */
static void
print_values(void)
{
	for (const Command *command = steep_commands; command->words; command++)
	{
		for (const Option *option = command->options; option->name; option++)
		{
			Text		words = {0};

			append_choices(&words, option->value);
			if (words.length > 0)
				printf("\t--%s) words='%s' ;;\n", option->name, words.data);
		}
	}
}

/* Print how the words of the command are found among those typed so far. */
static void
print_function(const char *name, const char *typed)
{
	printf("%s()\n{\n"
		   "	local words='' command='' word='' previous=''\n"
		   "	for word in %s; do\n"
		   "		case $previous in\n"
		   "		-c | --conninfo | --connection | --timeout) ;;\n"
		   "		*)\n"
		   "			case $word in\n"
		   "			-*) ;;\n"
		   "			*) case \"$command\" in\n"
		   "				'') command=$word ;;\n"
		   "				*' '*) ;;\n"
		   "				*) command=\"$command $word\" ;;\n"
		   "				esac ;;\n"
		   "			esac ;;\n"
		   "		esac\n"
		   "		previous=$word\n"
		   "	done\n", name, typed);
	/* what looks like a second word may be the first argument */
	printf("	for word in \"$command\" \"${command%%%% *}\"; do\n"
		   "	[ -n \"$words\" ] || case $word in\n");
	print_commands();
	printf("	esac\n	done\n");
	printf("	case $previous in\n");
	print_values();
	printf("	esac\n");
}

ExitCode
steep_completion_run(Session *session, const Arguments *arguments)
{
	if (strcmp(arguments->values[0], "bash") == 0)
	{
		puts("# completion of steep-repl for bash");
		print_function("_steep_repl", "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
		puts("	COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
			 "complete -o default -F _steep_repl steep-repl");
		return CODE_FINE;
	}
	puts("#compdef steep-repl");
	/* "words" is zsh's own, and local to the function below */
	print_function("_steep_repl_words", "\"$@\"");
	puts("	print -r -- \"$words\"\n}\n"
		 "compadd -- ${=\"$(_steep_repl_words \"${(@)words[2,CURRENT-1]}\")\"} || _files");
	return CODE_FINE;
}
