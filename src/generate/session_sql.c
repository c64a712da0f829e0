/*-------------------------------------------------------------------------
 *
 * session_sql.c
 *		Statements that make a session on the peer ours.
 *
 * dblink pins nothing, so the peer's roles and databases could change what a
 * name means or how a value prints.  search_path goes first, alone: until it
 * is set no function may be called.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/pinned.h"
#include "base/sqltext.h"
#include "generate/catalog_sql.h"

static const Statement path_sql = {
	.site = SITE_PEER,
	.purpose = "pin the search path",
	.text = "SET search_path = pg_catalog, pg_temp",
};

/* Set the path under which the other statements mean what they say. */
const Statement *
steep_session_path_sql(void)
{
	return &path_sql;
}

/*
 * Pin every setting that decides bytes; a release that lacks one skips it.
 * The peer looks every few seconds whether we are still there, also when the
 * network says nothing: else its locks would outlive us for hours.
 *
 *	SELECT set_config(s.name, v.value, false)
 *	FROM (VALUES (<name>, <value>), …) v(name, value)
 *	JOIN pg_settings s ON lower(s.name) = lower(v.name)
 */
const Statement *
steep_session_pin_sql(void)
{
	Statement  *statement = palloc0(sizeof(Statement));
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text,
						   "SELECT count(set_config(s.name, v.value, false))\n"
						   "FROM (VALUES ('client_connection_check_interval', '5s'),\n"
						   "  ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'),\n"
						   "  ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30s')");
	for (int i = 0; i < steep_npinned_settings; i++)
	{
		const PinnedSetting *pinned = &steep_pinned_settings[i];

		if (pinned->scope == PIN_ALWAYS)
			appendStringInfo(&text, ",\n  (%s, %s)",
							 steep_sql_literal(pinned->name),
							 steep_sql_literal(pinned->value));
	}
	appendStringInfoString(&text,
						   ") AS v(name, value)\n"
						   "JOIN pg_settings s ON lower(s.name) = lower(v.name)");
	statement->site = SITE_PEER;
	statement->purpose = "pin the settings";
	statement->text = text.data;

	statement->result = "pinned int8";
	return statement;
}

/* Begin a transaction that reads one snapshot. */
const Statement *
steep_session_read_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "begin to read",
		.text = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
	};

	return &statement;
}

/*
 * Have the transaction that has just begun read a snapshot that was exported.
 *
 *	SET TRANSACTION SNAPSHOT <name>
 */
const Statement *
steep_session_snapshot_sql(const char *name)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_PEER;
	statement->purpose = "take the snapshot";
	statement->text = psprintf("SET TRANSACTION SNAPSHOT %s",
							   steep_sql_literal(name));
	return statement;
}

/*
 * Let transactions take as long as they do: a role or a database may have
 * limits.  Releases that lack one skip it.
 */
const Statement *
steep_session_patient_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "lift the limits of time",
		.text = "SELECT count(set_config(s.name, '0', false)) FROM pg_settings s\n"
		"WHERE s.name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout',\n"
		"  'idle_in_transaction_session_timeout', 'idle_session_timeout')",
		.result = "lifted int8",
	};

	return &statement;
}

/* Limit, or with 0 do not limit, the wait for a lock; takes no snapshot. */
const Statement *
steep_session_lock_timeout_sql(int milliseconds)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_PEER;
	statement->purpose = "limit the wait for locks";
	statement->text = psprintf("SET lock_timeout = %d", milliseconds);

	return statement;
}
