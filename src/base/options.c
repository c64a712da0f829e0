/*-------------------------------------------------------------------------
 *
 * options.c
 *		Options, checked; and those of start_merge().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/option_values.h"
#include "base/options.h"

/* What start_merge() understands. */
static const Option known[] = {
	{
		.name = "primary_keys",
		.check = steep_option_columns,
		.hint = "Write {\"schema.table\": [\"column\", ...]}: the columns that identify a row.",
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
		.hint = "Write \"local\", \"remote\" or \"manual\".",
		.words = {"local", "remote", "manual"},
	},
	{
		.name = "atomicity",
		.check = steep_option_word,
		.hint = "Write \"merge\", to apply it as a whole or not at all, or \"batch\".",
		.words = {"merge", "batch"},
	},
	{
		.name = "batch_size",
		.check = steep_option_number,
		.hint = "Write a whole number from 1 to 100000.",
		.least = 1,
		.most = 100000,
	},
	{
		.name = "lock_timeout_ms",
		.check = steep_option_number,
		.hint = "Write a whole number from 0 to 86400000.",
		.most = 86400000,
	},
	{
		.name = "fire_triggers",
		.check = steep_option_flag,
		.hint = "Write true or false.",
	},
	{
		.name = "sequences",
		.check = steep_option_flag,
		.hint = "Write true or false.",
	},
	{
		.name = "actions",
		.check = steep_option_words,
		.hint = "Write [\"insert\"], [\"update\"] or [\"insert\", \"update\"].",
		.words = {"insert", "update"},
	},
	{
		.name = "direction",
		.check = steep_option_word,
		.hint = "Write \"both\", \"to-local\" or \"to-remote\".",
		.words = {"both", "to-local", "to-remote"},
	},
	{
		.name = "where",
		.check = steep_option_conditions,
		.hint = "Write {\"schema.table\": \"condition\"}.",
	},
	{
		.name = "exclude",
		.check = steep_option_columns,
		.hint = "Write {\"schema.table\": [\"column\", ...]}: the columns to leave alone.",
	},
	{
		.name = "max_changes",
		.check = steep_option_number,
		.hint = "Write a whole number of rows, 0 or more.",
		.most = PG_INT64_MAX,
	},
	{
		.name = "max_change_percent",
		.check = steep_option_fraction,
		.hint = "Write a number from 0 to 100.",
		.most = 100,
	},
	{
		.name = "echo",
		.check = steep_option_word,
		.hint = "Write \"refuse\" or \"allow\".",
		.words = {"refuse", "allow"},
	},
	{
		.name = "await_replication",
		.check = steep_option_flag,
		.hint = "Write true to wait, with the rows locked, for what subscriptions between the nodes bring.",
	},
	{
		.name = "local_snapshot",
		.check = steep_option_snapshot,
		.hint = "Write what pg_export_snapshot() has returned here, in a transaction that is still open.",
	},
	{
		.name = "peer_snapshot",
		.check = steep_option_snapshot,
		.hint = "Write what pg_export_snapshot() has returned on the peer, in a transaction that is still open.",
	},
	{
		.name = "schema",
		.check = steep_option_word,
		.hint = "Write \"strict\", \"auto\" or \"manual\": what if the tables' schemas differ.",
		.words = {"strict", "auto", "manual"},
	},
};

/* A table of options that exist. */
typedef struct OptionTable
{
	const Option *options;
	size_t		count;
} OptionTable;

/* List the options that exist. */
static char *
list_known(const OptionTable *table)
{
	StringInfoData list;

	initStringInfo(&list);
	for (size_t i = 0; i < table->count; i++)
		appendStringInfo(&list, "%s%s", i ? ", " : "", table->options[i].name);
	return list.data;
}

static void
check_option(const char *name, const JsonbValue *value, const void *arg)
{
	const OptionTable *table = arg;

	for (size_t i = 0; i < table->count; i++)
	{
		const Option *option = &table->options[i];

		if (strcmp(option->name, name) == 0)
		{
			option->check(option, value);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" does not exist", name),
			 errhint("Options are %s.", list_known(table))));
}

/* Show each option to a function, with its name. */
void
steep_options_visit(Jsonb *options, OptionVisit visit, const void *arg)
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
			visit(name, &value, arg);
	}
}

/* A snapshot of one node says nothing about the other. */
static void
check_snapshots(Jsonb *options)
{
	bool		here = steep_options_text(options, "local_snapshot") != NULL;
	bool		there = steep_options_text(options, "peer_snapshot") != NULL;

	if (here != there)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is given without \"%s\"",
						here ? "local_snapshot" : "peer_snapshot",
						here ? "peer_snapshot" : "local_snapshot"),
				 errhint("Give a snapshot of both nodes, or of neither.")));
}

/* Refuse options that do not exist, or whose value is not of their kind. */
void
steep_options_check_known(Jsonb *options, const Option *table, size_t count)
{
	OptionTable arg = {table, count};

	steep_options_visit(options, check_option, &arg);
}

/* The same for those of start_merge(). */
void
steep_options_check(Jsonb *options)
{
	steep_options_check_known(options, known, lengthof(known));
	check_snapshots(options);
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
		{"last-modified", "last-modified"},
		{"manual", "manual"},
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
			 errhint("Strategies are prefer-local, prefer-remote, last-modified and manual.")));
	return NULL;
}
