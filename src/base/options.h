/*-------------------------------------------------------------------------
 *
 * options.h
 *		The options of start_merge(), checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_OPTIONS_H
#define STEEP_REPL_OPTIONS_H

#include "utils/jsonb.h"

extern void steep_options_check(Jsonb *options);
extern bool steep_options_allow_echo(Jsonb *options);
extern Jsonb *steep_options_object(Jsonb *options, const char *name);
extern const char *steep_options_strategy(const char *written);

#endif							/* STEEP_REPL_OPTIONS_H */
