/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far a job is, in shared memory.
 *
 * A job's percentage is the weight of its complete steps, plus the running
 * steps' shares of theirs, over the weight of all.  So it survives a restart
 * (the complete steps are in a table) and a step that is tried again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "jobs/progress.h"

static Progress *my_job = NULL;
static StepProgress *my_step = NULL;

/* Prepare a job's place, once for the life of the shared memory. */
void
steep_progress_init(Progress *progress)
{
	memset(&progress->texts, 0, sizeof(ProgressTexts));
	SpinLockInit(&progress->mutex);
	pg_atomic_init_u32(&progress->changecount, 0);
	pg_atomic_init_u64(&progress->weight_total, 0);
	pg_atomic_init_u64(&progress->weight_done, 0);
	pg_atomic_init_u64(&progress->rows, 0);
	pg_atomic_init_u64(&progress->bytes, 0);
	pg_atomic_init_u32(&progress->tables_total, 0);
	pg_atomic_init_u32(&progress->tables_completed, 0);
	pg_atomic_init_u64(&progress->lag, 0);
}

/* Prepare a step's place, once for the life of the shared memory. */
void
steep_progress_step_init(StepProgress *step)
{
	pg_atomic_init_u64(&step->weight, 0);
	pg_atomic_init_u64(&step->units_total, 0);
	pg_atomic_init_u64(&step->units_done, 0);
	pg_atomic_init_u64(&step->rows, 0);
	pg_atomic_init_u64(&step->bytes, 0);
}

/* Keep other writers out and tell readers that the texts are in motion. */
static void
begin_change(Progress *progress)
{
	SpinLockAcquire(&progress->mutex);
	pg_atomic_fetch_add_u32(&progress->changecount, 1);
	pg_write_barrier();
}

static void
end_change(Progress *progress)
{
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&progress->changecount, 1);
	SpinLockRelease(&progress->mutex);
}

/*
 * Put a text into one of the slot's fields, cut at a whole character.
 *
 * The length is found before the lock is taken: nothing but a copy happens
 * under it.
 */
static void
set_text(Progress *progress, char *field, Size size, const char *text)
{
	int			length = pg_mbcliplen(text, strlen(text), size - 1);

	begin_change(progress);
	memcpy(field, text, length);
	field[length] = '\0';
	end_change(progress);
}

/* Give the place to another job. */
void
steep_progress_reset(Progress *progress, const char *operation,
					 const char *label, const char *external_id)
{
	begin_change(progress);
	memset(&progress->texts, 0, sizeof(ProgressTexts));
	end_change(progress);
	set_text(progress, progress->texts.operation,
			 sizeof(progress->texts.operation), operation);
	set_text(progress, progress->texts.label,
			 sizeof(progress->texts.label), label);
	set_text(progress, progress->texts.external_id,
			 sizeof(progress->texts.external_id), external_id);
	set_text(progress, progress->texts.phase,
			 sizeof(progress->texts.phase), "queued");
	pg_atomic_write_u64(&progress->weight_total, 0);
	pg_atomic_write_u64(&progress->weight_done, 0);
	pg_atomic_write_u64(&progress->rows, 0);
	pg_atomic_write_u64(&progress->bytes, 0);
	pg_atomic_write_u32(&progress->tables_total, 0);
	pg_atomic_write_u32(&progress->tables_completed, 0);
	pg_atomic_write_u64(&progress->lag, 0);
}

/* From now on the verbs of this process speak of this job. */
void
steep_progress_attach(Progress *progress)
{
	my_job = progress;
	begin_change(progress);
	if (progress->texts.started_at == 0)
		progress->texts.started_at = GetCurrentTimestamp();
	end_change(progress);
}

/* From now on the verbs of this process speak of this step. */
void
steep_progress_begin_step(StepProgress *step, uint64 weight)
{
	pg_atomic_write_u64(&step->units_total, 0);
	pg_atomic_write_u64(&step->units_done, 0);
	pg_atomic_write_u64(&step->rows, 0);
	pg_atomic_write_u64(&step->bytes, 0);
	pg_atomic_write_u64(&step->weight, weight);
	my_step = step;
}

/* Tell how many rows and bytes the step has counted. */
void
steep_progress_step_counts(uint64 *rows, uint64 *bytes)
{
	*rows = my_step ? pg_atomic_read_u64(&my_step->rows) : 0;
	*bytes = my_step ? pg_atomic_read_u64(&my_step->bytes) : 0;
}

/*
 * The step is over: a complete one counts for its job, any other is as if
 * it had never run.
 */
void
steep_progress_end_step(bool complete)
{
	if (my_step == NULL)
		return;
	if (complete)
	{
		pg_atomic_fetch_add_u64(&my_job->weight_done,
								pg_atomic_read_u64(&my_step->weight));
		pg_atomic_fetch_add_u64(&my_job->rows,
								pg_atomic_read_u64(&my_step->rows));
		pg_atomic_fetch_add_u64(&my_job->bytes,
								pg_atomic_read_u64(&my_step->bytes));
	}
	pg_atomic_write_u64(&my_step->weight, 0);
	pg_atomic_write_u64(&my_step->rows, 0);
	pg_atomic_write_u64(&my_step->bytes, 0);
	my_step = NULL;
}

/* Say which phase the job is in: plan, apply, data, indexes, … */
void
steep_progress_phase(const char *phase)
{
	if (my_job != NULL)
		set_text(my_job, my_job->texts.phase, sizeof(my_job->texts.phase),
				 phase);
}

