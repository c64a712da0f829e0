/*-------------------------------------------------------------------------
 *
 * replication_sql.c
 *		Statements that ask how far one node has applied what another wrote.
 *
 * As in echo_sql.c a subscription is told by its slot which node it
 * subscribes to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/replication_sql.h"
#include "generate/table_sql.h"

/* Ask a subscriber for the slots of its subscriptions: an array, or null. */
const Statement *
steep_replication_slots_sql(Site site)
{
	static const Statement statement = {
		.writes = true,			/* sees what is there now */
		.purpose = "list the slots of subscriptions",
		.text = "SELECT array_agg(s.subslotname)\n"
		"FROM pg_subscription s\n"
		"JOIN pg_database d ON d.oid = s.subdbid\n"
		"WHERE d.datname = current_database()\n"
		"  AND s.subenabled AND s.subslotname IS NOT NULL",
		.result = "slots text[]",
	};

	return steep_statement_at(&statement, site);
}

/* Ask a publisher how far its log goes by now. */
const Statement *
steep_replication_position_sql(Site site)
{
	static const Statement statement = {
		.writes = true,			/* to its log */
		.purpose = "see how far the log goes",
		.text = "SELECT steep_repl.log_position()",
		.result = "position pg_lsn",
	};

	return steep_statement_at(&statement, site);
}

/*
 * Ask a publisher whether its log is applied up to $2 by those who read it
 * through the slots of list $1: null if there is no such slot.
 */
const Statement *
steep_replication_reached_sql(Site site)
{
	static const Statement statement = {
		.purpose = "see how far the log is applied",
		.text = "SELECT bool_and(s.confirmed_flush_lsn >= $2)\n"
		"FROM pg_replication_slots s\n"
		"WHERE s.slot_name = ANY ($1) AND s.plugin = 'pgoutput'\n"
		"  AND s.database = current_database()",
		.result = "reached bool",
		.nparams = 2,
		.params = {"text[]", "pg_lsn"},
	};

	return steep_statement_at(&statement, site);
}
