/*-------------------------------------------------------------------------
 *
 * client_load.c
 *		What workers do with a snapshot that is loaded: read its files through,
 *		load them, and digest the tables.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/client_apply.h"
#include "cli/workers.h"
#include "files/verify.h"

static void
report_problem(void *arg, const char *file, const char *problem)
{
	steep_complain_fail(CODE_GENERAL, "Nothing was loaded.",
						"file \"%s\" %s", file, problem);
}

static bool
go_on(void *arg, uint64_t bytes)
{
	steep_workers_add_bytes(bytes);
	return true;
}

static void
verify_file(const Workers *workers, Session *session, int item)
{
	const Apply *apply = workers->arg;
	const ManifestChunk *chunk = apply->files[item].chunk;
	Verifier	verifier = {.report = report_problem,.go_on = go_on};
	Failure		failure;

	steep_client_check(steep_verify_file(apply->directory, &chunk->name,
										 &chunk->file, &verifier, &failure), &failure);
}

static void
begin(const Workers *workers, Session *session)
{
	steep_client_connect(session);
	steep_client_pin(session);
	steep_client_run(session, "BEGIN");
}

static void
commit(const Workers *workers, Session *session)
{
	steep_client_run(session, "COMMIT");
}

/*----------
 * Load a file.
 *
 *	COPY <table> (<columns>) FROM STDIN (ENCODING <encoding>)
 *----------
 */
static void
load_file(const Workers *workers, Session *session, int item)
{
	const Apply *apply = workers->arg;
	const ApplyFile *file = &apply->files[item];
	const ApplyTable *table = &apply->tables[file->table];
	StreamReader *reader;
	Text		statement = {0};
	uint64_t	rows;
	Failure		failure;

	steep_text_format(&statement, "COPY %s %s%s%s FROM STDIN (ENCODING '%s')", table->shown,
					  table->columns[0] ? "(" : "", table->columns, table->columns[0] ? ")" : "",
					  apply->manifest->encoding);
	steep_client_check(steep_reader_open(apply->directory, &file->chunk->name,
										 &file->chunk->file, &reader, &failure), &failure);
	rows = steep_client_load_rows(session, statement.data, reader);
	steep_reader_close(reader);
	free(statement.data);
	if (rows != file->chunk->rows)
		steep_complain_fail(CODE_GENERAL, "Something keeps rows from being loaded, such as a trigger or a rule.",
							"file \"%s\" has %" PRIu64 " rows, %" PRIu64 " were loaded",
							file->chunk->name.path, file->chunk->rows, rows);
}

/* What workers digest. */
typedef struct Digest
{
	const Apply *apply;
	CopyTotals *totals;			/* shared */
	bool		occupied_only;
} Digest;

static void
digest_table(const Workers *workers, Session *session, int item)
{
	const Digest *digest = workers->arg;
	const ApplyTable *table = &digest->apply->tables[item];
	Text		query = {0};

	if (!table->may_read || (digest->occupied_only && !table->occupied))
		return;
	steep_text_format(&query, "SELECT %s FROM ONLY %s", table->columns, table->shown);
	steep_client_read_rows(session, query.data, digest->apply->manifest->encoding,
						   NULL, &digest->totals[item]);
	free(query.data);
}

/* Have workers do something, or end. */
static void
run(const Apply *apply, Workers *workers)
{
	ExitCode	code;

	workers->session = apply->session;
	workers->total_bytes = apply->manifest->total.raw_bytes;
	code = steep_workers_run(workers);
	if (code != CODE_FINE)
		steep_client_end_early(apply->session, code);
}

/* Read all files through: that finds what is wrong with them. */
void
steep_client_verify_files(Apply *apply)
{
	Workers		workers = {
		.phase = "verify",.count = apply->parallel,.items = apply->nfiles,
		.work = verify_file,.arg = apply
	};

	run(apply, &workers);
}

/* Digest the rows of tables; in their order. */
CopyTotals *
steep_client_digest(Apply *apply, bool occupied_only)
{
	Digest		digest = {
		.apply = apply,.occupied_only = occupied_only,
		.totals = steep_workers_memory(apply->count * sizeof(CopyTotals))
	};
	Workers		workers = {
		.phase = "compare",.count = apply->parallel,.items = apply->count,
		.begin = begin,.work = digest_table,.arg = &digest
	};

	run(apply, &workers);
	return digest.totals;
}

/* Load all files; all of them or none. */
void
steep_client_load(Apply *apply)
{
	Workers		workers = {
		.phase = "data",.count = apply->parallel,.items = apply->nfiles,
		.begin = begin,.work = load_file,.end = commit,.arg = apply
	};

	run(apply, &workers);
}
