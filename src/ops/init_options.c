/*-------------------------------------------------------------------------
 *
 * init_options.c
 *		The options of inits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/option_values.h"
#include "base/options.h"
#include "ops/init.h"

#define DEFAULT_PARALLEL 4

static const Option known[] = {
	{
		.name = "tables",
		.check = steep_option_names,
		.hint = "Write [\"schema.table\", \"schema.*\", \"publication:name\", ...].",
	},
	{
		.name = "publication",
		.check = steep_option_name,
		.hint = "Write the name of a publication that the source has.",
	},
	{
		.name = "slot",
		.check = steep_option_name,
		.hint = "Write the name that the slot on the source is to have.",
	},
	{
		.name = "subscription",
		.check = steep_option_name,
		.hint = "Write the name that the subscription is to have.",
	},
	{
		.name = "schema",
		.check = steep_option_word,
		.hint = "Write \"strict\", \"auto\" or \"manual\": what if tables are missing here, or differ.",
		.words = {"strict", "auto", "manual"},
	},
	{
		.name = "parallel",
		.check = steep_option_number,
		.hint = "Write a whole number from 1 to 32.",
		.least = 1,
		.most = 32,
	},
	{
		.name = "strategy",
		.check = steep_option_word,
		.hint = "Write \"prefer-local\", \"prefer-remote\" or \"last-modified\": whose row is right where both nodes have one.",
		.words = {"prefer-local", "prefer-remote", "last-modified"},
	},
	{
		.name = "strategies",
		.check = steep_option_strategies,
		.hint = "Write {\"schema.table\": \"strategy\"}.",
	},
	{
		.name = "modified_column",
		.check = steep_option_column,
		.hint = "Write the name of a column, or {\"schema.table\": \"column\"}.",
	},
	{
		.name = "tie",
		.check = steep_option_word,
		.hint = "Write \"local\" or \"remote\".",
		.words = {"local", "remote"},
	},
	{
		.name = "reverse_node",
		.check = steep_option_name,
		.hint = "Write the id that this node has on the source.",
	},
	{
		.name = "force",
		.check = steep_option_flag,
		.hint = "Write true to add rows to tables that have some already.",
	},
	{
		.name = "lsn",
		.check = steep_option_name,
		.hint = "Write where in the source's log the backup ends, like \"0/16B3748\".",
	},
	{
		.name = "path",
		.check = steep_option_name,
		.hint = "Write the directory in which the source is to write files.",
	},
	{
		.name = "input",
		.check = steep_option_name,
		.hint = "Write the directory of this node to which the files will be moved.",
	},
	{
		.name = "compression",
		.check = steep_option_name,
		.hint = "Write none, gzip, lz4 or zstd, with an optional level as in \"zstd:3\".",
	},
};

/* Refuse options that do not exist, or whose value is not of their kind. */
void
steep_init_check_options(Jsonb *options)
{
	steep_options_check_known(options, known, lengthof(known));
}

/* Read a flag; false unless it is given. */
bool
steep_init_flag(const Init *init, const char *name)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(&init->options->root, name,
										strlen(name), &value) != NULL &&
		value.type == jbvBool && value.val.boolean;
}

/* Read a text; NULL unless it is given. */
const char *
steep_init_text(const Init *init, const char *name)
{
	return steep_options_text(init->options, name);
}

/* How many workers at once? */
int
steep_init_parallel(const Init *init)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&init->options->root, "parallel", 8,
									 &value) == NULL)
		return DEFAULT_PARALLEL;
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(value.val.numeric)));
}
