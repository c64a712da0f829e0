/*-------------------------------------------------------------------------
 *
 * client_generate.c
 *		snapshot generate --client: tables to files of this program.
 *
 * The parent locks the tables and holds the database snapshot, from which all
 * workers read.  The manifest is written last: without it there is no
 * snapshot.  However the program ends before that, it removes what is there.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/groups.h"
#include "cli/table.h"
#include "cli/workers.h"

#define SMALLEST_CHUNK (4LL * 1024 * 1024)
#define LARGEST_CHUNK (1024LL * 1024 * 1024)
#define CHUNKS_A_WORKER 8		/* so that they end at about the same time */

/* A file, and what has become of it; a child fills in the latter. */
typedef struct Chunk
{
	int			table;
	uint32_t	number;
	long long	first;			/* block, 0: from the start */
	long long	last;			/* block before which it ends, 0: none */
	long long	bytes;
	CopyTotals	rows;
	StreamTotals file;
} Chunk;

typedef struct Generate
{
	Directory  *directory;
	ClientTables tables;
	Manifest	manifest;
	const char *database_snapshot;	/* its name */
	Chunk	   *chunks;			/* shared with the children */
	int			nchunks;
} Generate;

/* What is to be removed if this process ends before the manifest is written. */
static Directory *half_made = NULL;
static pid_t maker;

static void
remove_half(void)
{
	Failure		failure;

	if (half_made == NULL || getpid() != maker)
		return;
	if (!steep_directory_remove(half_made, &failure))
		fprintf(stderr, "steep-repl: %s\n", failure.message);
	half_made = NULL;
}

static void
make_directory(Generate *generate, const char *path)
{
	DirectoryPlace place = steep_client_place(path);
	Failure		failure;

	steep_client_check(steep_directory_create(&place, &generate->directory, &failure), &failure);
	maker = getpid();
	half_made = generate->directory;
	atexit(remove_half);
}

static void
lock_tables(Session *session, const ClientTables *tables)
{
	for (int i = 0; i < tables->count; i++)
	{
		Text		statement = {0};

		steep_text_format(&statement, "LOCK TABLE ONLY %s IN ACCESS SHARE MODE", tables->tables[i].shown);
		steep_client_run(session, statement.data);
		free(statement.data);
	}
}

/*
 * Take the database snapshot.  Tables are locked before it: so none can be
 * emptied or rewritten in between, which would show it without rows.
 */
static void
take_snapshot(Session *session, Generate *generate, const char *asked)
{
	ClientTables planned = steep_client_tables(session, asked);

	steep_client_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	lock_tables(session, &planned);
	generate->database_snapshot = steep_client_value(session, "SELECT pg_export_snapshot()", 0, NULL);
	generate->tables = steep_client_tables(session, asked);
	if (!steep_client_same_tables(&planned, &generate->tables))
		steep_complain_fail(CODE_GENERAL, "Start again.",
							"tables have changed while the snapshot was planned");
}

static void
add_chunk(Generate *generate, int table, int number, int of)
{
	const ClientTable *cut = &generate->tables.tables[table];
	Chunk	   *chunk = &generate->chunks[generate->nchunks++];

	chunk->table = table;
	chunk->number = number;
	chunk->first = cut->blocks * (number - 1) / of;
	chunk->last = number < of ? cut->blocks * number / of : 0;
	chunk->bytes = cut->bytes / of;
}

static int
larger_first(const void *a, const void *b)
{
	const Chunk *one = a;
	const Chunk *other = b;

	if (one->bytes != other->bytes)
		return one->bytes > other->bytes ? -1 : 1;
	if (one->table != other->table)
		return one->table - other->table;
	return (int) one->number - (int) other->number;
}

/* Cut the tables into chunks; returns how large all are. */
static long long
plan(Generate *generate, int parallel)
{
	const ClientTables *tables = &generate->tables;
	int		   *counts = steep_text_memory((tables->count + 1) * sizeof(int));
	long long	total = 0;
	long long	size;
	size_t		count = 0;

	for (int i = 0; i < tables->count; i++)
		total += tables->tables[i].bytes;
	size = total / (parallel * CHUNKS_A_WORKER);
	size = size < SMALLEST_CHUNK ? SMALLEST_CHUNK : size > LARGEST_CHUNK ? LARGEST_CHUNK : size;
	for (int i = 0; i < tables->count; i++)
	{
		long long	chunks = tables->tables[i].bytes / size;

		if (chunks > tables->tables[i].blocks)
			chunks = tables->tables[i].blocks;
		counts[i] = chunks < 1 ? 1 : (int) chunks;
		count += counts[i];
	}
	generate->chunks = steep_workers_memory(count * sizeof(Chunk));
	for (int i = 0; i < tables->count; i++)
	{
		for (int number = 1; number <= counts[i]; number++)
			add_chunk(generate, i, number, counts[i]);
	}
	qsort(generate->chunks, generate->nchunks, sizeof(Chunk), larger_first);
	free(counts);
	return total;
}

/* A worker reads from the snapshot that the parent holds. */
static void
begin_reading(const Workers *workers, Session *session)
{
	const Generate *generate = workers->arg;
	Text		statement = {0};

	steep_client_connect(session);
	steep_client_pin(session);
	steep_client_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	steep_text_format(&statement, "SET TRANSACTION SNAPSHOT '%s'", generate->database_snapshot);
	steep_client_run(session, statement.data);
}

/*----------
 * Write the file of a chunk.
 *
 *	SELECT <columns> FROM ONLY <table> WHERE ctid >= <first> AND ctid < <last>
 *----------
 */
