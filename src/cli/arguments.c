/*-------------------------------------------------------------------------
 *
 * arguments.c
 *		What stands on the command line.
 *
 * Options may stand anywhere.  "--" ends them, and also the command: a peer
 * that is called like one is written after it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/suggest.h"
#include "cli/text.h"

/* Reads the words of the command line one by one. */
typedef struct Reader
{
	int			argc;
	char	  **argv;
	int			next;
	Arguments  *arguments;
	bool		only_values;	/* "--" has been seen */
} Reader;

static void unknown_option(const Command *command, const char *word)
			__attribute__((noreturn));

static void
unknown_option(const Command *command, const char *word)
{
	Suggestion	suggestion = {.wrong = word + strspn(word, "-")};
	char	   *wrong = steep_text_copy(suggestion.wrong);

	wrong[strcspn(wrong, "=")] = '\0';
	suggestion.wrong = wrong;
	for (const Option *option = command ? command->options : NULL;
		 option && option->name; option++)
		steep_suggest_offer(&suggestion, option->name);
	for (const Option *option = steep_global_options; option->name; option++)
		steep_suggest_offer(&suggestion, option->name);
	steep_complain_fail(CODE_ARGUMENTS,
						steep_suggest_hint(&suggestion, "--",
										   command ? "The option --help lists those of this command." :
										   "Options of a command stand after it; \"steep-repl help\" lists all."),
						"unknown option \"%.*s%s\"",
						(int) strspn(word, "-"), word, wrong);
}

/* Complain about a value that is not the number that the option wants. */
static void
check_number(const Option *option, const char *value)
{
	static const char *const names[] = {"NUMBER", "PORT", "ROWS", "SECONDS"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(option->value, names[i]) == 0 &&
			(strspn(value, "0123456789") != strlen(value) || strlen(value) > 9 || atol(value) == 0))
			steep_complain_fail(CODE_ARGUMENTS, NULL, "option \"--%s\" wants a number, not \"%s\"",
								option->name, value);
	}
}

static void
add_option(Arguments *arguments, const Option *option, const char *value)
{
	GivenOption *given = &arguments->options[arguments->noptions++];

	if (option->value && value == NULL)
		steep_complain_fail(CODE_ARGUMENTS, NULL, "option \"--%s\" wants a value: %s",
							option->name, option->value);
	if (option->value == NULL && value != NULL)
		steep_complain_fail(CODE_ARGUMENTS, NULL, "option \"--%s\" takes no value",
							option->name);
	if (value)
		check_number(option, value);
	given->option = option;
	given->value = value;
}

static char *
next_word(Reader *reader)
{
	return reader->next < reader->argc ? reader->argv[reader->next++] : NULL;
}

/* --name, --name=value, --name value */
static void
read_long(Reader *reader, const char *word)
{
	const Command *command = reader->arguments->command;
	size_t		length = strcspn(word + 2, "=");
	const Option *option = steep_command_option(command, word + 2, length);

	if (option == NULL)
		unknown_option(command, word);
	if (word[2 + length] == '=')
		add_option(reader->arguments, option, word + 2 + length + 1);
	else
		add_option(reader->arguments, option, option->value ? next_word(reader) : NULL);
}

/* -x, -xvalue, -x value, -xy */
static void
read_short(Reader *reader, const char *word)
{
	const Command *command = reader->arguments->command;

	for (const char *letter = word + 1; *letter; letter++)
	{
		const Option *option = steep_command_letter(command, *letter);

		if (option == NULL)
			unknown_option(command, word);
		if (option->value == NULL)
		{
			add_option(reader->arguments, option, NULL);
			continue;
		}
		add_option(reader->arguments, option, letter[1] ? letter + 1 : next_word(reader));
		return;
	}
}

/* Take a word that belongs to the command's name, or to its arguments. */
static void
read_value(Reader *reader, char *word)
{
	Arguments  *arguments = reader->arguments;
	const Command *longer = NULL;

	if (arguments->first == NULL)
	{
		arguments->first = word;
		arguments->command = steep_command_find(word, NULL);
		if (arguments->command == NULL && !steep_command_starts(word))
			steep_command_unknown(word, NULL);
		return;
	}
	if (arguments->count == 0 && !reader->only_values)
		longer = steep_command_find(arguments->first, word);
	if (longer)
		arguments->command = longer;
	else if (arguments->command == NULL)
		steep_command_unknown(arguments->first, word);
	else
		arguments->values[arguments->count++] = word;
}

/* Complain about an option that a second word has taken away. */
static void
check_options(const Arguments *arguments)
{
	for (int i = 0; i < arguments->noptions; i++)
	{
		const char *name = arguments->options[i].option->name;

		if (steep_command_option(arguments->command, name, strlen(name)) !=
			arguments->options[i].option)
			steep_complain_fail(CODE_ARGUMENTS, "Write it after the command.",
								"option \"--%s\" is not one of \"%s\"", name,
								arguments->command->words);
	}
}

