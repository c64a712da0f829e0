/*-------------------------------------------------------------------------
 *
 * help.h
 *		How commands are used, from their table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_HELP_H
#define STEEP_REPL_HELP_H

#include "cli/command.h"

/*
 * Print how one command is used; or, with NULL, which commands start with a
 * word; or, if that is NULL too, which there are.
 */
extern void steep_help_print(const Command *command, const char *first);

/* List an option as "-k, --key COLUMN,...". */
extern const char *steep_help_option(const Option *option);

#endif							/* STEEP_REPL_HELP_H */
