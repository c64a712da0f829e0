/*-------------------------------------------------------------------------
 *
 * merge_sql.c
 *		Statements of a merge's transaction, and those that verify it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/merge_sql.h"
#include "generate/table_sql.h"

/* May the role on the peer leave markers there? */
const Statement *
steep_merge_may_mark_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "look for the right to mark batches",
		.text = "SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(f), 'EXECUTE'), false))\n"
		"FROM (VALUES ('steep_repl.claim_batch(text,bigint)'),\n"
		"             ('steep_repl.batch_result(text,bigint)'),\n"
		"             ('steep_repl.finish_batch(text,bigint,jsonb)'),\n"
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
 * Set what a transaction that writes needs: $1 is lock_timeout in ms, $2 the
 * session_replication_role where the role may set it, replica so that no
 * trigger fires.  Returns that role first.  Keys are looked up by index, in small
 * numbers.  The last column says whether the writes are tagged.
 */
const Statement *
steep_merge_settings_sql(Site site)
{
	static const Statement statement = {
		.purpose = "set the limits of the transaction",
		.text =
		"SELECT CASE WHEN has_parameter_privilege('session_replication_role', 'SET')\n"
		"            THEN set_config('session_replication_role', $2, true)\n"
		"            ELSE current_setting('session_replication_role') END,\n"
		"       set_config('lock_timeout', $1, true),\n"
		"       set_config('synchronous_commit', 'on', true),\n"
		"       set_config('random_page_cost', '1.1', true),\n"
		"       steep_repl.tag_writes()",
		.result = "role text, lock_timeout text, durable text, random text, "
		"tagged bool",
		.nparams = 2,
		.params = {"text", "text"},
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
		.params = {"text", "int8"},
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
		.params = {"text", "int8"},
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
		.params = {"text", "int8", "jsonb"},
	};

	return &statement;
}

/* Remove the markers of batches from the peer: $1 the merges, $2 the numbers. */
const Statement *
steep_merge_forget_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "forget the batches",
		.text = "SELECT steep_repl.forget_batch(m, b) FROM unnest($1, $2) AS u(m, b)",
		.nparams = 2,
		.params = {"text[]", "int8[]"},
	};

	return &statement;
}

/* Put off the check of constraints that can be: rows may refer to later ones. */
const Statement *
steep_merge_deferred_sql(Site site)
{
	static const Statement statement = {
		.writes = true,
		.purpose = "defer constraints",
		.text = "SET CONSTRAINTS ALL DEFERRED",
	};

	return steep_statement_at(&statement, site);
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

/* Begin to try something on the peer. */
const Statement *
steep_merge_savepoint_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "begin to try",
		.text = "SAVEPOINT steep_repl_trial",
	};

	return &statement;
}

/* What was tried may stay. */
const Statement *
steep_merge_release_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "keep what was tried",
		.text = "RELEASE SAVEPOINT steep_repl_trial",
	};

	return &statement;
}

/* Undo what was tried. */
const Statement *
steep_merge_rollback_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "undo what was tried",
		.text = "ROLLBACK TO SAVEPOINT steep_repl_trial",
	};

	return &statement;
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

/* End a transaction that has nothing to commit. */
const Statement *
steep_merge_abort_sql(void)
{
	static const Statement statement = {
		.site = SITE_PEER,
		.purpose = "roll back",
		.text = "ROLLBACK",
	};

	return &statement;
}

/*----------
 * Return the numbers of the keys in list $1 whose row does not have the
 * digest in the list (null = no row).
 *----------
 */
const Statement *
steep_merge_look_sql(Site site, const TablePair *pair)
{
	Statement  *statement = steep_statement_create(site, "look at the rows", pair);

	statement->text =
		psprintf("WITH wanted AS MATERIALIZED (\n"
				 "  SELECT * FROM json_to_recordset($1) AS w(n int8, digest bytea, %s)\n"
				 "), found AS MATERIALIZED (\n"
				 "  SELECT w.n, steep_repl.row_digest(%s) AS digest\n"
				 "  FROM %s JOIN wanted w ON %s\n"
				 ")\n"
				 "SELECT w.n FROM wanted w LEFT JOIN found f ON f.n = w.n\n"
				 "WHERE f.digest IS DISTINCT FROM w.digest",
				 steep_table_key_definitions(pair),
				 steep_table_digest_columns(pair),
				 steep_table_from(steep_table_side(site, pair)),
				 steep_table_key_lookup(pair));
	statement->nparams = 1;
	statement->params[0] = "json";
	statement->result = "n int8";
	return statement;
}

