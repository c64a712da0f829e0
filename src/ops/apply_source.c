/*-------------------------------------------------------------------------
 *
 * apply_source.c
 *		The snapshot that is applied, and whether it can be here.
 *
 * Each step opens the directory anew.  The checksum of the manifest is kept
 * from the submit on, so that all see the same snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "base/bytes.h"
#include "base/script.h"
#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "ops/apply.h"

/* More than any schema file that was written has. */
#define MOST_SCHEMA_BYTES (256 * 1024 * 1024)

static const Statement read_checksum = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read which snapshot was submitted",
	.text = "SELECT facts ->> 'manifest_sha256' FROM steep_repl.snapshots\n"
	"WHERE snapshot_id = $1",
	.nparams = 1,
	.params = {"text"},
};

/* Manifests are in UTF-8, whatever the database is in. */
const char *
steep_apply_local(const char *utf8)
{
	return pg_any_to_server(utf8, strlen(utf8), PG_UTF8);
}

static void
check_encoding(const Manifest *manifest)
{
	if (strcmp(manifest->encoding, GetDatabaseEncodingName()) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("encoding of the snapshot differs"),
			 errdetail("The snapshot uses %s, this database uses %s.",
					   manifest->encoding, GetDatabaseEncodingName()),
			 errhint("Apply it in a database that was created with ENCODING '%s'.",
					 manifest->encoding)));
}

static void
check_version(const Manifest *manifest)
{
	uint32		here = strtoul(GetConfigOption("server_version_num", false,
											   false), NULL, 10);

	if (manifest->server_version / 10000 <= here / 10000)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("snapshot is of a newer release of PostgreSQL"),
			 errdetail("It was written by release %u, this is release %u.",
					   manifest->server_version / 10000, here / 10000),
			 errhint("Apply it on release %u or a later one.",
					 manifest->server_version / 10000)));
}

/* No snapshot is written of what is the system's, so none is loaded into it. */
static void
check_schema(const char *schema, const char *name)
{
	if (!IsReservedName(schema) && strcmp(schema, "information_schema") != 0 &&
		strcmp(schema, "steep_repl") != 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("\"%s\" belongs to the system",
					steep_sql_name(steep_apply_local(schema),
								   steep_apply_local(name))),
			 errdetail("The manifest was edited: a snapshot holds tables of users only.")));
}

static void
check_schemas(const Manifest *manifest)
{
	for (size_t i = 0; i < manifest->ntables; i++)
		check_schema(manifest->tables[i].schema, manifest->tables[i].name);
	for (size_t i = 0; i < manifest->nsequences; i++)
		check_schema(manifest->sequences[i].schema, manifest->sequences[i].name);
}

/* Read a schema file as a whole; that checks it. */
static char *
read_text(Directory *directory, FileKind kind, const StreamTotals *expected)
{
	FileName	name = steep_filename(kind);
	StreamReader *reader = steep_held_reader(directory, &name, expected);
	char	   *text;
	size_t		length = 0;
	size_t		more;
	Failure		failure;

	if (expected->raw_bytes > MOST_SCHEMA_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large", name.path)));
	text = palloc(expected->raw_bytes + 1);

	do
	{
		steep_held_check(steep_reader_get(reader, text +length,
										  expected->raw_bytes + 1 - length,
										  &more, &failure), &failure);
		length += more;
	} while (more > 0);
	text[		length] = '\0';

	if (strlen(text) != length)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" has a zero byte", name.path)));
	(void) pg_verifymbstr(text, length, false);
	return text;
}

/* Read the statements of a schema file. */
List *
steep_apply_script(const ApplySource *source, FileKind kind)
{
	FileName	name = steep_filename(kind);
	char	   *text = read_text(source->directory, kind,
								 kind == FILE_PRE_DATA ?
								 &source->manifest->pre_data :
								 &source->manifest->post_data);

	return steep_script_parse(text, name.path);
}

/* Read a flag among the options. */
static bool
read_flag(Jsonb *options, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&options->root, name, strlen(name),
									 &value) == NULL)
		return false;
	if (value.type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be true or false", name)));
	return value.val.boolean;
}

/* Open a snapshot that a user has named; pinned settings are the caller's. */
ApplySource *
steep_apply_open(const char *path, Jsonb *options)
{
	ApplySource *source = palloc0(sizeof(ApplySource));
	const DirectoryPlace *place = steep_snapshot_place(path, SNAPSHOT_READ);
	ArrayType  *names = steep_snapshot_tables_option(options);

	source->force = read_flag(options, "force");
	source->path = steep_snapshot_path(place);
	source->directory = steep_held_open(place);
	source->manifest = steep_held_manifest(source->directory);
	check_version(source->manifest);
	check_encoding(source->manifest);
	check_schemas(source->manifest);
	source->pre_data = steep_apply_script(source, FILE_PRE_DATA);
	if (names != NULL)
		source->wanted = steep_apply_wanted(source->pre_data, names);
	return source;
}

/* Open what a job applies. */
ApplySource *
steep_apply_reopen(const FileSnapshot *snapshot)
{
	const char *values[] = {snapshot->id};
	Jsonb	   *options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
															 CStringGetDatum(snapshot->options)));
	ApplySource *source = steep_apply_open(snapshot->path, options);
	char	  **row = steep_books_row(&read_checksum, values);

	if (row == NULL || row[0] == NULL ||
		strcmp(row[0], source->manifest->sha256) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("another snapshot is at \"%s\" than was submitted",
						snapshot->path),
				 errhint("Start again.")));
	return source;
}
