/*-------------------------------------------------------------------------
 *
 * init_files.c
 *		The method "two-phase": its options, its plan, and its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "generate/files_sql.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/init_files.h"
#include "ops/snapshot.h"

static const Statement find_job = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the job that applies the files",
	.text = "SELECT job, status IN ('pending', 'running')\n"
	"FROM steep_repl.find_snapshot($1, 0)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement init_snapshots = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list what the init applies",
	.text = "SELECT name FROM steep_repl.init_objects\n"
	"WHERE init_id = $1 AND node_id = $2 AND kind = 'snapshot'",
	.nparams = 2,
	.params = {"text", "text"},
};

/* Refuse options by which no files can get here. */
void
steep_files_check(const Init *init)
{
	const char *compression = steep_init_text(init, "compression");
	Compression parsed;
	Failure		failure;

	if (steep_init_text(init, "path") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"two-phase\" needs the option \"path\""),
				 errdetail("It is the directory in which the source writes files."),
				 errhint("If they come to be elsewhere on this node, name that in the option \"input\".")));
	if (compression != NULL)
		steep_held_check(steep_compression_parse(compression, &parsed,
												 &failure), &failure);
	(void) steep_snapshot_place(steep_files_input(init), SNAPSHOT_READ);
}

/* Refuse a source that writes no files for us, or none that we can read. */
void
steep_files_check_source(Session *session)
{
	if (session->there->version / 10000 > session->here->version / 10000)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("files of node \"%s\" are of a newer release of PostgreSQL",
						steep_peer_label(session->peer)),
				 errdetail("It has release %d, this node %d.",
						   session->there->version / 10000,
						   session->here->version / 10000),
				 errhint("Upgrade this node first, or choose another method.")));
	if (!steep_books_bool(steep_peer_value(session->peer, steep_files_may_sql(),
										   NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("node \"%s\" cannot write files for us",
						steep_peer_label(session->peer)),
				 errdetail("It needs steep_repl, and the role EXECUTE on its functions start_snapshot, snapshot_progress and discard_snapshots."),
				 errhint("CREATE EXTENSION steep_repl there, and GRANT USAGE ON SCHEMA and EXECUTE to the role that connects, or choose another method.")));
}

/* Where the files will be on this node. */
const char *
steep_files_input(const Init *init)
{
	const char *input = steep_init_text(init, "input");

	return input ? input : steep_init_text(init, "path");
}

/* Files that the source writes, and that are applied here. */
void
steep_init_plan_files(List **steps)
{
	steep_init_plan_step(steps, INIT_STAGE_COPY, "files_export");
	steep_init_plan_step(steps, INIT_STAGE_INDEX, "files_wait");
	steep_init_plan_step(steps, INIT_STAGE_SUBSCRIBE, "subscribe");
	steep_init_plan_step(steps, INIT_STAGE_CATCHUP, "catchup");
}

/* An init has ended before its time: end the job that applies files for it. */
void
steep_files_end(const Init *init)
{
	const char *values[] = {init->id, init->node};
	ListCell   *cell;

	foreach(cell, steep_books_rows(&init_snapshots, values))
	{
		const char *id[] = {((char **) lfirst(cell))[0]};
		char	  **job = steep_books_row(&find_job, id);

		if (job != NULL && steep_books_bool(job[1]))
			(void) steep_job_cancel(id[0]);
	}
}

/* Wait until the job that applies files has ended; it was cancelled. */
void
steep_files_await_end(const InitObject *object)
{
	char	  **job = steep_books_row(&find_job, &object->name);

	if (job != NULL && job[0] != NULL)
		steep_job_wait(steep_books_integer(job[0]), INT_MAX);
}
