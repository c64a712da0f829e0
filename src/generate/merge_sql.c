/*-------------------------------------------------------------------------
 *
 * merge_sql.c
 *		Statements that plan and verify a merge, and its transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/*----------
 * Read the rows of the keys in list $1: number there, digest, image.
 *
 *	SELECT w.n, <digest> AS digest, ROW(<columns>)::text AS image
 *	FROM <table>
 *	JOIN json_to_recordset($1) AS w(n, key1, …) ON <same key>
 *----------
 */
const Statement *
steep_merge_read_sql(Site site, const TablePair *pair)
{
	Statement  *statement =
		steep_table_by_keys(site, "read rows", pair,
							psprintf("steep_repl.row_digest(%s) AS digest,\n"
									 "       ROW(%s)::text AS image",
									 steep_table_digest_columns(pair),
									 steep_table_columns(pair->columns)));

	statement->result = "n int8, digest bytea, image text";
	return statement;
}

/*----------
 * Decide each row that local_rows and peer_rows hold by number: a row on one
 * side goes to the other, a conflict goes as $1 says.  Rows that are equal by
 * now need no decision.
 *----------
 */
const Statement *
steep_merge_decide_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "decide rows", pair);
	char	   *names = steep_table_names_array(pair->columns);

	statement->nparams = 1;
	statement->params[0] = "text";
	statement->text =
		psprintf("SELECT i.key, c.category,\n"
				 "       CASE c.category WHEN 'local_only' THEN 'local'\n"
				 "                       WHEN 'remote_only' THEN 'remote'\n"
				 "                       ELSE $1 END AS resolution,\n"
				 "       i.local_row, i.remote_row,\n"
				 "       l.digest AS local_digest, p.digest AS remote_digest\n"
				 "FROM local_rows l FULL JOIN peer_rows p ON p.n = l.n\n"
				 "CROSS JOIN LATERAL\n"
				 "  (SELECT steep_repl.row_image(%s, l.image) AS local_row,\n"
				 "          steep_repl.row_image(%s, p.image) AS remote_row,\n"
				 "          steep_repl.key_image(%s, %s,\n"
				 "            coalesce(l.image, p.image)) AS key\n"
				 "   OFFSET 0) i\n"
				 "CROSS JOIN LATERAL\n"
				 "  (SELECT CASE WHEN p.digest IS NULL THEN 'local_only'\n"
				 "               WHEN l.digest IS NULL THEN 'remote_only'\n"
				 "               ELSE 'conflict' END AS category) c\n"
				 "WHERE l.digest IS DISTINCT FROM p.digest\n"
				 "ORDER BY coalesce(l.n, p.n)",
				 names, names, steep_table_names_array(pair->key), names);
	return statement;
}

/* May the role on the peer leave markers there? */
const Statement *
steep_merge_may_mark_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "look for the right to mark batches",
		.text = "SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(f), 'EXECUTE'), false))\n"
		"FROM (VALUES ('steep_repl.claim_batch(text,int)'),\n"
		"             ('steep_repl.batch_result(text,int)'),\n"
		"             ('steep_repl.finish_batch(text,int,jsonb)'),\n"
		"             ('steep_repl.tag_writes()')) AS v(f)",
		.result = "may bool",
	};

	return &statement;
}

/* May the role keep triggers from firing? */
const Statement *
steep_merge_may_replicate_sql(Site site)
{
	static const Statement statement = {
		.purpose = "look for the right to keep triggers from firing",
		.text = "SELECT has_parameter_privilege('session_replication_role', 'SET')",
		.result = "may bool",
	};

	return steep_statement_at(&statement, site);
}

/* Begin the peer's transaction. */
const Statement *
steep_merge_begin_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "begin to write",
		.text = "START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
	};

	return &statement;
}

/*
 * Set what a transaction that writes needs; $1 is lock_timeout in ms.
 * Returns the session_replication_role: replica where the role may set it,
 * so that no trigger fires.  Keys are looked up by index, in small numbers.
 * The last column says whether the writes are tagged.
 */
const Statement *
steep_merge_settings_sql(Site site)
{
	static const Statement statement = {
		.purpose = "set the limits of the transaction",
		.text =
		"SELECT CASE WHEN has_parameter_privilege('session_replication_role', 'SET')\n"
		"            THEN set_config('session_replication_role', 'replica', true)\n"
		"            ELSE current_setting('session_replication_role') END,\n"
		"       set_config('lock_timeout', $1, true),\n"
		"       set_config('synchronous_commit', 'on', true),\n"
		"       set_config('random_page_cost', '1.1', true),\n"
		"       steep_repl.tag_writes()",
		.result = "role text, lock_timeout text, durable text, random text, "
		"tagged bool",
		.nparams = 1,
		.params = {"text"},
	};

	return steep_statement_at(&statement, site);
}

