/*-------------------------------------------------------------------------
 *
 * command.h
 *		The table of commands.
 *
 * Help, completion, the manual's list and what is said about a wrong word or
 * option all come from it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COMMAND_H
#define STEEP_REPL_COMMAND_H

#include "cli/arguments.h"
#include "cli/complain.h"
#include "cli/session.h"

#define STEEP_VERSION "1.0"

typedef struct Option
{
	const char *name;			/* after two dashes */
	char		letter;			/* after one dash; 0: none */
	const char *value;			/* "ROWS", "local|remote"; NULL: takes none */
	const char *help;			/* in a few words */
} Option;

#define MOST_OPTIONS 8

typedef ExitCode CommandRun(Session *session, const Arguments *arguments);

typedef struct Command
{
	const char *words;			/* "merge", "merge list" */
	const char *arguments;		/* "PEER TABLE...", "bash|zsh"; [..] may be
								 * left out */
	const char *help;			/* in a line */
	CommandRun *run;			/* what it does; or else */
	const struct Report *report;	/* what it shows */
	Option		options[MOST_OPTIONS + 1];	/* ends with one without name */
} Command;

/* These end with one without words or name. */
extern const Command steep_commands[];
extern const Option steep_global_options[];

/* Find a command by its words; the second may be NULL. */
extern const Command *steep_command_find(const char *first, const char *second);

/* Does any command start with this word? */
extern bool steep_command_starts(const char *first);

/* Complain about a command that does not exist, with the nearest. */
extern void steep_command_unknown(const char *first, const char *second)
			__attribute__((noreturn));

/* Find an option of a command, which may be NULL, or of all commands. */
extern const Option *steep_command_option(const Command *command,
										  const char *name, size_t length);
extern const Option *steep_command_letter(const Command *command, char letter);

/* Complain about a command line that it does not fit, or run it. */
extern ExitCode steep_command_run(Session *session, const Arguments *arguments);

#endif							/* STEEP_REPL_COMMAND_H */