/* Declare what decisions to cut: table, after, until, limit. */
void
steep_merge_chunk_params(Statement *statement)
{
	statement->nparams = 4;
	for (int i = 0; i < statement->nparams; i++)
		statement->params[i] = "int8";
}

/*
 * '[' || string_agg(format('{"n": %s, …, "key1": %s, …}', <n>, …), ',') || ']'
 *
 * A list of keys, in half the time of json_agg(json_build_object(…)).  Each
 * of "keys" is an expression that prints as JSON; "more" is what else there is
 * beside the number, as the format says.
 */
char *
steep_merge_key_list(const char *n, const char *format, const char *more,
					 List *keys, const char *filter)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "'[' || string_agg(format('{\"n\": %%s%s", format);
	for (int i = 1; i <= list_length(keys); i++)
		appendStringInfo(&list, ", \"key%d\": %%s", i);
	appendStringInfo(&list, "}', %s%s,\n         %s), ',')%s || ']'", n, more,
					 steep_sql_join(keys, ",\n         "), filter);
	return list.data;
}

/* A list of decisions: number, digest, and key as it is recorded. */
static char *
decision_list(const TablePair *pair, const char *digest, const char *key)
{
	List	   *keys = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
	{
		ColumnInfo *column = lfirst(cell);

		keys = lappend(keys, psprintf(steep_table_is_json(column) ?
									  "%s ->> %s" : "%s -> %s", key,
									  steep_sql_literal(column->name)));
	}
	return steep_merge_key_list("d.seq", ", \"digest\": %s",
								psprintf(",\n         coalesce('\"\\' || %s::text || '\"', 'null')",
										 digest),
								keys, "");
}

#define APPLIED_ROUND \
	"(SELECT applied_round FROM steep_repl.merge_tables WHERE id = $1)"
#define PLANNED \
	"state = 'planned' AND round > " APPLIED_ROUND " AND resolution <> 'skip'"

/* Which decisions a cut is about, as a condition. */
static const char *
cut_condition(Cut cut)
{
	switch (cut)
	{
		case CUT_PLANNED:
			return PLANNED;
		case CUT_PLANNED_HERE:
			return PLANNED " AND local_action IS NOT NULL";
		case CUT_STALE:
			return "state = 'stale'";
		case CUT_STALE_ONE_SIDED:
			return "state = 'stale' AND category <> 'conflict'";
		case CUT_WRITTEN_HERE:
			return PLANNED " AND local_action IN ('insert', 'update')";
		case CUT_WRITTEN_THERE:
			return PLANNED " AND remote_action IN ('insert', 'update')";
		case CUT_APPLIED:
			return "(state = 'applied' OR state = 'planned' AND round <= "
				APPLIED_ROUND ") AND resolution <> 'skip'";
	}
	return NULL;
}

/*----------
 * Cut the next $4 decisions on table $1 after number $2, up to number $3: the
 * last number, the numbers, and two lists of number, digest and key, first as
 * this node has the row, then as the peer has it: equal keys may print
 * differently.
 *----------
 */
const Statement *
steep_merge_keys_chunk_sql(const TablePair *pair, Cut cut)
{
	Statement  *statement = steep_statement_create(SITE_LOCAL, "cut a chunk of decisions", pair);
	const char *after = cut == CUT_APPLIED ? "after_" : "";

	statement->writes = true;	/* sees what this transaction wrote */
	statement->text =
		psprintf("SELECT max(d.seq), array_agg(d.seq ORDER BY d.seq),\n"
				 "       %s,\n"
				 "       %s\n"
				 "FROM (SELECT * FROM steep_repl.merge_effects\n"
				 "      WHERE table_id = $1 AND seq > $2 AND seq <= $3\n"
				 "        AND %s\n"
				 "      ORDER BY seq LIMIT $4) AS d\n"
				 "HAVING count(*) > 0",
				 decision_list(pair, psprintf("d.local_%sdigest", after), "d.key"),
				 decision_list(pair, psprintf("d.remote_%sdigest", after),
							   "coalesce(d.peer_key, d.key)"),
				 cut_condition(cut));
	steep_merge_chunk_params(statement);
	return statement;
}
