/*-------------------------------------------------------------------------
 *
 * command.c
 *		The table of commands.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/command.h"
#include "cli/suggest.h"
#include "cli/text.h"

#define KEY_OF_TABLE \
	{"key", 'k', "TABLE=COLUMN,...", "columns that identify a row of a table without primary key"}

const Option steep_global_options[] = {
	{"conninfo", 'c', "CONNINFO", "connect by a connection string or URI; else as psql does, by PGHOST and so on"},
	{"connection", 0, "NAME", "connect as ~/.config/steep/config.yaml says under this name"},
	{"json", 0, NULL, "answer in JSON; long work reports a line at a time"},
	{"quiet", 'q', NULL, "show no progress and no notices, and no more than was asked for"},
	{"no-color", 0, NULL, "use no colours, as with NO_COLOR in the environment"},
	{"timeout", 0, "SECONDS", "give up after that; a job goes on"},
	{"help", 'h', NULL, "say how a command is used, and end"},
	{"version", 'V', NULL, "say which version this is, and end"},
	{0}
};

const Command steep_commands[] = {
	{"overlap", "PEER TABLE...", "count the rows that differ from those of a peer", steep_overlap_run, {
			{"check", 0, NULL, "end with 3 if anything differs"},
			KEY_OF_TABLE,
	}},
	{"diff", "PEER TABLE", "list the rows that differ from those of a peer", steep_diff_run, {
			{"key", 'k', "COLUMN,...", "columns that identify a row"},
			{"limit", 'n', "ROWS", "list no more than that"},
	}},
	{"health", "", "say whether this node can work; end with 1 if it can't", steep_health_run, {{0}}},
	{"completion", "bash|zsh", "print what makes a shell complete words", steep_completion_run, {{0}}},
	{"help", "[COMMAND...]", "say how commands are used", steep_help_run, {{0}}},
	{0}
};

/* Is it "first second", or just first if there is no second? */
static bool
has_words(const Command *command, const char *first, const char *second)
{
	size_t		length = strlen(first);

	if (strncmp(command->words, first, length) != 0)
		return false;
	if (second == NULL)
		return command->words[length] == '\0';
	return command->words[length] == ' ' &&
		strcmp(command->words + length + 1, second) == 0;
}

const Command *
steep_command_find(const char *first, const char *second)
{
	for (const Command *command = steep_commands; command->words; command++)
	{
		if (has_words(command, first, second))
			return command;
	}
	return NULL;
}

bool
steep_command_starts(const char *first)
{
	size_t		length = strlen(first);

	for (const Command *command = steep_commands; command->words; command++)
	{
		if (strncmp(command->words, first, length) == 0 &&
			strchr(" ", command->words[length]) != NULL)
			return true;
	}
	return false;
}

/* Offer the words that may stand after those of a group, or the first ones. */
static void
offer_words(Suggestion *suggestion, const char *group)
{
	size_t		skip = group ? strlen(group) + 1 : 0;

	for (const Command *command = steep_commands; command->words; command++)
	{
		const char *words = command->words;
		char	   *word;

		if (group && (strncmp(words, group, skip - 1) != 0 || words[skip - 1] != ' '))
			continue;
		word = steep_text_copy(words + skip);
		word[strcspn(word, " ")] = '\0';
		steep_suggest_offer(suggestion, word);
	}
}

void
steep_command_unknown(const char *first, const char *second)
{
	bool		in_group = steep_command_starts(first);
	Suggestion	suggestion = {.wrong = in_group ? second : first};
	Text		prefix = {0};

	steep_text_append(&prefix, in_group ? first : "");
	steep_text_append(&prefix, in_group ? " " : "");
	if (suggestion.wrong == NULL)
		steep_complain_fail(CODE_ARGUMENTS,
							steep_suggest_hint(&(Suggestion) {0}, "", "See \"steep-repl help\"."),
							"\"%s\" wants another word", first);
	offer_words(&suggestion, in_group ? first : NULL);
	steep_complain_fail(CODE_ARGUMENTS,
						steep_suggest_hint(&suggestion, prefix.data,
										   "\"steep-repl help\" lists the commands."),
						"unknown command \"%s%s\"", prefix.data, suggestion.wrong);
}

static const Option *
find_option(const Option *options, const char *name, size_t length)
{
	for (; options->name; options++)
	{
		if (strncmp(options->name, name, length) == 0 && options->name[length] == '\0')
			return options;
	}
	return NULL;
}

const Option *
steep_command_option(const Command *command, const char *name, size_t length)
{
	const Option *option = command ? find_option(command->options, name, length) : NULL;

	return option ? option : find_option(steep_global_options, name, length);
}

static const Option *
find_letter(const Option *options, char letter)
{
	for (; options->name; options++)
	{
		if (options->letter == letter)
			return options;
	}
	return NULL;
}

const Option *
steep_command_letter(const Command *command, char letter)
{
	const Option *option = command ? find_letter(command->options, letter) : NULL;

	return option ? option : find_letter(steep_global_options, letter);
}
