/*-------------------------------------------------------------------------
 *
 * client_apply.c
 *		snapshot apply --client: files of this program into tables.
 *
 * All files are read through before anything is written.  Workers commit only
 * when all have loaded all; and what was created before is dropped if that, or
 * what follows, fails.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client_apply.h"
#include "cli/groups.h"
#include "cli/table.h"

/*
 * What this transaction has created and an extension has not: tables first,
 * then what they stand on.  Of others the transaction sees only what is older
 * than its own id; those of its subtransactions are younger.
 */
static const char list_created[] =
"SELECT string_agg(s.sql, '; ' ORDER BY s.n) FROM"
" (SELECT 1, format('DROP TABLE IF EXISTS %I.%I CASCADE', n.nspname, c.relname)"
"  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
"  WHERE age(c.xmin) <= age(pg_current_xact_id()::xid) AND c.relkind IN ('r', 'p')"
"  UNION ALL"
"  SELECT 2, format('DROP SEQUENCE IF EXISTS %I.%I', n.nspname, c.relname)"
"  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
"  WHERE age(c.xmin) <= age(pg_current_xact_id()::xid) AND c.relkind = 'S'"
"  UNION ALL"
"  SELECT 3, format('DROP TYPE IF EXISTS %I.%I', n.nspname, t.typname)"
"  FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace"
"  WHERE age(t.xmin) <= age(pg_current_xact_id()::xid) AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c'"
"   AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c'))"
"  AND NOT EXISTS (SELECT FROM pg_depend AS d"
"   WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')"
"  UNION ALL"
"  SELECT 4, format('DROP SCHEMA IF EXISTS %I', n.nspname)"
"  FROM pg_namespace AS n WHERE age(n.xmin) <= age(pg_current_xact_id()::xid)) AS s(n, sql)";

/* How to drop what was created, until all is done; and by which connection. */
static const char *undo = NULL;
static PGconn *undo_conn;
static pid_t creator;

static void
drop_created(void)
{
	PGresult   *result;

	if (undo == NULL || getpid() != creator)
		return;
	PQclear(PQexec(undo_conn, "ROLLBACK"));
	result = PQexec(undo_conn, undo);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fprintf(stderr, "steep-repl: could not drop what was created: %s", PQerrorMessage(undo_conn));
	PQclear(result);
}

/* Create the tables, and what they stand on. */
static void
create(Apply *apply)
{
	Session    *session = apply->session;

	steep_client_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	/* takes the snapshot before anything takes an id */
	steep_client_run(session, "SELECT 1");
	steep_client_run_script(session, apply->directory, FILE_PRE_DATA, apply->manifest);
	steep_client_look(apply);
	apply->created = true;
	undo_conn = session->conn;
	creator = getpid();
	undo = steep_client_value(session, list_created, 0, NULL);
	atexit(drop_created);
	steep_client_run(session, "COMMIT");
}

/* Make the indexes, keys and grants of what was created. */
static void
finish(Apply *apply)
{
	Session    *session = apply->session;

	steep_client_run(session, "BEGIN");
	steep_client_run_script(session, apply->directory, FILE_POST_DATA, apply->manifest);
	steep_client_run(session, "COMMIT");
	undo = NULL;
	for (int i = 0; i < apply->count; i++)
	{
		Text		statement = {0};

		steep_text_format(&statement, "ANALYZE %s", apply->tables[i].shown);
		steep_client_run(session, statement.data);
	}
}

static void
check_origin(Session *session, const Manifest *manifest)
{
	const char *encoding = steep_client_value(session, "SELECT pg_catalog.getdatabaseencoding()", 0, NULL);
	unsigned	here = PQserverVersion(session->conn) / 10000;

	if (strcmp(encoding, manifest->encoding) != 0)
		steep_complain_fail(CODE_GENERAL, "Apply it in a database that was created with that encoding.",
							"the snapshot uses encoding %s, this database uses %s", manifest->encoding, encoding);
	if (manifest->server_version / 10000 > here)
		steep_complain_fail(CODE_GENERAL, "Apply it on that release or a later one.",
							"the snapshot was written by release %u of PostgreSQL, this is release %u",
							manifest->server_version / 10000, here);
}

