/*-------------------------------------------------------------------------
 *
 * apply_check.c
 *		Are the tables what the manifest says?
 *
 * Digests of rows add up: a table that had rows must have those and the
 * snapshot's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "storage/block.h"
#include "utils/lsyscache.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/apply.h"
#include "run/copyout.h"

#define SMALLEST_RANGE 512		/* blocks that a step digests */

static const Statement record_weight = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the rows that were there",
	.text = "SELECT steep_repl.record_weight($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "int", "bigint", "text"},
};

static const Statement read_range = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read which rows to digest",
	.text = "SELECT format('(%s,0)', $1 ->> 'first'), format('(%s,0)', $1 ->> 'last')",
	.nparams = 1,
	.params = {"jsonb"},
};

static const Statement record_found = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the digest of a part of the table",
	.text = "SELECT steep_repl.record_found($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "int", "bigint", "text"},
};

static const Statement read_found = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the digests of the table",
	.text = "SELECT rows_found, digests_found FROM steep_repl.snapshot_tables\n"
	"WHERE snapshot_id = $1 AND number = $2",
	.nparams = 2,
	.params = {"text", "int"},
};

static const Statement read_analyzed = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "see whether statistics are gathered elsewhere",
	.text = "SELECT ($1 -> 'analyzed')::boolean",
	.nparams = 1,
	.params = {"jsonb"},
};

/* Digest the rows of a table, all or those from a block on and up to another. */
static void
digest_rows(const ApplyTable *table, const char *first, const char *last,
			CopyTotals *totals)
{
	const char *values[] = {first, last};

	steep_progress_table(steep_sql_name(table->schema, table->name));
	steep_copyout_run(steep_copy_rows_sql(table->schema, table->name,
										  steep_image_names(table->columns),
										  first != NULL, last != NULL),
					  values, NULL, NULL, totals);
}

/* Digest the rows that a table has before others are added. */
void
steep_apply_weigh(StepContext *step)
{
	const ApplyTable *table = steep_apply_step_table(step);
	CopyTotals totals;
	char		digest[COPYDIGEST_TEXT];
	const char *values[] = {
		step->job->snapshot_id, table->number, NULL, digest
	};

	digest_rows(table, NULL, NULL, &totals);
	steep_copydigest_print(&totals, digest);
	values[2] = steep_books_number(totals.rows);
	(void) steep_books_none(&record_weight, values, NIL);
}

static void
compare(const ApplyTable *table, const CopyTotals *here)
{
	const char *name = steep_sql_name(table->schema, table->name);
	CopyTotals expected = {.rows = table->rows + table->rows_before};

	if (here->rows != expected.rows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table \"%s\" has " UINT64_FORMAT " rows instead of " UINT64_FORMAT,
						name, here->rows, expected.rows),
				 errhint("Something else has written it meanwhile, or a trigger has.")));
	if (table->digest == NULL)
		return;
	steep_copytext_add_digest(&expected, table->digest);
	if (table->digest_before != NULL)
		steep_copytext_add_digest(&expected, table->digest_before);
	if (here->low != expected.low || here->high != expected.high)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("rows of table \"%s\" differ from the snapshot's", name),
				 errhint("Something else has written it meanwhile, or a trigger has.")));
}

/*
 * Plan to gather statistics about the partitioned tables of a snapshot, each
 * with all of its partitions; returns which they are.
 */
HTAB *
steep_apply_add_roots(StepContext *step, const ApplySource *source)
{
	HTAB	   *roots = steep_script_set("partitioned tables");
	StepSpec	spec = {
		.kind = "analyze",
		.stage = APPLY_STAGE_CHECK,
		.params = "{}",
		.weight = 1
	};
	ListCell   *cell;

	foreach(cell, source->pre_data)
	{
		const ScriptStatement *statement = lfirst(cell);
		const char *schema = NameStr(statement->makes.schema);
		const char *name = NameStr(statement->makes.name);
		Oid			relid;

		if (statement->kind != SCRIPT_TABLE ||
			(source->wanted != NULL &&
			 !steep_script_has(source->wanted, &statement->makes)))
			continue;
		relid = get_relname_relid(name, get_namespace_oid(schema, false));
		if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE ||
			get_rel_relispartition(relid))
			continue;
		steep_script_add(roots, &statement->makes);
		spec.target = steep_sql_name(schema, name);
		steep_job_add_step(step, &spec);
	}
	return roots;
}

