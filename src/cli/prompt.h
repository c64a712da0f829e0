/*-------------------------------------------------------------------------
 *
 * prompt.h
 *		Questions to the person at the terminal.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PROMPT_H
#define STEEP_REPL_PROMPT_H

#include <stdbool.h>

/* Is there anybody to ask? */
extern bool steep_prompt_is_possible(void);

/* Ask for a text that nobody else shall see. */
extern const char *steep_prompt_secret(const char *question);

/*
 * Ask until the answer starts with one of these letters, and return that; the
 * first one if a signal comes, or the terminal has gone.
 */
extern char steep_prompt_choice(const char *question, const char *letters);

#endif							/* STEEP_REPL_PROMPT_H */
