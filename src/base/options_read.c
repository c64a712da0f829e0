/*-------------------------------------------------------------------------
 *
 * options_read.c
 *		The options of start_merge(), read.
 *
 * They were checked when the merge was submitted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/options.h"

/* Find an option; false if it is not given. */
static bool
find(Jsonb *options, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&options->root, name, strlen(name),
										value) != NULL;
}

/* Return an option that is an object, or NULL. */
Jsonb *
steep_options_object(Jsonb *options, const char *name)
{
	JsonbValue	value;

	return find(options, name, &value) ? JsonbValueToJsonb(&value) : NULL;
}

/* Return an option that is a string or a number as text, or NULL. */
const char *
steep_options_text(Jsonb *options, const char *name)
{
	JsonbValue	value;

	if (!find(options, name, &value))
		return NULL;
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	if (value.type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value.val.numeric)));
	return NULL;
}

/* Is an option this word? */
static bool
is_word(Jsonb *options, const char *name, const char *word)
{
	const char *text = steep_options_text(options, name);

	return text !=NULL && strcmp(text, word) == 0;
}

static int64
read_number(Jsonb *options, const char *name, int64 missing)
{
	const char *text = steep_options_text(options, name);

	return text ? strtoll(text, NULL, 10) : missing;
}

static double
read_fraction(Jsonb *options, const char *name, double missing)
{
	const char *text = steep_options_text(options, name);

	return text ? strtod(text, NULL) : missing;
}

static bool
read_flag(Jsonb *options, const char *name, bool missing)
{
	JsonbValue	value;

	return find(options, name, &value) ? value.val.boolean : missing;
}

/* May a merge do this?  It may do everything unless "actions" is given. */
static bool
has_action(Jsonb *options, const char *action)
{
	JsonbValue	actions;
	JsonbValue	wanted;

	if (!find(options, "actions", &actions))
		return true;
	wanted.type = jbvString;
	wanted.val.string.val = unconstify(char *, action);
	wanted.val.string.len = strlen(action);
	return findJsonbValueFromContainer(actions.val.binary.data, JB_FARRAY,
									   &wanted) != NULL;
}

/* Read the options that hold for all tables, with defaults for the rest. */
MergeOptions *
steep_options_read(Jsonb *options)
{
	MergeOptions *read = palloc0(sizeof(MergeOptions));
	const char *tie = steep_options_text(options, "tie");

	read->by_batch = is_word(options, "atomicity", "batch");
	read->batch_size = read_number(options, "batch_size", 0);
	read->lock_timeout = read_number(options, "lock_timeout_ms", -1);
	read->fire_triggers = read_flag(options, "fire_triggers", false);
	read->sequences = read_flag(options, "sequences", true);
	read->inserts = has_action(options, "insert");
	read->updates = has_action(options, "update");
	read->to_local = !is_word(options, "direction", "to-remote");
	read->to_remote = !is_word(options, "direction", "to-local");
	read->max_changes = read_number(options, "max_changes", -1);
	read->max_change_percent = read_fraction(options, "max_change_percent", -1);
	read->allow_echo = is_word(options, "echo", "allow");
	read->tie = tie ? tie : "local";
	read->await_replication = read_flag(options, "await_replication", false);
	read->local_snapshot = steep_options_text(options, "local_snapshot");
	read->peer_snapshot = steep_options_text(options, "peer_snapshot");
	return read;
}
