/*-------------------------------------------------------------------------
 *
 * option_values.h
 *		The kinds of values that options have.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_OPTION_VALUES_H
#define STEEP_REPL_OPTION_VALUES_H

#include "utils/jsonb.h"

typedef struct Option Option;

typedef void (*OptionKind) (const Option *option, const JsonbValue *value);

struct Option
{
	const char *name;
	OptionKind	check;
	const char *hint;			/* what to write */
	const char *words[4];		/* those that are allowed, up to NULL */
	int64		most;			/* of a number, that is not below least */
	int64		least;
};

/* Refuses options that are not in a table, or not of their kind. */
extern void steep_options_check_known(Jsonb *options, const Option *table,
									  size_t count);

/* Each raises an error with the option's hint if a value is not of its kind. */
extern void steep_option_word(const Option *option, const JsonbValue *value);
extern void steep_option_name(const Option *option, const JsonbValue *value);
extern void steep_option_names(const Option *option, const JsonbValue *value);
extern void steep_option_words(const Option *option, const JsonbValue *value);
extern void steep_option_flag(const Option *option, const JsonbValue *value);
extern void steep_option_number(const Option *option, const JsonbValue *value);
extern void steep_option_fraction(const Option *option,
								  const JsonbValue *value);
extern void steep_option_snapshot(const Option *option,
								  const JsonbValue *value);
extern void steep_option_strategies(const Option *option,
									const JsonbValue *value);
extern void steep_option_column(const Option *option, const JsonbValue *value);
extern void steep_option_columns(const Option *option,
								 const JsonbValue *value);
extern void steep_option_conditions(const Option *option,
									const JsonbValue *value);

#endif							/* STEEP_REPL_OPTION_VALUES_H */