Arguments *
steep_arguments_read(int argc, char **argv)
{
	Arguments  *arguments = steep_text_memory(sizeof(Arguments));
	Reader		reader = {
		.argc = argc,
		.argv = argv,
		.next = 1,
		.arguments = arguments
	};
	char	   *word;

	arguments->values = steep_text_memory((argc + 1) * sizeof(char *));
	/* each letter may be one */
	for (int i = 1; i < argc; i++)
		arguments->noptions += strlen(argv[i]) + 1;
	arguments->options = steep_text_memory((arguments->noptions + 1) * sizeof(GivenOption));
	arguments->noptions = 0;
	while ((word = next_word(&reader)) != NULL)
	{
		if (reader.only_values || word[0] != '-' || word[1] == '\0')
			read_value(&reader, word);
		else if (strcmp(word, "--") == 0)
			reader.only_values = true;
		else if (word[1] == '-')
			read_long(&reader, word);
		else
			read_short(&reader, word);
	}
	if (arguments->command)
		check_options(arguments);
	else if (arguments->first && !steep_arguments_has(arguments, "help"))
		steep_command_unknown(arguments->first, NULL);
	return arguments;
}

void
steep_arguments_check(const Arguments *arguments)
{
	const char *wanted = arguments->command->arguments;
	int			least = 0;
	int			most = 0;
	Text		hint = {0};

	for (const char *c = wanted; *c; c += strcspn(c, " "))
	{
		c += strspn(c, " ");
		least += *c != '[';
		most++;
	}
	if (strstr(wanted, "..."))
		most = arguments->count;
	if (arguments->count >= least && arguments->count <= most)
		return;
	steep_text_format(&hint, "Use it as: steep-repl %s %s",
					  arguments->command->words, wanted);
	if (arguments->count < least)
		steep_complain_fail(CODE_ARGUMENTS, hint.data, "\"%s\" wants more arguments",
							arguments->command->words);
	steep_complain_fail(CODE_ARGUMENTS, hint.data, "\"%s\" has an argument too many: \"%s\"",
						arguments->command->words, arguments->values[most]);
}

const char *
steep_arguments_option(const Arguments *arguments, const char *name)
{
	const char *value = NULL;

	for (int i = 0; i < arguments->noptions; i++)
	{
		if (strcmp(arguments->options[i].option->name, name) == 0)
			value = arguments->options[i].value;
	}
	return value;
}

bool
steep_arguments_has(const Arguments *arguments, const char *name)
{
	for (int i = 0; i < arguments->noptions; i++)
	{
		if (strcmp(arguments->options[i].option->name, name) == 0)
			return true;
	}
	return false;
}

const char *
steep_arguments_object(const Arguments *arguments, const char *name,
					   AppendValue append_value)
{
	Text		json = {0};

	for (int i = 0; i < arguments->noptions; i++)
	{
		const GivenOption *given = &arguments->options[i];
		size_t		length;
		char	   *key;

		if (strcmp(given->option->name, name) != 0)
			continue;
		length = strcspn(given->value, "=");
		if (given->value[length] == '\0')
			steep_complain_fail(CODE_ARGUMENTS, NULL, "option \"--%s\" wants %s, not \"%s\"",
								name, given->option->value, given->value);
		key = steep_text_copy(given->value);
		key[length] = '\0';
		steep_text_append(&json, json.length > 0 ? ", " : "{");
		steep_text_json(&json, key);
		steep_text_append(&json, ": ");
		append_value(&json, key + length + 1);
	}
	if (json.length > 0)
		steep_text_append(&json, "}");
	return json.data;
}

void
steep_arguments_append_list(Text *json, const char *value)
{
	char	   *rest = steep_text_copy(value);
	const char *word;

	steep_text_append(json, "[");
	while ((word = strsep(&rest, ",")) != NULL)
	{
		steep_text_json(json, word);
		steep_text_append(json, rest ? ", " : "]");
	}
}

const char *
steep_arguments_list(const char *value)
{
	char	   *rest;
	const char *words[64];
	int			count = 0;

	if (value == NULL)
		return NULL;
	rest = steep_text_copy(value);
	while (count < 64 && (words[count] = strsep(&rest, ",")) != NULL)
		count++;
	return steep_text_array(count, words);
}

void
steep_arguments_append_value(Text *json, const char *value)
{
	char	   *end;

	strtod(value, &end);
	if ((*value && *end == '\0') || strchr("{[\"", *value) != NULL ||
		strcmp(value, "true") == 0 || strcmp(value, "false") == 0 || strcmp(value, "null") == 0)
		steep_text_append(json, *value ? value : "\"\"");
	else
		steep_text_json(json, value);
}
