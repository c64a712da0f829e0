/*-------------------------------------------------------------------------
 *
 * job.h
 *		Long work, from its start to its end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_JOB_H
#define STEEP_REPL_JOB_H

#include "cli/command.h"

/* Options of all commands that start long work. */
#define STEEP_JOB_OPTIONS \
	{"no-wait", 0, NULL, "print its id and don't wait for its end"}

/* A kind of long work; $1 is its id. */
typedef struct JobKind
{
	const char *noun;			/* in a sentence: "merge" */
	const char *progress;		/* what follows FROM to see how far it is */
	const char *rows;			/* of that, which column counts rows, or NULL */
	const char *bytes;			/* and bytes */
	const char *ended;			/* and when it has come to its end */
	const char *result;			/* what follows FROM then: has status, error */
	const char *cancel;			/* the statement that ends it */

	/* Show what has come of it, to people; or NULL. */
	void		(*show) (Session *session, const char *id);
} JobKind;

/*
 * Start it by a call, which follows FROM, of which a column is the id; then,
 * unless asked not to, wait for its end.
 */
extern ExitCode steep_job_start(Session *session, const Arguments *arguments,
								const JobKind *kind, const char *id_column,
								const char *call, int count,
								const char *const *values);

/* Wait for the end of one that somebody has started. */
extern ExitCode steep_job_watch(Session *session, const JobKind *kind,
								const char *id);

extern const JobKind steep_merge_job;
extern const JobKind steep_snapshot_job;
extern const JobKind steep_init_job;	/* its id is that of the node */

#endif							/* STEEP_REPL_JOB_H */
