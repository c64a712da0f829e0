/*-------------------------------------------------------------------------
 *
 * merge_batch.c
 *		A merge in batches: each is committed on both nodes by itself.
 *
 * What can't be written does not stop the rest.  A batch that fails because
 * of its rows is cut into halves, and these into theirs, until the row is
 * found, which is recorded as failed; or as stale, if it may have to wait for
 * its parent, which has moved and is planned again.
 *
 *	split		cut what is planned into batches, parents first
 *	batch		apply one, as "apply" does all
 *	again		have rows that moved planned and applied again
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/testpoint.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/merge.h"
#include "ops/merge_write.h"

#define STAGES_PER_BATCH 32		/* as often can a batch be halved */

/* A table with references to itself is one batch: parents come anywhere. */
static const Statement cut_bounds = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "cut batches",
	.text = "SELECT t.table_name, b.last_seq,\n"
	"       coalesce(lag(b.last_seq) OVER (PARTITION BY t.id ORDER BY b.last_seq), 0)\n"
	"FROM steep_repl.merge_tables t\n"
	"CROSS JOIN LATERAL steep_repl.batch_bounds(t.id, CASE WHEN EXISTS\n"
	"    (SELECT FROM pg_constraint k\n"
	"     WHERE k.contype = 'f' AND k.conrelid = k.confrelid\n"
	"       AND k.conrelid = to_regclass(t.table_name))\n"
	"  THEN 2147483647 ELSE $2 END) AS b(last_seq)\n"
	"WHERE t.merge_id = $1 AND b.last_seq IS NOT NULL\n"
	"ORDER BY t.seq, b.last_seq",
	.nparams = 2,
	.params = {"text", "int4"},
};

static const Statement halve = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "halve a batch",
	.text = "SELECT t.id, h.n, h.middle FROM steep_repl.merge_tables t\n"
	"CROSS JOIN LATERAL steep_repl.halve_batch(t.id, $3, $4) h\n"
	"WHERE t.merge_id = $1 AND t.table_name = $2",
	.nparams = 4,
	.params = {"text", "text", "int8", "int8"},
};

static const Statement mark_batch = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "mark a batch",
	.text = "SELECT steep_repl.mark_batch($1, $2, $3, $4, $5)",
	.nparams = 5,
	.params = {"int8", "int8", "int8", "text", "text"},
};

static const Statement any_stale = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for stale rows",
	.text = "SELECT EXISTS (SELECT FROM steep_repl.merge_tables t\n"
	"  JOIN steep_repl.merge_rows r ON r.table_id = t.id\n"
	"  WHERE t.merge_id = $1 AND r.state = 'stale')",
	.nparams = 1,
	.params = {"text"},
};

/* Add a step for a batch, in the given stage. */
static void
add_batch(StepContext *step, int stage, const char *table, const char *after,
		  const char *until)
{
	StepSpec	spec = {
		.kind = "batch",
		.stage = stage,
		.target = table,
		.weight = 1,
		.twofold = true
	};

	spec.params = psprintf("{\"after\": %s, \"until\": %s, \"round\": %d, \"replans\": %d}",
						   after, until,
						   (int) steep_merge_param(step, "round", 1),
						   (int) steep_merge_param(step, "replans", 0));
	steep_job_add_step(step, &spec);
}

/* Step "split": cut what is planned into batches, and add a step for each. */
void
steep_merge_split(StepContext *step)
{
	const Merge *merge = steep_merge_load(step->job->merge_id);
	const char *values[] = {merge->id, psprintf("%d", merge->batch_size)};
	Spool	   *batches = steep_spool_create("batches");
	StepSpec	again = {.kind = "again",.params = step->params,.weight = 1};
	Books		books;
	char	  **row;

	steep_merge_check_limits(step);
	books = steep_books_open();
	steep_local_rows(&cut_bounds, values, NIL, batches);
	steep_books_close(books);
	again.stage = step->stage + 1;
	while ((row = steep_spool_next(batches)) != NULL)
	{
		add_batch(step, again.stage, row[0], row[2], row[1]);
		again.stage += STAGES_PER_BATCH;
	}
	steep_spool_end(batches);
	steep_job_add_step(step, &again);
}

/* Step "again": have rows that moved planned and applied again. */
void
steep_merge_again(StepContext *step)
{
	steep_merge_plan_again(step, false);
}

/* May a row be written later, when its parent is? */
static bool
may_wait(const Apply *apply, const ErrorData *error)
{
	const char *values[] = {apply->merge->id};

	return error->sqlerrcode == ERRCODE_FOREIGN_KEY_VIOLATION &&
		apply->replans > 0 &&
		steep_merge_ask(&any_stale, values)[0][0] == 't';
}

/* Record that the row of a batch of one has failed, or halve the batch. */
static void
take_failure(Apply *apply, const ErrorData *error)
{
	StepContext *step = apply->step;
	const char *values[] = {apply->merge->id, apply->table, apply->after, apply->until};
	char	  **half = steep_merge_ask(&halve, values);
	bool		wait = may_wait(apply, error);
	const char *row[] = {
		half[0], apply->after, apply->until, wait ? "stale" : "failed",
		wait ? NULL : error->detail ?
		psprintf("%s: %s", error->message, error->detail) : error->message
	};

	if (strtoll(half[1], NULL, 10) > 1)
	{
		add_batch(step, step->stage + 1, apply->table, apply->after, half[2]);
		add_batch(step, step->stage + 1, apply->table, half[2], apply->until);
	}
	else
		steep_merge_book(&mark_batch, row, NIL);
}

/* Mark what is planned of the batch as applied, or as waiting for other rows. */
void
steep_merge_mark_batch(const Apply *apply, bool written)
{
	const char *values[] = {
		((TablePair *) linitial(apply->pairs))->record,
		apply->after, apply->until, written ? "applied" : "stale", NULL
	};

	steep_merge_book(&mark_batch, values, NIL);
}

/* Step "batch": write the planned decisions of a range, on both nodes. */
void
steep_merge_batch(StepContext *step)
{
	Apply	   *apply = steep_merge_prepare(step);
	ErrorData  *volatile error = NULL;
	bool		written = false;

	PG_TRY();
	{
		error = steep_merge_try_batch(apply, &written);
		if (error == NULL)
			steep_merge_keep(apply->merge, apply->session);
	}
	PG_CATCH();
	{
		steep_session_abandon(apply->session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (error != NULL)
	{
		steep_session_end(apply->session);
		take_failure(apply, error);
	}
	else
		steep_merge_mark_batch(apply, written);
	TEST_POINT("merge-before-local-commit");
}
