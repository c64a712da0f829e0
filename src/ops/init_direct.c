/*-------------------------------------------------------------------------
 *
 * init_direct.c
 *		The step of a direct init that creates the tables, and plans what is to
 *		be done with them after their rows are here.
 *
 * The source says how to create its tables as it does for a snapshot, so it
 * needs no extension; and the statements are run as when a snapshot is
 * applied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "generate/subscription_sql.h"
#include "generate/table_ddl.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/apply.h"
#include "ops/init_direct.h"
#include "ops/schema.h"
#include "ops/tables.h"

/* What the source says. */
typedef struct Described
{
	const Init *init;
	ApplySource source;
	List	   *post_data;		/* ScriptStatement */
	List	   *tables;			/* SnapshotTable */
} Described;

/* Plan what the method does. */
void
steep_init_plan_direct(List **steps)
{
	steep_init_plan_step(steps, INIT_STAGE_SCHEMA, "create");
	steep_init_plan_step(steps, INIT_STAGE_PLAN, "plan");
	steep_init_plan_step(steps, INIT_STAGE_SUBSCRIBE, "subscribe");
	steep_init_plan_step(steps, INIT_STAGE_CATCHUP, "catchup");
}

/* Rows that a publication leaves out would be copied, and then never change. */
static void
check_publication(Session *session, const Init *init)
{
	char	   *filtered = steep_peer_value(session->peer,
											steep_publication_filters_sql(),
											&init->publication);

	if (filtered != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("publication \"%s\" has only a part of table \"%s\"",
						init->publication, filtered),
				 errdetail("It has a column list or a row filter; the method \"direct\" copies whole tables."),
				 errhint("Use the method \"snapshot\", or another publication.")));
}

/* Ask how to create the tables. */
static void
describe_schema(Session *session, Described *described)
{
	Spool	   *spool = steep_spool_create("statements");
	StringInfoData pre_data;
	StringInfoData post_data;
	char	  **row;

	initStringInfo(&pre_data);
	initStringInfo(&post_data);
	steep_peer_rows(session->peer, steep_table_ddl_sql(SITE_PEER),
					&described->init->tables, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		appendStringInfo(strcmp(row[DDL_SECTION], "pre-data") == 0 ?
						 &pre_data : &post_data, "%s;\n", row[DDL_STATEMENT]);
	steep_spool_end(spool);
	described->source.pre_data = steep_script_parse(pre_data.data,
													"the source's schema");
	described->post_data = steep_script_parse(post_data.data,
											  "the source's schema");
}

static void
describe(Session *session, void *arg)
{
	Described  *described = arg;
	char	   *relids;

	check_publication(session, described->init);
	describe_schema(session, described);
	described->tables = steep_direct_list_tables(session, described->init,
												 &relids);
}

/*
 * Create what is missing here, or refuse or accept it, as the option "schema"
 * says.  Tables that are created come without their indexes and keys.
 */
static HTAB *
settle_schema(const Described *described)
{
	const Init *init = described->init;
	const char *word = steep_init_text(init, "schema");
	DriftMode	mode = steep_drift_mode(word ? word : "auto");
	HTAB	   *created;
	List	   *compared = NIL;
	ListCell   *cell;

	foreach(cell, steep_init_tables(init))
	{
		if (mode != DRIFT_AUTO || steep_tables_find(lfirst(cell)) != NULL)
			compared = lappend(compared, lfirst(cell));
	}
	created = mode == DRIFT_AUTO ? steep_apply_create(&described->source) :
		steep_script_set("created objects");
	if (compared != NIL)
		steep_drift_settle(steep_init_source_address(init), compared, mode);
	return created;
}

/* Refuse a table into which the rows don't fit. */
static void
check_table(const SnapshotTable *described, bool force)
{
	ApplyTable	table = {
		.schema = described->schema,
		.name = described->name,
		.columns = described->columns,
		.types = described->types,
	};
	ScriptObject object = steep_script_table(table.schema, table.name);
	bool		triggers;

	if (!steep_script_exists(&object))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist here",
						steep_sql_name(table.schema, table.name)),
				 errhint("Create it, or set the option \"schema\" to \"auto\".")));
	(void) steep_apply_check_target(&table, force, &triggers);
}

/* Plan what is to be done with a table once its rows are here. */
static void
plan_table(StepContext *step, const SnapshotTable *table, bool created)
{
	StepSpec	spec = {
		.kind = "references",
		.stage = INIT_STAGE_FINISH,
		.target = steep_sql_name(table->schema, table->name),
		.weight = 1
	};

	if (!created)
		steep_job_add_step(step, &spec);
	spec.kind = "analyze";
	spec.stage = INIT_STAGE_ANALYZE;
	spec.weight = table->bytes / 64 + 1;
	steep_job_add_step(step, &spec);
}

/* Create the tables, and plan the steps that come after the copy. */
void
steep_direct_create(StepContext *step)
{
	Described	described = {.init = steep_init_load(step->job->init_id)};
	StepSpec	sequences = {.kind = "sequences",.stage = INIT_STAGE_FINISH};
	bool		force = steep_init_flag(described.init, "force");
	int64		bytes = 0;
	HTAB	   *created;
	ListCell   *cell;

	steep_progress_phase("schema");
	steep_session_look(steep_init_source_address(described.init), describe,
					   &described);
	created = settle_schema(&described);
	foreach(cell, described.tables)
	{
		const SnapshotTable *table = lfirst(cell);
		ScriptObject object = steep_script_table(table->schema, table->name);

		check_table(table, force);
		plan_table(step, table, steep_script_has(created, &object));
		bytes += table->bytes;
	}
	steep_apply_add_statements(step, created, described.post_data, bytes,
							   INIT_STAGE_INDEX);
	steep_job_add_step(step, &sequences);
}
