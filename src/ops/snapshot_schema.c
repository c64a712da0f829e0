/*-------------------------------------------------------------------------
 *
 * snapshot_schema.c
 *		The files of a snapshot that create its tables.
 *
 * They are SQL in the database's encoding, for psql as well: pre-data.sql is
 * to be run before rows are loaded, post-data.sql after that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/sqltext.h"
#include "generate/copy_sql.h"
#include "generate/table_ddl.h"
#include "jobs/ledger.h"
#include "ops/snapshot.h"

static const Statement extension_version = {
	.site = SITE_LOCAL,
	.purpose = "read the version of an extension",
	.text = "SELECT extname, extversion FROM pg_extension WHERE quote_ident(extname) = $1",
	.nparams = 1,
	.params = {"text"},
};

/* Name the tables that are created, as an array. */
static char *
table_names(const char *relids)
{
	const char *values[] = {relids};
	Spool	   *spool = steep_spool_create("names");
	List	   *names = NIL;
	char	  **row;

	steep_local_rows(steep_copy_names_sql(), values, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		names = lappend(names, row[0]);
	steep_spool_end(spool);
	return steep_sql_array(names);
}

/*
 * List what the files leave out of these tables, or of all if relids is NULL:
 * rows of kind and name.
 */
List *
steep_snapshot_left_out(const char *relids)
{
	const char *values[] = {table_names(relids)};
	Spool	   *spool = steep_spool_create("omissions");
	List	   *left_out = NIL;
	char	  **row;

	steep_local_rows(steep_table_ddl_omissions_sql(SITE_LOCAL), values, NIL,
					 spool);
	while ((row = steep_spool_next(spool)) != NULL)
	{
		if (relids == NULL || strcmp(row[OMITTED_SCOPE], "database") != 0)
			left_out = lappend(left_out, &row[OMITTED_KIND]);
	}
	steep_spool_end(spool);
	return left_out;
}

/* Write a file. */
static void
write_file(Directory *directory, FileKind kind, const StringInfoData *text,
		   StreamTotals *totals)
{
	FileName	name = steep_filename(kind);
	StreamWriter *writer = steep_held_writer(directory, &name, NULL);
	Failure		failure;

	steep_held_check(steep_writer_put(writer, text->data, text->len, &failure) &&
					 steep_writer_finish(writer, totals, &failure), &failure);
}

static void
start_text(StringInfo text)
{
	initStringInfo(text);
	appendStringInfo(text, "SET client_encoding = %s;\n",
					 steep_sql_literal(GetDatabaseEncodingName()));
	appendStringInfoString(text, "SET search_path = pg_catalog;\n");
}

/* Write the files; what they leave out is in the result. */
SnapshotSchema *
steep_snapshot_write_schema(const FileSnapshot *snapshot, const char *relids)
{
	SnapshotSchema *schema = palloc0(sizeof(SnapshotSchema));
	const char *values[] = {table_names(relids)};
	Directory  *directory = steep_held_open(steep_snapshot_place(snapshot->path,
																 SNAPSHOT_WRITE));
	Spool	   *spool = steep_spool_create("statements");
	StringInfoData pre_data;
	StringInfoData post_data;
	char	  **row;

	start_text(&pre_data);
	start_text(&post_data);
	steep_local_rows(steep_table_ddl_sql(SITE_LOCAL), values, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
	{
		const char *object[] = {row[DDL_OBJECT]};

		appendStringInfo(strcmp(row[DDL_SECTION], "pre-data") == 0 ?
						 &pre_data : &post_data, "%s;\n", row[DDL_STATEMENT]);
		if (strcmp(row[DDL_KIND], "extension") == 0)
			schema->extensions = lappend(schema->extensions,
										 steep_local_row(&extension_version, object, NIL));
	}
	steep_spool_end(spool);
	write_file(directory, FILE_PRE_DATA, &pre_data, &schema->pre_data);
	write_file(directory, FILE_POST_DATA, &post_data, &schema->post_data);
	schema->left_out = steep_snapshot_left_out(relids);
	return schema;
}