/* Keep other merges off table $1 until the transaction ends. */
const Statement *
steep_merge_exclude_sql(Site site)
{
	static const Statement statement = {
		.purpose = "keep other merges off the table",
		.text = "SELECT pg_advisory_xact_lock(\n"
		"  hashtextextended('steep_repl merge ' || $1, 0))::text",
		.result = "locked text",
		.nparams = 1,
		.params = {"text"},
	};

	return steep_statement_at(&statement, site);
}

/*
 * Claim batch $2 of merge $1 on the peer: false if the peer has done it
 * before.  Waits for another transaction that has claimed it.
 */
const Statement *
steep_merge_claim_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "claim the batch",
		.text = "SELECT steep_repl.claim_batch($1, $2)",
		.result = "claimed bool",
		.nparams = 2,
		.params = {"text", "int4"},
	};

	return &statement;
}

/* Read what the peer did in batch $2 of merge $1. */
const Statement *
steep_merge_result_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "read the result of the batch",
		.text = "SELECT steep_repl.batch_result($1, $2)",
		.result = "result jsonb",
		.nparams = 2,
		.params = {"text", "int4"},
	};

	return &statement;
}

/* Record on the peer which rows batch $2 of merge $1 left out: $3. */
const Statement *
steep_merge_record_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "record the result of the batch",
		.text = "SELECT steep_repl.finish_batch($1, $2, $3)",
		.result = "finished bool",
		.nparams = 3,
		.params = {"text", "int4", "jsonb"},
	};

	return &statement;
}

/* Check deferred constraints now, while both sides can still roll back. */
const Statement *
steep_merge_immediate_sql(Site site)
{
	static const Statement statement = {
		.writes = true,
		.purpose = "check deferred constraints",
		.text = "SET CONSTRAINTS ALL IMMEDIATE",
	};

	return steep_statement_at(&statement, site);
}

const Statement *
steep_merge_commit_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "commit",
		.text = "COMMIT",
	};

	return &statement;
}

/*----------
 * Read the digests of the keys in list $1.
 *
 *	SELECT w.n, <digest> AS digest
 *	FROM <table> JOIN json_to_recordset($1) AS w(n, key1, …) ON <same key>
 *----------
 */
const Statement *
steep_merge_look_sql(Site site, const TablePair *pair)
{
	Statement  *statement =
		steep_table_by_keys(site, "look at the rows", pair,
							psprintf("steep_repl.row_digest(%s) AS digest",
									 steep_table_digest_columns(pair)));

	statement->result = "n int8, digest bytea";
	return statement;
}

/* Count the rows that are not the same on both sides. */
const Statement *
steep_merge_verify_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "verify the rows", pair);

	statement->text = "SELECT count(*)\n"
		"FROM local_rows l FULL JOIN peer_rows p ON l.n = p.n\n"
		"WHERE l.digest IS DISTINCT FROM p.digest";
	return statement;
}

/* Declare what decisions to cut: merge, table, state, limit, after, resolution. */
void
steep_merge_chunk_params(Statement *statement)
{
	static const char *const types[] = {
		"text", "text", "text", "int8", "int8", "text"
	};

	statement->nparams = lengthof(types);
	memcpy(statement->params, types, sizeof(types));
}

/*
 * json_agg(json_build_object('n', d.seq, 'digest', …, 'key1', …)
 *          ORDER BY d.seq)
 */
static char *
key_list(const TablePair *pair, const char *digest, const char *row)
{
	List	   *keys = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);

		keys = lappend(keys,
					   psprintf("'key%d', (%s ->> %s)%s",
								list_cell_number(pair->key, cell) + 1, row,
								steep_sql_literal(column->name),
								steep_table_is_json(column) ? "::json" : ""));
	}
	return psprintf("json_agg(json_build_object('n', d.seq, 'digest', %s,\n"
					"         %s) ORDER BY d.seq)",
					digest, steep_sql_join(keys, ",\n         "));
}

/*----------
 * Cut the next $4 decisions of table $2 of merge $1 in state $3, after
 * number $5 and with resolution $6 (null = any): the last number, the
 * numbers, and two lists of number, digest and key, first as this node has
 * the row, then as the peer has it: equal keys may print differently.
 *----------
 */
const Statement *
steep_merge_keys_chunk_sql(const TablePair *pair)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "cut a chunk of decisions", pair);

	statement->writes = true;	/* sees what this transaction wrote */
	statement->text =
		psprintf("SELECT max(d.seq), array_agg(d.seq),\n"
				 "       %s,\n"
				 "       %s\n"
				 "FROM (SELECT * FROM steep_repl.merge_decisions\n"
				 "      WHERE merge_id = $1 AND table_name = $2 AND state = $3\n"
				 "        AND seq > $5 AND ($6 IS NULL OR resolution = $6)\n"
				 "      ORDER BY seq LIMIT $4) AS d\n"
				 "HAVING count(*) > 0",
				 key_list(pair, "d.local_digest", "coalesce(d.local_row, d.remote_row)"),
				 key_list(pair, "d.remote_digest", "coalesce(d.remote_row, d.local_row)"));
	steep_merge_chunk_params(statement);
	return statement;
}
