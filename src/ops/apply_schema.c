/*-------------------------------------------------------------------------
 *
 * apply_schema.c
 *		The step of an apply that creates what is missing.
 *
 * What exists is used as it is: of a table that exists only rows are added to,
 * its indexes, constraints and grants are its own.  So the statements that
 * come after CREATE are run for what this step has created, and so are those
 * that come after the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/apply.h"

static const Statement mark_created = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that the table was created",
	.text = "SELECT steep_repl.mark_created($1, $2)",
	.nparams = 2,
	.params = {"text", "int"},
};

static void
run(const ScriptStatement *statement)
{
	(void) steep_local_none(steep_apply_run_sql("create what is missing",
												statement->sql), NULL, NIL);
}

/* List the sequences of columns of tables that are not wanted. */
static HTAB *
list_unwanted(const ApplySource *source)
{
	HTAB	   *unwanted = steep_script_set("unwanted sequences");
	ListCell   *cell;

	if (source->wanted == NULL)
		return unwanted;
	foreach(cell, source->pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);

		if (statement->kind == SCRIPT_OWNER && statement->needs != NIL &&
			!steep_script_has(source->wanted, linitial(statement->needs)))
			steep_script_add(unwanted, &statement->of);
	}
	return unwanted;
}

/* Create an object, unless it exists or nobody wants it. */
static void
create_object(const ApplySource *source, HTAB *unwanted, HTAB *created,
			  const ScriptStatement *statement)
{
	if (statement->kind == SCRIPT_TABLE && source->wanted != NULL &&
		!steep_script_has(source->wanted, &statement->makes))
		return;
	if (steep_script_has(unwanted, &statement->makes) ||
		steep_script_exists(&statement->makes))
		return;
	run(statement);
	steep_script_add(created, &statement->makes);
}

/*
 * Tie a partition to its parent.  A partitioned table is here with all of its
 * partitions, or with none; but one that the snapshot has without its parent
 * is a table by itself.
 */
static void
tie_partition(HTAB *described, HTAB *created, const ScriptStatement *statement)
{
	const ScriptObject *parent = linitial(statement->needs);
	const ScriptObject *child = &statement->of;
	const char *parent_name = steep_sql_name(NameStr(parent->schema),
											 NameStr(parent->name));
	const char *child_name = steep_sql_name(NameStr(child->schema),
											NameStr(child->name));
	bool		child_created = steep_script_has(created, child);

	if (steep_script_has(described, parent))
	{
		if (child_created != steep_script_has(created, parent))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("of table \"%s\" and its partition \"%s\" only one exists",
							parent_name, child_name),
					 errhint("Create the other, or drop the one that exists.")));
		if (child_created)
			run(statement);
	}
	else if (child_created)
		ereport(WARNING,
				(errmsg("table \"%s\" is not made a partition of \"%s\"",
						child_name, parent_name),
				 errdetail("It is copied without its parent.")));
}

/* List the tables that the snapshot creates. */
static HTAB *
list_described(const ApplySource *source)
{
	HTAB	   *described = steep_script_set("tables of the snapshot");
	ListCell   *cell;

	foreach(cell, source->pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);

		if (statement->kind == SCRIPT_TABLE)
			steep_script_add(described, &statement->makes);
	}
	return described;
}

/* Find the table whose column owns a sequence, also as its identity. */
static bool
find_owner(const ScriptObject *sequence, ScriptObject *owner)
{
	Oid			schema = get_namespace_oid(NameStr(sequence->schema), true);
	Oid			relid = OidIsValid(schema) ?
		get_relname_relid(NameStr(sequence->name), schema) : InvalidOid;
	Oid			table;
	int32		column;

	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_SEQUENCE ||
		(!sequenceIsOwned(relid, DEPENDENCY_INTERNAL, &table, &column) &&
		 !sequenceIsOwned(relid, DEPENDENCY_AUTO, &table, &column)))
		return false;
	*owner = steep_script_table(get_namespace_name(get_rel_namespace(table)),
								get_rel_name(table));
	return true;
}

