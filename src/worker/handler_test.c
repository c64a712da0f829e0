/*-------------------------------------------------------------------------
 *
 * handler_test.c
 *		An operation that tests of the workers are made of.
 *
 * Compiled in only with make TEST_POINTS=1.  A test creates the function
 * that submits it:
 *
 *	CREATE FUNCTION test_enqueue(params jsonb, steps jsonb, parallel int)
 *	RETURNS bigint LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_enqueue'
 *
 * Each step is an object with stage, kind and sql: "sql" runs it, "progress"
 * tells of progress first, "add" adds a step that runs it to the next stage,
 * "readonly" runs it in a read-only transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef STEEP_TEST_POINTS

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"

extern const Operation steep_test_operation;

PG_FUNCTION_INFO_V1(steep_repl_test_enqueue);
PG_FUNCTION_INFO_V1(steep_repl_test_wait);

static const Statement read_member = {
	SITE_LOCAL, false, "read a test's parameter",
	"SELECT $1 ->> $2", NULL, 2, {"jsonb", "text"}
};

static const Statement note_end = {
	SITE_LOCAL, true, "note the end of a test's job",
	"INSERT INTO public.test_ends VALUES ($1, $2, $3)",
	NULL, 3, {"bigint", "text", "text"}
};

static const Statement read_step = {
	SITE_LOCAL, false, "read a test's steps",
	"SELECT $1 -> $2", NULL, 2, {"jsonb", "integer"}
};

/* Read a member of a JSON object as text, or NULL. */
static char *
member(const char *json, const char *name)
{
	const char *values[] = {json, name};

	return steep_local_value(&read_member, values, NIL);
}

static void
run_sql(const char *text)
{
	Statement	statement = {0};

	statement.site = SITE_LOCAL;
	statement.writes = true;
	statement.purpose = "run a test's SQL";
	statement.text = text;

	(void) steep_local_none(&statement, NULL, NIL);
}

static void
begin_step(StepContext *step)
{
	if (strcmp(step->kind, "readonly") == 0)
		XactReadOnly = true;
}

static void
run_step(StepContext *step)
{
	char	   *sql = member(step->params, "sql");

	steep_progress_phase("apply");
	if (strcmp(step->kind, "progress") == 0)
	{
		steep_progress_tables(4, 1);
		steep_progress_table(step->target);
		steep_progress_units(100);
		steep_progress_add_units(50);
		steep_progress_add_rows(7);
		steep_progress_add_bytes(700);
	}
	if (strcmp(step->kind, "add") == 0)
	{
		StepSpec	spec = {.stage = step->stage + 1,.kind = "sql",.params = step->params,.weight = 1};

		steep_job_add_step(step, &spec);
	}
	else if (sql != NULL)
		run_sql(sql);
}

static void
start(const Job *job)
{
	char	   *sql = member(job->params, "start");

	if (sql != NULL)
		run_sql(sql);
}

static void
finish(const Job *job)
{
	char	   *sql = member(job->params, "finish");

	if (sql != NULL)
		run_sql(sql);
}

/* Leave a row that says how the job ended. */
static void
end(const Job *job, JobStatus status, const JobError *error)
{
	const char *values[] = {
		steep_books_number(job->id), steep_job_status_name(status),
		error ? error->message : NULL
	};

	(void) steep_local_none(&note_end, values, NIL);
}

const Operation steep_test_operation = {
	.name = "test",
	.label = "test",
	.start = start,
	.begin_step = begin_step,
	.run_step = run_step,
	.finish = finish,
	.end = end
};

static List *
read_steps(const char *json)
{
	List	   *steps = NIL;

	for (int i = 0;; i++)
	{
		const char *values[] = {json, steep_books_number(i)};
		char	   *text = steep_local_value(&read_step, values, NIL);
		StepSpec   *step;
		char	   *weight;

		if (text == NULL)
			return steps;
		step = palloc0(sizeof(StepSpec));
		step->stage = pg_strtoint32(member(text, "stage"));
		step->kind = member(text, "kind");
		step->target = member(text, "target");
		step->params = text;

		weight = member(text, "weight");
		step->weight = weight ? pg_strtoint64(weight) : 0;
		steps = lappend(steps, step);
	}
}

static char *
jsonb_text(Datum value)
{
	return DatumGetCString(DirectFunctionCall1(jsonb_out, value));
}

Datum
steep_repl_test_enqueue(PG_FUNCTION_ARGS)
{
	JobSpec		spec = {.operation = "test"};
	char	   *attempts;

	spec.params = jsonb_text(PG_GETARG_DATUM(0));
	spec.merge_id = member(spec.params, "merge_id");
	attempts = member(spec.params, "max_attempts");
	spec.max_attempts = attempts ? pg_strtoint32(attempts) : 0;
	spec.parallel = PG_GETARG_INT32(2);
	PG_RETURN_INT64(steep_job_enqueue(&spec,
									  read_steps(jsonb_text(PG_GETARG_DATUM(1)))));
}

Datum
steep_repl_test_wait(PG_FUNCTION_ARGS)
{
	steep_job_wait(PG_GETARG_INT64(0), PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

#endif							/* STEEP_TEST_POINTS */
