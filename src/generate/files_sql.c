/*-------------------------------------------------------------------------
 *
 * files_sql.c
 *		Calls of steep_repl's own functions for snapshots, here and on a peer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/files_sql.h"

/* Has the node what it takes, and may the role call it? */
static const Statement may_sql = {
	.site = SITE_PEER,
	.purpose = "see whether the source can write files",
	.text =
	"SELECT count(*) FILTER (WHERE has_function_privilege(p.oid, 'EXECUTE')\n"
	"    AND has_schema_privilege(n.oid, 'USAGE')) = 3\n"
	"FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace\n"
	"WHERE n.nspname = 'steep_repl'\n"
	"  AND p.proname IN ('start_snapshot', 'snapshot_progress', 'discard_snapshots')",
	.result = "may bool",
};

/* $1 is the directory, $2 the compression, $3 how parallel, $4 the options. */
static const Statement write_sql = {
	.site = SITE_PEER,
	.purpose = "start to write the snapshot",
	.text = "SELECT snapshot_id FROM steep_repl.start_snapshot($1, $2, $3, $4)",
	.result = "snapshot_id text",
	.nparams = 4,
	.params = {"text", "text", "int", "jsonb"},
};

/* $1 is the directory, $2 how parallel, $3 the options. */
static const Statement apply_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "start to apply the snapshot",
	.text = "SELECT snapshot_id FROM steep_repl.start_apply($1, $2, true, $3)",
	.nparams = 3,
	.params = {"text", "int", "jsonb"},
};

/* How far snapshot $1 is, that is written or applied. */
#define PROGRESS_TEXT \
	"SELECT phase, overall_percent, current_table, bytes_processed, error\n" \
	"FROM steep_repl.snapshot_progress($1)"

static const Statement progress_sql[] = {
	{
		.site = SITE_LOCAL,
		.writes = true,			/* sees what is there now */
		.purpose = "see how far the snapshot is",
		.text = PROGRESS_TEXT,
		.nparams = 1,
		.params = {"text"},
	},
	{
		.site = SITE_PEER,
		.purpose = "see how far the snapshot is",
		.text = PROGRESS_TEXT,
		.result = "phase text, percent float8, current_table text, bytes bigint, error text",
		.nparams = 1,
		.params = {"text"},
	},
};

/* $1 is a slot; how many of the snapshots for it are still at work. */
static const Statement discard_sql = {
	.site = SITE_PEER,
	.purpose = "remove the slot's snapshots",
	.text = "SELECT steep_repl.discard_snapshots($1)",
	.result = "remaining int",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_files_may_sql(void)
{
	return &may_sql;
}

const Statement *
steep_files_write_sql(void)
{
	return &write_sql;
}

const Statement *
steep_files_apply_sql(void)
{
	return &apply_sql;
}

const Statement *
steep_files_progress_sql(Site site)
{
	return &progress_sql[site == SITE_PEER];
}

const Statement *
steep_files_discard_sql(void)
{
	return &discard_sql;
}
