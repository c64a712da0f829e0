/*-------------------------------------------------------------------------
 *
 * audit.c
 *		Write down who has done what, in steep_repl.audit_log.
 *
 * A line is part of the transaction that does what it tells of, so it is
 * there exactly if that was done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/audit.h"
#include "jobs/books.h"

static const Statement note_event = {
	SITE_LOCAL, true, "note what was done",
	"SELECT steep_repl.note_event(steep_repl.actor($1), $2, $3, $4, $5, true)",
	NULL, 5, {"text", "text", "text", "jsonb", "jsonb"}
};

static const Statement note_submit = {
	SITE_LOCAL, true, "note who has submitted the job",
	"SELECT steep_repl.note_event(steep_repl.actor($1), $2, $3, NULL,"
	" jsonb_build_object('job', $4) || coalesce($5, '{}'), true)",
	NULL, 5, {"text", "text", "text", "bigint", "jsonb"}
};

static const Statement note_cancel = {
	SITE_LOCAL, true, "note who has cancelled the job",
	"SELECT steep_repl.note_event(steep_repl.actor($1), $2, $3, NULL,"
	" jsonb_build_object('job', $4), true)",
	NULL, 4, {"text", "text", "text", "bigint"}
};

/* Nobody does that: the actor is the role that the job belongs to. */
static const Statement note_end = {
	SITE_LOCAL, true, "note how the job has ended",
	"SELECT steep_repl.note_event($1, $2, $3, NULL,"
	" jsonb_strip_nulls(jsonb_build_object('job', $4, 'status', $5,"
	" 'sqlstate', $6, 'error', $7)), $5 = 'complete')",
	NULL, 7, {"text", "text", "text", "bigint", "text", "text", "text"}
};

/* Run a statement as the owner of the table. */
static void
note(const Statement *statement, const char *const *values)
{
	Books		books = steep_books_open();

	(void) steep_local_none(statement, values, NIL);
	steep_books_close(books);
}

/* Name an event of an operation. */
static char *
action(const char *name, const char *event)
{
	const Operation *operation = steep_operation_find(name);

	return psprintf("%s.%s", operation ? operation->label : name, event);
}

/* Say what people call a job. */
static const char *
target(const char *merge_id, const char *snapshot_id, const char *init_id,
	   int64 id)
{
	if (merge_id != NULL)
		return merge_id;
	if (snapshot_id != NULL)
		return snapshot_id;
	return init_id ? init_id : steep_books_number(id);
}

/* Note what a role has done in this session. */
void
steep_audit_note(const char *role, const char *event, const char *object,
				 const char *old_value, const char *new_value)
{
	const char *values[] = {role, event, object, old_value, new_value};

	note(&note_event, values);
}

/* Note that a role has submitted a job. */
void
steep_audit_submit(const JobSpec *spec, int64 id, const char *role)
{
	const char *values[] = {
		role, action(spec->operation, spec->event ? spec->event : "start"),
		target(spec->merge_id, spec->snapshot_id, spec->init_id, id),
		steep_books_number(id), spec->summary
	};

	note(&note_submit, values);
}

/* Note that a role has asked for the end of a job. */
void
steep_audit_cancel(const Job *job, const char *role)
{
	const char *values[] = {
		role, action(job->operation, "cancel"),
		target(job->merge_id, job->snapshot_id, job->init_id, job->id),
		steep_books_number(job->id)
	};

	note(&note_cancel, values);
}

/* Note how a job has ended; "error" is NULL unless it failed. */
void
steep_audit_end(const Job *job, JobStatus status, const JobError *error)
{
	const char *values[] = {
		job->owner_name, action(job->operation, "end"),
		target(job->merge_id, job->snapshot_id, job->init_id, job->id),
		steep_books_number(job->id), steep_job_status_name(status),
		error ? error->sqlstate : NULL, error ? error->message : NULL
	};

	note(&note_end, values);
}
