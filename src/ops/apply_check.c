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

#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/apply_sql.h"
#include "generate/copy_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/apply.h"
#include "run/copyout.h"

static const Statement record_weight = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the rows that were there",
	.text = "SELECT steep_repl.record_weight($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "int", "bigint", "text"},
};

/* Digest all rows of a table. */
static void
digest_table(const ApplyTable *table, CopyTextTotals *totals)
{
	const char *values[] = {NULL, NULL};

	steep_progress_table(steep_sql_name(table->schema, table->name));
	steep_copyout_run(steep_copy_rows_sql(table->schema, table->name,
										  steep_image_names(table->columns),
										  false, false),
					  values, NULL, NULL, totals);
}

/* Digest the rows that a table has before others are added. */
void
steep_apply_weigh(StepContext *step)
{
	const ApplyTable *table = steep_apply_step_table(step);
	CopyTextTotals totals;
	char		digest[COPYTEXT_DIGEST];
	const char *values[] = {
		step->job->snapshot_id, table->number, NULL, digest
	};

	digest_table(table, &totals);
	steep_copytext_print_digest(&totals, digest);
	values[2] = steep_books_number(totals.rows);
	(void) steep_books_none(&record_weight, values, NIL);
}

static void
compare(const ApplyTable *table, const CopyTextTotals *here)
{
	const char *name = steep_sql_name(table->schema, table->name);
	CopyTextTotals expected = {.rows = table->rows + table->rows_before};

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

/* Gather statistics about a table, and compare its digest. */
void
steep_apply_check(StepContext *step)
{
	const FileSnapshot *snapshot = steep_snapshot_load(step->job->snapshot_id);
	const ApplyTable *table = steep_apply_step_table(step);
	CopyTextTotals totals;

	steep_progress_phase("verify");
	(void) steep_local_none(steep_apply_analyze_sql(table->schema,
													table->name), NULL, NIL);
	if (!snapshot->verify)
		return;
	digest_table(table, &totals);
	compare(table, &totals);
}