/* Was an object created, or, if it is a sequence, the table that owns it? */
bool
steep_apply_is_created(HTAB *created, const ScriptObject *object)
{
	ScriptObject owner;

	return steep_script_has(created, object) ||
		(object->class == SCRIPT_CLASS_RELATION &&
		 find_owner(object, &owner) && steep_script_has(created, &owner));
}

/* Run the statements that come before rows; returns what was created. */
HTAB *
steep_apply_create(const ApplySource *source)
{
	HTAB	   *created = steep_script_set("created objects");
	HTAB	   *unwanted = list_unwanted(source);
	HTAB	   *described = list_described(source);
	ListCell   *cell;

	foreach(cell, source->pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);

		if (statement->kind == SCRIPT_SETTING)
			continue;
		if (statement->of.class == SCRIPT_CLASS_NONE)
			create_object(source, unwanted, created, statement);
		else if (statement->kind == SCRIPT_PARTITION)
		{
			if (source->wanted == NULL ||
				steep_script_has(source->wanted, &statement->of))
				tie_partition(described, created, statement);
		}
		else if (steep_apply_is_created(created, &statement->of))
			run(statement);
	}
	return created;
}

/* Set a sequence, if it is here and of a table that is wanted. */
static void
set_sequence(const ApplySource *source, HTAB *created,
			 const ManifestSequence *sequence)
{
	ScriptObject object = steep_script_table(steep_apply_local(sequence->schema),
											 steep_apply_local(sequence->name));
	ScriptObject owner;
	const char *values[] = {
		steep_sql_name(NameStr(object.schema), NameStr(object.name)),
		steep_books_number(sequence->last_value),
		sequence->is_called ? "true" : "false", "false"
	};

	object.class = SCRIPT_CLASS_RELATION;
	if (!steep_script_exists(&object) ||
		(source->wanted != NULL && find_owner(&object, &owner) &&
		 !steep_script_has(source->wanted, &owner)))
		return;
	if (steep_apply_is_created(created, &object))
		values[3] = "true";
	(void) steep_local_none(steep_apply_sequence_sql(), values, NIL);
}

/* Plan what is to be done with a table. */
static void
plan_table(StepContext *step, const FileSnapshot *snapshot,
		   const ApplyTable *table, bool created, bool occupied)
{
	const char *values[] = {snapshot->id, table->number};
	StepSpec	spec = {
		.kind = "weigh",
		.stage = APPLY_STAGE_WEIGH,
		.target = steep_sql_name(table->schema, table->name),
		.params = psprintf("{\"number\": %s}", table->number),
		.weight = 1
	};

	if (created)
		(void) steep_books_none(&mark_created, values, NIL);
	if (occupied && snapshot->verify)
		steep_job_add_step(step, &spec);
	spec.kind = "references";
	spec.stage = APPLY_STAGE_FINISH;
	if (!created)
		steep_job_add_step(step, &spec);
	spec.kind = "check";
	spec.stage = APPLY_STAGE_CHECK;
	spec.weight = table->bytes / 8 + 1;
	steep_job_add_step(step, &spec);
}

/* Look at the tables, create what is missing, and plan the other steps. */
void
steep_apply_schema(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	const ApplySource *source = steep_apply_reopen(snapshot);
	List	   *post_data = steep_apply_script(source, FILE_POST_DATA);
	HTAB	   *created;
	bool		triggers = false;
	int64		bytes = 0;
	ListCell   *cell;

	steep_progress_phase("schema");
	created = steep_apply_create(source);
	foreach(cell, steep_apply_tables(snapshot->id))
	{
		const ApplyTable *table = lfirst(cell);
		ScriptObject object = steep_script_table(table->schema, table->name);
		bool		occupied = steep_apply_check_target(table, source->force,
														&triggers);

		plan_table(step, snapshot, table, steep_script_has(created, &object),
				   occupied);
		bytes += table->bytes;
	}
	for (size_t i = 0; i < source->manifest->nsequences; i++)
		set_sequence(source, created, &source->manifest->sequences[i]);
	steep_apply_add_statements(step, created, post_data, bytes,
							   APPLY_STAGE_INDEX);
}
