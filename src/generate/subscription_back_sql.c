/*-------------------------------------------------------------------------
 *
 * subscription_back_sql.c
 *		Statements of two nodes that subscribe to each other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/subscription_sql.h"
#include "generate/table_sql.h"

/* Is subscription $1 enabled, and how often has it failed to apply? */
const Statement *
steep_subscription_errors_sql(Site site)
{
	static const Statement statement = {
		.purpose = "see how the subscription stands",
		.text = "SELECT s.subenabled, coalesce(e.apply_error_count, 0)\n"
		"FROM pg_subscription s\n"
		"JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
		"LEFT JOIN pg_stat_subscription_stats e ON e.subid = s.oid\n"
		"WHERE s.subname = $1",
		.result = "enabled bool, errors int8",
		.nparams = 1,
		.params = {"text"},
	};

	return steep_statement_at(&statement, site);
}

/* Does anybody read from slot $1? */
const Statement *
steep_slot_reader_sql(Site site)
{
	static const Statement statement = {
		.purpose = "see who reads from the slot",
		.text = "SELECT active FROM pg_replication_slots\n"
		"WHERE slot_name = $1 AND database = current_database()",
		.result = "active bool",
		.nparams = 1,
		.params = {"text"},
	};

	return steep_statement_at(&statement, site);
}

/* Have the peer look for the node that it has registered as $1. */
const Statement *
steep_subscription_foreign_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "have the other node reach this one",
		.text = "SELECT server_version FROM steep_repl.check_node($1)",
		.result = "version int",
		.nparams = 1,
		.params = {"text"},
	};

	return &statement;
}

/* Have the peer subscribe to its node $1: subscription, slot, publication. */
const Statement *
steep_subscription_make_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "have the other node subscribe",
		.text = "SELECT steep_repl.subscribe_node($1, $2, $3, $4)",
		.result = "made text",
		.nparams = 4,
		.params = {"text", "text", "text", "text"},
	};

	return &statement;
}

/* Have the peer drop its subscription $1. */
const Statement *
steep_subscription_undo_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "have the other node unsubscribe",
		.text = "SELECT steep_repl.unsubscribe_node($1)",
		.result = "dropped bool",
		.nparams = 1,
		.params = {"text"},
	};

	return &statement;
}
