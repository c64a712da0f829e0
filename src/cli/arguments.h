/*-------------------------------------------------------------------------
 *
 * arguments.h
 *		What stands on the command line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ARGUMENTS_H
#define STEEP_REPL_ARGUMENTS_H

#include <stdbool.h>

#include "cli/text.h"

struct Command;
struct Option;

typedef struct GivenOption
{
	const struct Option *option;
	const char *value;			/* NULL if it takes none */
} GivenOption;

typedef struct Arguments
{
	const struct Command *command;	/* NULL if there is none */
	const char *first;			/* word of the command, or NULL */
	int			count;
	const char **values;		/* ends with NULL */
	int			noptions;
	GivenOption *options;		/* in their order */
} Arguments;

/* Read the command line, or complain about it and end. */
extern Arguments *steep_arguments_read(int argc, char **argv);

/* Complain unless a command has as many arguments as it wants. */
extern void steep_arguments_check(const Arguments *arguments);

extern bool steep_arguments_has(const Arguments *arguments, const char *name);

/* The value of an option, the last if it was given twice; or NULL. */
extern const char *steep_arguments_option(const Arguments *arguments,
										  const char *name);

/*
 * Make a JSON object of options NAME=VALUE, or return NULL if none was given.
 * append_value appends a value as JSON.
 */
typedef void (*AppendValue) (Text *json, const char *value);
extern const char *steep_arguments_object(const Arguments *arguments,
										  const char *name,
										  AppendValue append_value);

/* Append a value, as JSON if it looks like that, else as a string. */
extern void steep_arguments_append_value(Text *json, const char *value);

/* Append a list of words, as in "id,at", as a JSON array of strings. */
extern void steep_arguments_append_list(Text *json, const char *value);

/* Make an array of texts of such a list, or return NULL. */
extern const char *steep_arguments_list(const char *value);

#endif							/* STEEP_REPL_ARGUMENTS_H */
