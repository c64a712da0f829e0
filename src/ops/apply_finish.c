/*-------------------------------------------------------------------------
 *
 * apply_finish.c
 *		The steps of an apply, or of an init, that come after its rows: indexes
 *		and keys, then what else belongs to the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/json.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/apply.h"

static const Statement list_statements = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the statements of the step",
	.text = "SELECT s FROM jsonb_array_elements_text($1 -> 'statements') s",
	.nparams = 1,
	.params = {"jsonb"},
};

/* Write statements as parameters of the step that runs them. */
static char *
statement_params(List *statements)
{
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"statements\": [");
	foreach(cell, statements)
	{
		if (cell != list_head(statements))
			appendStringInfoString(&json, ", ");
		escape_json(&json, ((ScriptStatement *) lfirst(cell))->sql);
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/*
 * Plan indexes and keys: each is a step, so they are built side by side.  They
 * are taken to be of one size, all together half as much work as the rows.
 */
static void
add_indexes(StepContext *step, List *indexes, int64 bytes, int stage)
{
	ListCell   *cell;

	foreach(cell, indexes)
	{
		ScriptStatement *statement = lfirst(cell);
		StepSpec	spec = {
			.kind = "index",
			.stage = stage,
			.target = steep_sql_name(NameStr(statement->makes.schema),
									 NameStr(statement->makes.name)),
			.params = statement_params(list_make1(statement)),
			.weight = bytes / 2 / list_length(indexes) + 1
		};

		steep_job_add_step(step, &spec);
	}
}

/* Can a grant be made, an index be attached, or a key be added? */
static bool
can_run(HTAB *created, const ScriptStatement *statement)
{
	ListCell   *cell;

	foreach(cell, statement->roles)
	{
		if (!OidIsValid(get_role_oid(lfirst(cell), true)))
		{
			ereport(WARNING,
					(errmsg("role \"%s\" does not exist", (char *) lfirst(cell)),
					 errdetail("What is granted to it is left out: %s.",
							   statement->sql)));
			return false;
		}
	}
	if (statement->needs == NIL)
		return true;
	if (statement->kind != SCRIPT_FOREIGN_KEY)
		return steep_script_has(created, linitial(statement->needs));
	if (steep_script_exists(linitial(statement->needs)))
		return true;
	ereport(WARNING,
			(errmsg("a foreign key is left out, the table it references does not exist"),
			 errdetail("The statement is %s.", statement->sql)));
	return false;
}

/*
 * Plan the statements that belong to what was created: indexes in a stage, all
 * others in the next.  Those are run one after the other: several change two
 * tables, and could wait for each other.
 */
void
steep_apply_add_statements(StepContext *step, HTAB *created, List *post_data,
						   int64 bytes, int stage)
{
	StepSpec	spec = {
		.kind = "finish",
		.stage = stage + 1,
		.weight = 1
	};
	List	   *indexes = NIL;
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, post_data)
	{
		ScriptStatement *statement = lfirst(cell);

		if (statement->kind == SCRIPT_SETTING ||
			!steep_apply_is_created(created, &statement->of) ||
			!can_run(created, statement))
			continue;
		if (statement->makes.class != SCRIPT_CLASS_NONE)
			steep_script_add(created, &statement->makes);
		if (statement->kind == SCRIPT_INDEX)
			indexes = lappend(indexes, statement);
		else
			others = lappend(others, statement);
	}
	add_indexes(step, indexes, bytes, stage);
	spec.params = statement_params(others);
	if (others != NIL)
		steep_job_add_step(step, &spec);
}

/* Run the statements of a step. */
void
steep_apply_run(StepContext *step)
{
	const char *values[] = {step->params};
	Spool	   *spool = steep_spool_create("statements");
	ListCell   *cell;

	steep_progress_phase(strcmp(step->kind, "index") == 0 ? "indexes" :
						 "constraints");
	steep_local_rows(&list_statements, values, NIL, spool);
	foreach(cell, steep_spool_texts(spool))
	{
		const char *text = ((char **) lfirst(cell))[0];

		(void) steep_local_none(steep_apply_run_sql(text, text), NULL, NIL);
	}
	steep_spool_end(spool);
}

/*
 * Foreign keys of tables that existed have not been checked where triggers
 * were kept from firing: see whether rows lack their parents.
 */
void
steep_apply_references(StepContext *step)
{
	const char *values[] = {step->target};
	Spool	   *spool = steep_spool_create("references");
	ListCell   *cell;

	steep_progress_phase("constraints");
	steep_local_rows(steep_apply_references_sql(), values, NIL, spool);
	foreach(cell, steep_spool_texts(spool))
	{
		char	  **row = lfirst(cell);
		const Statement *query = steep_apply_run_sql("look for missing parents",
													 row[1]);

		if (steep_books_bool(steep_local_value(query, NULL, NIL)))
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("rows of table \"%s\" violate foreign key \"%s\"",
							step->target, row[0]),
					 errhint("Apply the tables that it references, too, or repair the rows.")));
	}
	steep_spool_end(spool);
}
