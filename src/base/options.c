/*-------------------------------------------------------------------------
 *
 * options.c
 *		The options of start_merge(), checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/options.h"

typedef void (*OptionCheck) (const char *name, const JsonbValue *value);

static void
report_value(const char *name, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value of option \"%s\"", name),
			 errhint("%s", hint)));
}

static void
check_object(const char *name, const JsonbValue *value)
{
	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		report_value(name, "Write an object, with a member for each table.");
}

/* Check a whole number in a range. */
static void
check_number(const char *name, const JsonbValue *value, int least, int most)
{
	char	   *end = NULL;
	long		number = -1;

	/* the option is stored and read back as it was written */
	if (value->type == jbvNumeric)
		number = strtol(DatumGetCString(DirectFunctionCall1(numeric_out,
															NumericGetDatum(value->val.numeric))),
						&end, 10);
	if (end == NULL || *end != '\0' || number < least || number > most)
		report_value(name, psprintf("Write a whole number from %d to %d.",
									least, most));
}

static void
check_batch_size(const char *name, const JsonbValue *value)
{
	check_number(name, value, 1, 100000);
}

static void
check_milliseconds(const char *name, const JsonbValue *value)
{
	check_number(name, value, 0, 86400000);
}

/* Is a value the string? */
static bool
is_string(const JsonbValue *value, const char *text)
{
	return value->type == jbvString &&
		value->val.string.len == (int) strlen(text) &&
		strncmp(value->val.string.val, text, value->val.string.len) == 0;
}

static void
check_echo(const char *name, const JsonbValue *value)
{
	if (!is_string(value, "refuse") && !is_string(value, "allow"))
		report_value(name, "Write \"refuse\" or \"allow\".");
}

static void
check_atomicity(const char *name, const JsonbValue *value)
{
	if (is_string(value, "merge"))
		return;
	report_value(name, "Write \"merge\": this release applies a merge as a whole or not at all.");
}

/* What start_merge() understands. */
static const struct
{
	const char *name;
	OptionCheck check;
}			known[] =
{
	{"primary_keys", check_object},
	{"strategies", check_object},
	{"atomicity", check_atomicity},
	{"batch_size", check_batch_size},
	{"lock_timeout_ms", check_milliseconds},
	{"echo", check_echo},
};

/* List the options that exist. */
static char *
list_known(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (size_t i = 0; i < lengthof(known); i++)
		appendStringInfo(&list, "%s%s", i ? ", " : "", known[i].name);
	return list.data;
}

static void
check_option(const char *name, const JsonbValue *value)
{
	for (size_t i = 0; i < lengthof(known); i++)
	{
		if (strcmp(known[i].name, name) == 0)
		{
			known[i].check(name, value);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" does not exist", name),
			 errhint("Options are %s.", list_known())));
}

/* Refuse options that do not exist, or whose value is not of their kind. */
void
steep_options_check(Jsonb *options)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p_options must be a JSON object"),
				 errhint("Write '{}', or options by name.")));
	it = JsonbIteratorInit(&options->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			check_option(name, &value);
	}
}

/* May subscriptions send back what the merge writes? */
bool
steep_options_allow_echo(Jsonb *options)
{
	JsonbValue	found;

	return getKeyJsonValueFromContainer(&options->root, "echo", strlen("echo"),
										&found) != NULL &&
		is_string(&found, "allow");
}

/* Return an option that is an object, or NULL. */
Jsonb *
steep_options_object(Jsonb *options, const char *name)
{
	JsonbValue	found;

	if (!getKeyJsonValueFromContainer(&options->root, name, strlen(name),
									  &found))
		return NULL;
	return JsonbValueToJsonb(&found);
}

/* Understand the name of a strategy; synonyms become the usual name. */
const char *
steep_options_strategy(const char *written)
{
	static const struct
	{
		const char *name;
		const char *meaning;
	}			strategies[] =
	{
		{"prefer-local", "prefer-local"},
		{"prefer-remote", "prefer-remote"},
		{"prefer-node-a", "prefer-local"},
		{"prefer-node-b", "prefer-remote"},
	};

	for (size_t i = 0; written != NULL && i < lengthof(strategies); i++)
	{
		if (strcmp(strategies[i].name, written) == 0)
			return strategies[i].meaning;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 written ? errmsg("strategy \"%s\" does not exist", written) :
			 errmsg("strategy must not be null"),
			 errhint("Strategies are prefer-local and prefer-remote.")));
	return NULL;
}
