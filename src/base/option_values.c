/*-------------------------------------------------------------------------
 *
 * option_values.c
 *		The kinds of values that options have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/condition.h"
#include "base/option_values.h"
#include "base/options.h"

/* Checks a member of an object: the value for one table. */
typedef void (*MemberCheck) (const Option *option, const char *table,
							 const JsonbValue *value);

static void
report_value(const Option *option)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value of option \"%s\"", option->name),
			 errhint("%s", option->hint)));
}

static char *
copy_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
is_word(const JsonbValue *value, const char *word)
{
	return value->type == jbvString &&
		value->val.string.len == (int) strlen(word) &&
		strncmp(value->val.string.val, word, strlen(word)) == 0;
}

/* Find which of the option's words a value is, or -1. */
static int
find_word(const Option *option, const JsonbValue *value)
{
	for (int i = 0; option->words[i] != NULL; i++)
	{
		if (is_word(value, option->words[i]))
			return i;
	}
	return -1;
}

void
steep_option_word(const Option *option, const JsonbValue *value)
{
	if (find_word(option, value) < 0)
		report_value(option);
}

/* Check a list of some of the words, each once. */
void
steep_option_words(const Option *option, const JsonbValue *value)
{
	JsonbIterator *it;
	JsonbValue	word;
	JsonbIteratorToken token;
	int			seen = 0;

	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		report_value(option);
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &word, true)) != WJB_DONE)
	{
		int			bit = 0;

		if (token != WJB_ELEM)
			continue;
		if (find_word(option, &word) >= 0)
			bit = 1 << find_word(option, &word);
		if (bit == 0 || (seen & bit) != 0)
			report_value(option);
		seen |= bit;
	}
	if (seen == 0)
		report_value(option);
}

void
steep_option_flag(const Option *option, const JsonbValue *value)
{
	if (value->type != jbvBool)
		report_value(option);
}

static char *
print_number(const Option *option, const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		report_value(option);
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(value->val.numeric)));
}

/* Check a whole number, which is read back as it is written. */
void
steep_option_number(const Option *option, const JsonbValue *value)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(print_number(option, value), &end, 10);
	if (errno != 0 || *end != '\0' || number < option->least ||
		number > option->most)
		report_value(option);
}

void
steep_option_fraction(const Option *option, const JsonbValue *value)
{
	double		number = strtod(print_number(option, value), NULL);

	if (!(number >= option->least && number <= option->most))
		report_value(option);
}

/* Check the name of an exported snapshot, which is of such letters only. */
void
steep_option_snapshot(const Option *option, const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0 ||
		strspn(copy_string(value), "0123456789ABCDEF-") != (size_t) value->val.string.len)
		report_value(option);
}

/* Check an object, and its members. */
static void
check_members(const Option *option, const JsonbValue *value,
			  MemberCheck check)
{
	JsonbIterator *it;
	JsonbValue	member;
	JsonbIteratorToken token;
	char	   *table = NULL;

	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		report_value(option);
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &member, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			table = copy_string(&member);
		else if (token == WJB_VALUE)
			check(option, table, &member);
	}
}

static void
check_member_strategy(const Option *option, const char *table,
					  const JsonbValue *value)
{
	(void) steep_options_strategy(value->type == jbvString ?
								  copy_string(value) : NULL);
}

void
steep_option_strategies(const Option *option, const JsonbValue *value)
{
	check_members(option, value, check_member_strategy);
}

static void
check_member_name(const Option *option, const char *table,
				  const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0)
		report_value(option);
}

/* Check one name. */
void
steep_option_name(const Option *option, const JsonbValue *value)
{
	check_member_name(option, NULL, value);
}

/* Check the name of a column, or names of columns by table. */
void
steep_option_column(const Option *option, const JsonbValue *value)
{
	if (value->type == jbvString)
		check_member_name(option, NULL, value);
	else
		check_members(option, value, check_member_name);
}

static void
check_member_names(const Option *option, const char *table,
				   const JsonbValue *value)
{
	JsonbIterator *it;
	JsonbValue	name;
	JsonbIteratorToken token;

	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) == 0)
		report_value(option);
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &name, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			check_member_name(option, table, &name);
	}
}

/* Check a list of names, one at least. */
void
steep_option_names(const Option *option, const JsonbValue *value)
{
	check_member_names(option, NULL, value);
}

void
steep_option_columns(const Option *option, const JsonbValue *value)
{
	check_members(option, value, check_member_names);
}

static void
check_member_condition(const Option *option, const char *table,
					   const JsonbValue *value)
{
	if (value->type != jbvString)
		report_value(option);
	steep_condition_check(table, copy_string(value));
}

void
steep_option_conditions(const Option *option, const JsonbValue *value)
{
	check_members(option, value, check_member_condition);
}
