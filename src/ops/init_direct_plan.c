/*-------------------------------------------------------------------------
 *
 * init_direct_plan.c
 *		The step of a direct init that cuts the tables into parts; again, if the
 *		copy starts over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "base/copybinary.h"
#include "base/image.h"
#include "base/sqltext.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_direct.h"
#include "ops/parts.h"
#include "ops/tables.h"

#define MOST_STARTS 5			/* of a copy */

static const Statement forget_copy = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "start the copy over",
	.text = "SELECT steep_repl.forget_copy($1)",
	.nparams = 1,
	.params = {"bigint"},
};

static const Statement is_again = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "see whether the copy starts over",
	.text = "SELECT $1 ? 'again'",
	.nparams = 1,
	.params = {"jsonb"},
};

/* What the source has. */
typedef struct Planned
{
	const Init *init;
	bool		again;			/* an earlier start has left its slot */
	char	   *relids;			/* of the tables that were asked for */
	char	   *state;			/* what steep_copy_state_sql() says of them */
	List	   *tables;			/* SnapshotTable */
} Planned;

/*
 * The job begins again: if it was in the middle of the copy, the snapshot has
 * gone, and the copy is planned anew.
 */
void
steep_direct_start_over(const Job *job)
{
	const char *values[] = {steep_books_number(job->id)};

	(void) steep_local_none(&forget_copy, values, NIL);
}

/* List the tables that have rows, and the OIDs of those that were asked for. */
List *
steep_direct_list_tables(Session *session, const Init *init, char **relids)
{
	Spool	   *spool = steep_spool_create("tables");
	List	   *tables = NIL;
	char	  **row;

	*relids = steep_peer_value(session->peer, steep_copy_relids_sql(SITE_PEER),
							   &init->tables);
	steep_peer_rows(session->peer, steep_copy_tables_sql(SITE_PEER),
					(const char *const *) relids, spool);
	while ((row = steep_spool_next(spool)) != NULL)
	{
		SnapshotTable *table = steep_snapshot_take_table(row);

		tables = lappend(tables, table);
		table->number = list_length(tables);
	}
	steep_spool_end(spool);
	return tables;
}

static void
look(Session *session, void *arg)
{
	Planned    *planned = arg;

	if (planned->again)
		steep_init_drop_slot(session, SITE_PEER, planned->init->slot);
	planned->tables = steep_direct_list_tables(session, planned->init,
											   &planned->relids);
	planned->state = steep_peer_value(session->peer,
									  steep_copy_state_sql(SITE_PEER),
									  (const char *const *) &planned->relids);
}

/*
 * Remove the rows that an earlier start has copied.  The tables are ours, or
 * were empty: the record says which.
 */
static void
empty_tables(const Init *init)
{
	Statement	truncate = {
		.site = SITE_LOCAL,
		.writes = true,
		.purpose = "remove what was copied",
	};
	ListCell   *cell;

	foreach(cell, steep_init_tables(init))
	{
		if (!steep_init_is_left(init, "rows", lfirst(cell)) &&
			!steep_init_is_left(init, "table", lfirst(cell)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the copy cannot start over: table \"%s\" had rows before",
							(char *) lfirst(cell)),
					 errdetail("The snapshot that is copied was lost with a server or a worker that has ended."),
					 errhint("Remove the rows that were copied, and start the init again.")));
	}
	truncate.text = psprintf("TRUNCATE %s",
							 steep_sql_join(steep_init_tables(init), ", "));
	(void) steep_local_none(&truncate, NULL, NIL);
}

/* Make room for another start of the copy. */
static void
start_over(const StepContext *step, const Init *init)
{
	if (step->job->attempt > MOST_STARTS)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("the copy was started %d times and never came to its end",
						MOST_STARTS),
				 errhint("The server logs of both nodes say why.")));
	empty_tables(init);
}

/* Write down a member of a step's parameters that is a string. */
static void
append_text(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "\"%s\": ", name);
	escape_json(json, value);
}

/* Write down what of a table is to be copied. */
static void
append_chunk(StringInfo json, const Chunk *chunk)
{
	appendStringInfoChar(json, '{');
	append_text(json, "schema", chunk->table->schema);
	appendStringInfoString(json, ", ");
	append_text(json, "name", chunk->table->name);
	appendStringInfoString(json, ", ");
	append_text(json, "columns", chunk->table->columns);
	appendStringInfoString(json, ", ");
	append_text(json, "format",
				steep_copybinary_fits(steep_image_names(chunk->table->types)) ?
				"binary" : "text");
	if (chunk->first > 0)
		appendStringInfo(json, ", \"first\": " INT64_FORMAT, chunk->first);
	if (chunk->last > 0)
		appendStringInfo(json, ", \"last\": " INT64_FORMAT, chunk->last);
	appendStringInfoChar(json, '}');
}

/* Have a step copy a part. */
static void
plan_part(const StepContext *step, const Part *part)
{
	StepSpec	spec = {
		.kind = "load",
		.stage = INIT_STAGE_COPY,
		.target = part->target,
		.weight = part->bytes + 8192 * list_length(part->chunks)
	};
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"chunks\": [");
	foreach(cell, part->chunks)
	{
		if (cell != list_head(part->chunks))
			appendStringInfoString(&json, ", ");
		append_chunk(&json, lfirst(cell));
	}
	appendStringInfoString(&json, "]}");
	spec.params = json.data;
	steep_job_add_step(step, &spec);
}

/* Have a step hold the snapshot, if the tables are still the same then. */
static void
plan_hold(const StepContext *step, const Planned *planned)
{
	StepSpec	spec = {.kind = "hold",.stage = INIT_STAGE_COPY};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_text(&json, "relids", planned->relids);
	appendStringInfoString(&json, ", ");
	append_text(&json, "state", planned->state);
	appendStringInfoChar(&json, '}');
	spec.params = json.data;
	steep_job_add_step(step, &spec);
}

/* Cut the source's tables into parts, and plan a step for each. */
void
steep_direct_plan(StepContext *step)
{
	Planned		planned = {
		.init = steep_init_load(step->job->init_id),
		.again = steep_books_bool(steep_local_value(&is_again, &step->params, NIL))
	};
	ListCell   *cell;

	steep_progress_phase("planning");
	if (planned.again)
		start_over(step, planned.init);
	steep_session_look(steep_init_source_address(planned.init), look, &planned);
	plan_hold(step, &planned);
	foreach(cell, steep_parts_cut(planned.tables, step->job->parallel))
		plan_part(step, lfirst(cell));
}