/* Is a table a partition of one of these? */
bool
steep_apply_has_root(HTAB *roots, const ScriptObject *table)
{
	Oid			relid = get_relname_relid(NameStr(table->name),
										  get_namespace_oid(NameStr(table->schema), false));
	ScriptObject root;

	if (!get_rel_relispartition(relid))
		return false;
	relid = llast_oid(get_partition_ancestors(relid));
	root = steep_script_table(get_namespace_name(get_rel_namespace(relid)),
							  get_rel_name(relid));
	return steep_script_has(roots, &root);
}

/* Are statistics about the step's table gathered with its root's? */
static bool
is_analyzed(const StepContext *step)
{
	const char *values[] = {step->params};

	return steep_books_bool(steep_local_value(&read_analyzed, values, NIL));
}

/*
 * Have a large table looked at by several steps, of which each digests a range
 * of its blocks; false if that is not worth it.
 */
static bool
share_out(StepContext *step, const ApplyTable *table)
{
	const Statement *count = steep_apply_blocks_sql();
	const char *values[] = {step->target};
	int64		blocks = steep_books_integer(steep_local_value(count, values, NIL));
	int64		ranges = Min(blocks / SMALLEST_RANGE, step->job->parallel * 2);
	StepSpec	spec = {.target = step->target};

	if (ranges < 2 || step->job->parallel == 1)
		return false;
	spec.kind = "digest";
	spec.stage = APPLY_STAGE_DIGEST;
	spec.weight = step->weight;
	for (int64 i = 0; i < ranges; i++)
	{
		spec.params = psprintf("{\"number\": %s, \"first\": " INT64_FORMAT
							   ", \"last\": " INT64_FORMAT "}",
							   table->number, blocks * i / ranges,
							   i + 1 < ranges ? blocks * (i + 1) / ranges :
							   (int64) MaxBlockNumber);
		steep_job_add_step(step, &spec);
	}
	spec.weight = 1;
	spec.params = step->params;
	spec.kind = "analyze";
	if (!is_analyzed(step))
		steep_job_add_step(step, &spec);
	spec.kind = "compare";
	spec.stage = APPLY_STAGE_COMPARE;
	steep_job_add_step(step, &spec);
	return true;
}

/* Gather statistics about a table. */
void
steep_apply_analyze(StepContext *step)
{
	(void) steep_local_none(steep_apply_analyze_sql(step->target), NULL, NIL);
}

/* Gather statistics about a table, and compare its digest. */
void
steep_apply_check(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	const ApplyTable *table = steep_apply_step_table(step);
	CopyTotals totals;

	steep_progress_phase("verify");
	if (snapshot->verify && share_out(step, table))
		return;
	if (!is_analyzed(step))
		steep_apply_analyze(step);
	if (!snapshot->verify)
		return;
	digest_rows(table, NULL, NULL, &totals);
	compare(table, &totals);
}

/* Digest a range of a table. */
void
steep_apply_digest(StepContext *step)
{
	const ApplyTable *table = steep_apply_step_table(step);
	const char *params[] = {step->params};
	char	  **range = steep_local_row(&read_range, params, NIL);
	CopyTotals totals;
	char		digest[COPYDIGEST_TEXT];
	const char *values[] = {
		step->job->snapshot_id, table->number, NULL, digest
	};

	digest_rows(table, range[0], range[1], &totals);
	steep_copydigest_print(&totals, digest);
	values[2] = steep_books_number(totals.rows);
	(void) steep_books_none(&record_found, values, NIL);
}

/* Compare what the ranges of a table add up to. */
void
steep_apply_compare(StepContext *step)
{
	const ApplyTable *table = steep_apply_step_table(step);
	const char *values[] = {step->job->snapshot_id, table->number};
	char	  **row = steep_books_row(&read_found, values);
	CopyTotals totals = {.rows = steep_books_integer(row[0])};
	ListCell   *cell;

	foreach(cell, steep_image_names(row[1]))
		steep_copytext_add_digest(&totals, lfirst(cell));
	compare(table, &totals);
}
