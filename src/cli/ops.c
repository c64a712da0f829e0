/*-------------------------------------------------------------------------
 *
 * ops.c
 *		The commands about jobs of any kind.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/connection.h"
#include "cli/groups.h"
#include "cli/job.h"
#include "cli/listen.h"
#include "cli/progress.h"
#include "cli/query.h"
#include "cli/table.h"
#include "cli/terminal.h"

#define BAR_WIDTH 16

/* Columns of the list. */
enum
{
	LIST_PERCENT = 4
};

static void
append_bar(Text *line, const PGresult *rows, int row)
{
	steep_progress_bar(line, stdout, BAR_WIDTH,
					   strtod(PQgetvalue(rows, row, LIST_PERCENT), NULL));
}

#define LIST_COLUMNS \
	"coalesce(external_id, id::text) AS \"id\", operation, status, phase, round(percent::numeric) AS \"%\"," \
	" owner, date_trunc('seconds', created_at) AS \"submitted\"," \
	" date_trunc('seconds', coalesce(completed_at, clock_timestamp()) - started_at) AS \"time\"," \
	" split_part(error_message, E'\\n', 1) AS \"error\""

const Report steep_ops_list_report = {
	.columns = LIST_COLUMNS,
	.from = "steep_repl.list_operations($1, coalesce($2::int, 100))",
	.nothing = "There are no jobs."
};

static const Report live = {
	.columns = LIST_COLUMNS,
	.from = "(SELECT * FROM steep_repl.list_operations(NULL, 2147483647)"
	" WHERE status IN ('pending', 'running') OR completed_at > now() - interval '1 minute'"
	" ORDER BY status NOT IN ('pending', 'running'), id DESC LIMIT 100)",
	.is_line = true,
	.nothing = "No job runs.",
	.append = append_bar
};

const Report steep_ops_cancel_report = {
	.columns = "id, CASE WHEN cancelled THEN 'cancelled' ELSE 'has ended before' END AS \"is\"",
	.from = "(SELECT $1::text AS id, steep_repl.cancel_operation($1) AS cancelled)",
	.is_record = true
};

/* Show all jobs as they are now, on a cleared screen if it is one. */
static void
show_jobs(Session *session)
{
	PGresult   *rows = steep_report_fetch(session, &live, 0, NULL);

	if (!session->json && steep_terminal_is(stdout))
		printf("\033[H\033[J");
	steep_report_show(session, &live, rows);
	fflush(stdout);
	PQclear(rows);
}

/* Find out what kind of work has this id, by its form. */
static const JobKind *
kind_of(const char *id)
{
	if (strncmp(id, "merge_", 6) == 0)
		return &steep_merge_job;
	if (strncmp(id, "snap_", 5) == 0)
		return &steep_snapshot_job;
	return &steep_init_job;
}

/*
 * Wait for one job; or show all whenever there is news of one, until somebody
 * stops us.
 */
ExitCode
steep_ops_watch_run(Session *session, const Arguments *arguments)
{
	const char *id = arguments->values[0];
	double		rows;
	AnswerKind	kind;

	if (id)
		return steep_job_watch(session, kind_of(id), id);
	steep_connection_open(session);
	kind = steep_listen_start(session);
	while (kind == ANSWER_FINE || kind == ANSWER_LOST)
	{
		if (kind == ANSWER_LOST)
		{
			steep_progress_away(session);
			kind = steep_listen_again(session);
			if (kind == ANSWER_LOST)
				steep_complain_fail(CODE_CONNECTION, NULL, "the server does not come back");
			continue;
		}
		steep_terminal_clear();
		show_jobs(session);
		kind = steep_listen_wait(session, NULL, &rows);
	}
	return kind == ANSWER_LATE ? CODE_TIMEOUT : CODE_FINE;
}
