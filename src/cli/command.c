/*-------------------------------------------------------------------------
 *
 * command.c
 *		The table of commands.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/groups.h"
#include "cli/job.h"
#include "cli/suggest.h"
#include "cli/text.h"

#define KEY_OF_TABLE \
	{"key", 'k', "TABLE=COLUMN,...", "columns that identify a row of a table without primary key"}

#define LIMIT \
	{"limit", 0, "ROWS", "without it 20"}

#define HTML \
	{"html", 0, "FILE", "write a page for a browser instead"}

#define PARALLEL \
	{"parallel", 'j', "NUMBER", "workers, from 1 to 32; without it 4"}

#define PEER_AGAIN \
	{"peer", 0, "PEER", "the peer, if reaching it takes a password that was not kept"}

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

#define RUN(name) steep_##name##_run, NULL
#define SHOW(name) NULL, &steep_##name##_report

const Command steep_commands[] = {
	{"overlap", "PEER TABLE...", "count the rows that differ from those of a peer", RUN(overlap), {
			{"check", 0, NULL, "end with 3 if anything differs"},
			KEY_OF_TABLE,
			HTML,
	}},
	{"diff", "PEER TABLE", "list the rows that differ from those of a peer", RUN(diff), {
			{"key", 'k', "COLUMN,...", "columns that identify a row"},
			{"limit", 0, "ROWS", "list no more than that"},
			HTML,
	}},
	{"merge", "PEER TABLE...", "make the rows of both nodes the same", RUN(merge), {
			{"strategy", 's', "prefer-local|prefer-remote|last-modified|manual", "whose row stays; without it prefer-local"},
			{"dry-run", 'n', NULL, "only plan it, to be looked at and applied later"},
			{"option", 'o', "NAME=VALUE", "any other option of start_merge()"},
			KEY_OF_TABLE,
			STEEP_JOB_OPTIONS,
	}},
	{"merge list", "", "list the last merges", SHOW(merge_list), {LIMIT}},
	{"merge show", "MERGE", "show a merge, and what it has decided", RUN(merge_show), {HTML}},
	{"merge conflicts", "MERGE", "list conflicts that wait for a decision", SHOW(merge_conflicts), {{0}}},
	{"merge resolve", "MERGE TABLE KEY local|remote|skip|custom", "decide a conflict; with the key \"all\", all of a table", RUN(merge_resolve), {
			{"row", 0, "JSON", "with custom: the row that both nodes get"},
	}},
	{"merge apply", "MERGE", "apply a dry run, or what is decided", RUN(merge_apply), {PEER_AGAIN, STEEP_JOB_OPTIONS}},
	{"merge revert", "MERGE", "undo a merge, where rows are still as it left them", RUN(merge_revert), {PEER_AGAIN, STEEP_JOB_OPTIONS}},
	{"merge sql", "MERGE", "list the statements that apply a merge", SHOW(merge_sql), {{0}}},
	{"node register", "NODE [NAME]", "register a node, or change one; without host and server, this one", SHOW(node_register), {
			{"host", 0, "HOST", "where it is"},
			{"port", 0, "PORT", "without it 5432"},
			{"priority", 0, "NUMBER", "from 1 to 100, without it 50"},
			{"server", 0, "SERVER", "the postgres_fdw server to reach it by"},
	}},
	{"node list", "", "list the nodes, and whether they are alive", SHOW(node_list), {{0}}},
	{"node check", "NODE", "connect to a node and say what it is", SHOW(node_check), {{0}}},
	{"node heartbeat", "NODE", "say that a node is alive", SHOW(node_heartbeat), {{0}}},
	{"node remove", "NODE", "forget a node", SHOW(node_remove), {{0}}},
	{"schema capture", "NODE", "keep the fingerprints of a node's tables", SHOW(schema_capture), {{0}}},
	{"schema compare", "NODE PEERNODE", "list the tables that differ; end with 3 if there are any", RUN(schema_compare), {
			{"all", 'a', NULL, "list those that match, too"},
	}},
	{"schema diff", "PEER TABLE", "list how a table differs from that of a peer", RUN(schema_diff), {
			{"sql", 0, NULL, "print only the statements that make it the same here"},
	}},
	{"snapshot generate", "PATH", "write tables to files in a new directory", RUN(snapshot_generate), {
			{"compression", 'C', "none|gzip|lz4|zstd", "or with a level, as in zstd:3; without it none"},
			PARALLEL,
			{"table", 't', "TABLE", "only this one; give it again for others"},
			{"client", 0, NULL, "to files of this program, not of the server; takes SELECT only"},
			STEEP_JOB_OPTIONS,
	}},
	{"snapshot apply", "PATH", "load a snapshot into this database", RUN(snapshot_apply), {
			PARALLEL,
			{"table", 't', "TABLE", "only this one; give it again for others"},
			{"force", 0, NULL, "add rows to tables that have some"},
			{"no-verify", 0, NULL, "don't compare the tables with the manifest in the end"},
			{"client", 0, NULL, "from files of this program, not of the server; takes INSERT only"},
			STEEP_JOB_OPTIONS,
	}},
	{"snapshot list", "", "list the last snapshots that were written or applied", SHOW(snapshot_list), {LIMIT}},
	{"snapshot verify", "PATH", "read a snapshot through; end with 1 if anything is wrong with it", RUN(snapshot_verify), {
			{"client", 0, NULL, "one on the disk of this program; takes no server"},
	}},
	{"init start", "NODE SOURCE", "make this node a copy of another", RUN(init_start), {
			{"method", 'm', "METHOD", "how; without it snapshot"},
			{"option", 'o', "NAME=VALUE", "any other option of start_init()"},
			STEEP_JOB_OPTIONS,
	}},
	{"init prepare", "NODE", "make a slot, for a copy made by other means", SHOW(init_prepare), {
			{"slot", 0, "NAME", "what to call it"},
	}},
	{"init complete", "NODE SOURCE SLOT", "go on from a copy made by other means", RUN(init_complete), {STEEP_JOB_OPTIONS}},
	{"init cancel", "NODE", "stop making a node a copy", SHOW(init_cancel), {{0}}},
	{"init status", "[NODE]", "show how far a node is, or all", RUN(init_status), {{0}}},
	{"init reinit", "NODE", "copy all or some tables of a node again", RUN(init_reinit), {
			{"tables", 't', "TABLE,...", "these"},
			{"schema", 0, "SCHEMA", "those of a schema"},
			{"full", 0, NULL, "all"},
			STEEP_JOB_OPTIONS,
	}},
	{"ops list", "", "list the last jobs", SHOW(ops_list), {
			{"status", 0, "pending|running|complete|failed|cancelled", "only those"},
			{"limit", 0, "ROWS", "without it 100"},
	}},
	{"ops watch", "[ID]", "wait for the end of a job; without an id watch all until Ctrl-C", RUN(ops_watch), {{0}}},
	{"ops cancel", "ID", "end a job", SHOW(ops_cancel), {{0}}},
	{"health", "", "say whether this node can work; end with 1 if it can't", SHOW(health), {{0}}},
	{"completion", "bash|zsh", "print what makes a shell complete words", RUN(completion), {{0}}},
	{"help", "[COMMAND...]", "say how commands are used", RUN(help), {
			{"manual", 0, NULL, "print what the manual says of all commands"},
	}},
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
	Text		hint = {0};

	steep_text_append(&prefix, in_group ? first : "");
	steep_text_append(&prefix, in_group ? " " : "");
	if (suggestion.wrong == NULL)
	{
		steep_text_format(&hint, "\"steep-repl help %s\" lists those that may follow.", first);
		steep_complain_fail(CODE_ARGUMENTS, hint.data, "\"%s\" wants another word", first);
	}
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

ExitCode
steep_command_run(Session *session, const Arguments *arguments)
{
	const Command *command = arguments->command;

	steep_arguments_check(arguments);
	if (command->report)
		return steep_report_command(session, command->report, arguments);
	return command->run(session, arguments);
}