/* Are the tables what the manifest says? */
static void
compare(const Apply *apply, const CopyTotals *before, const CopyTotals *after)
{
	for (int i = 0; i < apply->count; i++)
	{
		const ApplyTable *table = &apply->tables[i];
		CopyTotals	expected = before ? before[i] : (CopyTotals) {0};

		if (!table->may_read)
			continue;
		expected.rows += table->described->rows;
		if (after[i].rows != expected.rows)
			steep_complain_fail(CODE_GENERAL, "Something else has written it meanwhile, or a trigger has.",
								"table \"%s\" has %" PRIu64 " rows instead of %" PRIu64,
								table->name, after[i].rows, expected.rows);
		if (table->described->digest == NULL)
			continue;
		if (!steep_copydigest_add(&expected, table->described->digest) ||
			after[i].low != expected.low || after[i].high != expected.high)
			steep_complain_fail(CODE_GENERAL, "Something else has written it meanwhile, or a trigger has.",
								"rows of table \"%s\" differ from the snapshot's", table->name);
	}
}

static int
parents_first(const void *a, const void *b, const Apply *apply)
{
	const ApplyFile *one = a;
	const ApplyFile *other = b;
	int			depth = apply->tables[one->table].depth - apply->tables[other->table].depth;

	if (depth != 0)
		return depth;
	if (one->chunk->file.raw_bytes != other->chunk->file.raw_bytes)
		return one->chunk->file.raw_bytes > other->chunk->file.raw_bytes ? -1 : 1;
	return one->table - other->table;
}

static const Apply *sorted;		/* qsort() has no argument for it */

static int
compare_files(const void *a, const void *b)
{
	return parents_first(a, b, sorted);
}

static void
report(const Apply *apply, const char *path)
{
	uint64_t	rows = 0;
	Text		line = {0};
	Text		number = {0};

	for (int i = 0; i < apply->count; i++)
		rows += apply->tables[i].described->rows;
	if (apply->session->json)
	{
		steep_text_json(&line, path);
		printf("{\"event\":\"result\",\"snapshot_id\":\"%s\",\"kind\":\"apply\",\"status\":\"complete\",\"path\":%s,\"tables\":%d,\"rows\":%" PRIu64 "}\n",
			   apply->manifest->snapshot_id, line.data, apply->count, rows);
		return;
	}
	if (apply->session->quiet)
		return;
	steep_text_format(&line, "%" PRIu64, rows);
	steep_table_number(&number, line.data);
	printf("snapshot  %s\nkind      apply\nstatus    complete\npath      %s\ntables    %d\nrows      %s\n",
		   apply->manifest->snapshot_id, path, apply->count, number.data);
}

/* Open the snapshot, and see what it is loaded into. */
static void
prepare(Apply *apply, const Arguments *arguments)
{
	DirectoryPlace place = steep_client_place(arguments->values[0]);
	Session    *session = apply->session;
	Failure		failure;

	steep_client_check(steep_directory_open(&place, &apply->directory, &failure) &&
					   steep_manifest_read(apply->directory, &apply->manifest, &failure), &failure);
	apply->parallel = steep_client_parallel(arguments);
	apply->force = steep_arguments_has(arguments, "force");
	apply->verify = !steep_arguments_has(arguments, "no-verify");
	steep_client_choose(apply, arguments);
	steep_client_connect(session);
	check_origin(session, apply->manifest);
	steep_client_pin(session);
	steep_client_look(apply);
}

ExitCode
steep_client_apply(Session *session, const Arguments *arguments)
{
	Apply		apply = {.session = session};
	CopyTotals *before = NULL;

	prepare(&apply, arguments);
	steep_client_verify_files(&apply);
	if (apply.created)
		create(&apply);
	steep_client_check_targets(&apply);
	sorted = &apply;
	qsort(apply.files, apply.nfiles, sizeof(ApplyFile), compare_files);
	if (apply.verify && apply.force)
		before = steep_client_digest(&apply, true);
	steep_client_load(&apply);
	steep_client_sequences(&apply);
	if (apply.created)
		finish(&apply);
	if (apply.verify)
		compare(&apply, before, steep_client_digest(&apply, false));
	report(&apply, arguments->values[0]);
	return CODE_FINE;
}
