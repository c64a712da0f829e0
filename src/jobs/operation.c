/*-------------------------------------------------------------------------
 *
 * operation.c
 *		What an operation is to the workers that run it.
 *
 * The table itself is made in src/worker/handlers.c, above the operations;
 * it is handed down here so that a session that cancels a job finds it too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "jobs/operation.h"

static const Operation *const *operations = NULL;

/* Take the table of operations, which ends with NULL. */
void
steep_operations_set(const Operation *const *table)
{
	operations = table;
}

/* Find an operation by its name in the queue, or NULL. */
const Operation *
steep_operation_find(const char *name)
{
	for (int i = 0; operations != NULL && operations[i] != NULL; i++)
	{
		if (strcmp(operations[i]->name, name) == 0)
			return operations[i];
	}
	return NULL;
}

/* End the operation of this id if it only waits for a person; false if not. */
bool
steep_operations_give_up(const char *id, Oid caller)
{
	for (int i = 0; operations != NULL && operations[i] != NULL; i++)
	{
		if (operations[i]->give_up != NULL && operations[i]->give_up(id, caller))
			return true;
	}
	return false;
}

/* Say a status as the queue's column does. */
const char *
steep_job_status_name(JobStatus status)
{
	switch (status)
	{
		case JOB_PENDING:
			return "pending";
		case JOB_RUNNING:
			return "running";
		case JOB_COMPLETE:
			return "complete";
		case JOB_FAILED:
			return "failed";
		case JOB_CANCELLED:
			return "cancelled";
	}
	elog(ERROR, "unknown job status %d", (int) status);
	return NULL;
}

/*
 * Find the line of an error's context that names the statement that failed:
 * the last before the one that names the step.
 */
static char *
find_step(const char *context)
{
	const char *found = NULL;
	const char *last = NULL;

	for (const char *line = context; line != NULL;)
	{
		if (strncmp(line, "step \"", 6) == 0)
		{
			found = last;
			last = line;
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	if (found == NULL)
		found = last;
	return found ? pnstrdup(found, strcspn(found, "\n")) : NULL;
}

/*
 * Put into one text why a job failed: the offending key, say, is in the
 * detail.
 */
char *
steep_job_error_text(const JobError *error)
{
	StringInfoData text;
	char	   *step = find_step(error->context);

	initStringInfo(&text);
	appendStringInfoString(&text, error->message ? error->message : "unknown error");
	if (error->detail)
		appendStringInfo(&text, "\nDETAIL:  %s", error->detail);
	if (error->hint)
		appendStringInfo(&text, "\nHINT:  %s", error->hint);
	if (step)
		appendStringInfo(&text, "\nCONTEXT:  %s", step);
	return text.data;
}