static void
write_chunk(const Workers *workers, Session *session, int item)
{
	const Generate *generate = workers->arg;
	const Manifest *manifest = &generate->manifest;
	Chunk	   *chunk = &generate->chunks[item];
	FileName	name = steep_filename_chunk(chunk->table + 1, chunk->number,
											manifest->compression.method);
	Text		query = {0};
	StreamWriter *writer;
	Failure		failure;

	steep_text_append(&query, generate->tables.tables[chunk->table].select);
	if (chunk->first > 0)
		steep_text_format(&query, " WHERE ctid >= '(%lld,0)'", chunk->first);
	if (chunk->last > 0)
		steep_text_format(&query, " %s ctid < '(%lld,0)'", chunk->first > 0 ? "AND" : "WHERE", chunk->last);
	steep_client_check(steep_writer_open(generate->directory, &name, &manifest->compression, &writer, &failure), &failure);
	steep_client_read_rows(session, query.data, manifest->encoding, writer, &chunk->rows);
	steep_client_check(steep_writer_finish(writer, &chunk->file, &failure), &failure);
	steep_writer_close(writer);
	free(query.data);
}

/* For the manifest: chunks in the order of tables and numbers. */
static int
by_number(const void *a, const void *b)
{
	const Chunk *one = a;
	const Chunk *other = b;

	if (one->table != other->table)
		return one->table - other->table;
	return (int) one->number - (int) other->number;
}

static const char *
print_digest(const CopyTotals *totals)
{
	char	   *digest = steep_text_memory(COPYDIGEST_TEXT);

	steep_copydigest_print(totals, digest);
	return digest;
}

/* Say in the manifest what the workers have written. */
static void
describe_tables(Generate *generate)
{
	ClientTables *list = &generate->tables;
	ManifestTable *tables = steep_text_memory((list->count + 1) * sizeof(ManifestTable));
	ManifestChunk *chunks = steep_text_memory((generate->nchunks + 1) * sizeof(ManifestChunk));
	int			next = 0;

	qsort(generate->chunks, generate->nchunks, sizeof(Chunk), by_number);
	for (int i = 0; i < list->count; i++)
	{
		ManifestTable *table = &tables[i];
		CopyTotals	totals = {0};

		*table = list->tables[i].described;
		table->chunks = &chunks[next];
		for (; next < generate->nchunks && generate->chunks[next].table == i; next++)
		{
			const Chunk *chunk = &generate->chunks[next];
			ManifestChunk *described = &chunks[next];

			described->name = steep_filename_chunk(table->number, chunk->number,
												   generate->manifest.compression.method);
			described->rows = chunk->rows.rows;
			described->file = chunk->file;
			described->digest = print_digest(&chunk->rows);
			totals.rows += chunk->rows.rows;
			totals.low += chunk->rows.low;
			totals.high += chunk->rows.high;
			table->nchunks++;
		}
		table->rows = totals.rows;
		table->digest = print_digest(&totals);
	}
	generate->manifest.tables = tables;
	generate->manifest.ntables = list->count;
}

/* Say what was written. */
static void
report(const Session *session, const Generate *generate, const char *path)
{
	unsigned long long rows = 0;
	unsigned long long bytes = 0;
	Text		json = {0};
	Text		number = {0};

	for (int i = 0; i < generate->nchunks; i++)
	{
		rows += generate->chunks[i].rows.rows;
		bytes += generate->chunks[i].file.file_bytes;
	}
	if (session->json)
	{
		steep_text_json(&json, path);
		printf("{\"event\":\"result\",\"snapshot_id\":\"%s\",\"kind\":\"generate\",\"status\":\"complete\",\"path\":%s,\"lsn\":\"%s\",\"tables\":%d,\"rows\":%llu,\"file_bytes\":%llu}\n",
			   generate->manifest.snapshot_id, json.data, generate->manifest.lsn,
			   generate->tables.count, rows, bytes);
		return;
	}
	if (session->quiet)
		return;
	steep_text_format(&json, "%llu", rows);
	steep_table_number(&number, json.data);
	printf("snapshot       %s\nstatus         complete\npath           %s\nlsn            %s\ntables         %d\nrows           %s\n",
		   generate->manifest.snapshot_id, path, generate->manifest.lsn,
		   generate->tables.count, number.data);
	steep_text_reset(&json);
	steep_text_reset(&number);
	steep_text_format(&json, "%llu", bytes);
	steep_table_number(&number, json.data);
	printf("bytes on disk  %s\n", number.data);
}

ExitCode
steep_client_generate(Session *session, const Arguments *arguments)
{
	const char *path = arguments->values[0];
	const char *compression = steep_arguments_option(arguments, "compression");
	Generate	generate = {0};
	Workers		workers = {
		.session = session,.phase = "data",.arg = &generate,
		.count = steep_client_parallel(arguments),
		.begin = begin_reading,.work = write_chunk
	};
	const char *asked;
	ExitCode	code;
	Failure		failure;

	steep_client_check(steep_compression_parse(compression ? compression : "none",
											   &generate.manifest.compression, &failure), &failure);
	steep_client_connect(session);
	asked = steep_client_resolve(session, arguments);
	steep_client_pin(session);
	take_snapshot(session, &generate, asked);
	steep_client_facts(session, &generate.tables, &generate.manifest);
	make_directory(&generate, path);
	steep_client_schema(session, generate.directory, &generate.tables, &generate.manifest);
	workers.total_bytes = plan(&generate, workers.count);
	workers.items = generate.nchunks;
	code = steep_workers_run(&workers);
	if (code != CODE_FINE)
		steep_client_end_early(session, code);
	/* fails if the transaction, and with it the locks, was lost meanwhile */
	steep_client_run(session, "COMMIT");
	describe_tables(&generate);
	steep_client_check(steep_manifest_write(generate.directory, &generate.manifest, &failure), &failure);
	half_made = NULL;
	report(session, &generate, path);
	return CODE_FINE;
}