/* Say which table is worked on, by its quoted name. */
void
steep_progress_table(const char *quoted_name)
{
	if (my_job != NULL)
		set_text(my_job, my_job->texts.table, sizeof(my_job->texts.table),
				 quoted_name);
}

/* Keep the message of an attempt that failed. */
void
steep_progress_error(const char *message)
{
	if (my_job != NULL)
		set_text(my_job, my_job->texts.error, sizeof(my_job->texts.error),
				 message);
}

/* Say how many tables the job has, and how many of them are done. */
void
steep_progress_tables(uint32 total, uint32 completed)
{
	if (my_job == NULL)
		return;
	pg_atomic_write_u32(&my_job->tables_total, total);
	pg_atomic_write_u32(&my_job->tables_completed, completed);
}

/* One more table is done. */
void
steep_progress_table_done(void)
{
	if (my_job != NULL)
		pg_atomic_fetch_add_u32(&my_job->tables_completed, 1);
}

/* Say how many bytes of WAL are still to be caught up with; -1 = unknown. */
void
steep_progress_lag(int64 bytes)
{
	if (my_job != NULL)
		pg_atomic_write_u64(&my_job->lag, (uint64) bytes + 1);
}

/* Say how many units of work (rows, bytes, blocks) this step has. */
void
steep_progress_units(uint64 total)
{
	if (my_step != NULL)
		pg_atomic_write_u64(&my_step->units_total, total);
}

/* Say how many of the units of this step are done by now. */
void
steep_progress_set_units(uint64 done, uint64 total)
{
	if (my_step == NULL)
		return;
	pg_atomic_write_u64(&my_step->units_total, total);
	pg_atomic_write_u64(&my_step->units_done, done);
}

/* Some more units of this step are done. */
void
steep_progress_add_units(uint64 n)
{
	if (my_step != NULL)
		pg_atomic_fetch_add_u64(&my_step->units_done, n);
}

/* Some more rows are done. */
void
steep_progress_add_rows(uint64 n)
{
	if (my_step != NULL)
		pg_atomic_fetch_add_u64(&my_step->rows, n);
}

/* Some more bytes are done. */
void
steep_progress_add_bytes(uint64 n)
{
	if (my_step != NULL)
		pg_atomic_fetch_add_u64(&my_step->bytes, n);
}

/* Copy a job's texts as they were at one moment, and its counters. */
void
steep_progress_read(Progress *progress, ProgressView *view)
{
	uint32		before;
	uint32		after;

	do
	{
		before = pg_atomic_read_u32(&progress->changecount);
		pg_read_barrier();
		memcpy(&view->texts, &progress->texts, sizeof(ProgressTexts));
		pg_read_barrier();
		after = pg_atomic_read_u32(&progress->changecount);
	} while (before != after || (before & 1) != 0);

	view->rows = pg_atomic_read_u64(&progress->rows);
	view->bytes = pg_atomic_read_u64(&progress->bytes);
	view->tables_total = pg_atomic_read_u32(&progress->tables_total);
	view->tables_completed = pg_atomic_read_u32(&progress->tables_completed);
	view->lag = (int64) pg_atomic_read_u64(&progress->lag) - 1;
}

/* Add what a running step has done to the view of its job. */
void
steep_progress_add_step_view(StepProgress *step, double *weight,
							 ProgressView *view)
{
	uint64		total = pg_atomic_read_u64(&step->units_total);
	uint64		done = Min(pg_atomic_read_u64(&step->units_done), total);

	if (total > 0)
		*weight += (double) pg_atomic_read_u64(&step->weight) * done / total;
	view->rows += pg_atomic_read_u64(&step->rows);
	view->bytes += pg_atomic_read_u64(&step->bytes);
}

/* Work out the percentage and the time to go. */
void
steep_progress_finish_view(Progress *progress, double running,
						   ProgressView *view)
{
	double		total = pg_atomic_read_u64(&progress->weight_total);
	double		done = pg_atomic_read_u64(&progress->weight_done) + running;
	double		elapsed;

	view->percent = total > 0 ? Min(100.0, 100.0 * done / total) : 0;
	view->eta_seconds = -1;
	if (view->texts.started_at == 0 || view->percent <= 0)
		return;
	elapsed = (GetCurrentTimestamp() - view->texts.started_at) / 1e6;
	elapsed *= (100.0 - view->percent) / view->percent;
	if (elapsed < PG_INT32_MAX)
		view->eta_seconds = (int) elapsed;
}

/*
 * Write the message that listeners of steep_repl_progress get.
 *
 * Every text in it is bounded, and JSON makes at most six bytes of one, so
 * it stays below the 8000 bytes of NOTIFY.
 */
char *
steep_progress_json(const ProgressView *view, const char *status)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"op\":");
	escape_json(&json, view->texts.label);
	appendStringInfoString(&json, ",\"id\":");
	escape_json(&json, view->texts.external_id);
	appendStringInfoString(&json, ",\"status\":");
	escape_json(&json, status);
	appendStringInfoString(&json, ",\"phase\":");
	escape_json(&json, view->texts.phase);
	appendStringInfo(&json, ",\"percent\":%.1f,\"table\":", view->percent);
	if (view->texts.table[0] != '\0')
		escape_json(&json, view->texts.table);
	else
		appendStringInfoString(&json, "null");
	appendStringInfo(&json, ",\"rows\":" UINT64_FORMAT
					 ",\"bytes\":" UINT64_FORMAT ",\"eta\":",
					 view->rows, view->bytes);
	if (view->eta_seconds >= 0)
		appendStringInfo(&json, "%d}", view->eta_seconds);
	else
		appendStringInfoString(&json, "null}");
	return json.data;
}
