/*-------------------------------------------------------------------------
 *
 * errand.h
 *		Submit a job in a transaction of its own.
 *
 * A job starts when the transaction that submits it commits.  A function that
 * has to return what its job finds can't wait for its own commit; a worker
 * that runs as the same role submits the job for it, and commits at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ERRAND_H
#define STEEP_REPL_ERRAND_H

#define ERRAND_TEXT 1024

/* What the session and its worker share. */
typedef struct Errand
{
	Oid			database;
	Oid			role;
	char		operation[NAMEDATALEN];
	bool		done;			/* and committed */
	int			sqlstate;		/* of its error, or 0 */
	char		message[ERRAND_TEXT];
	char		hint[ERRAND_TEXT];	/* or empty */
	char		params[FLEXIBLE_ARRAY_MEMBER];	/* jsonb as text */
} Errand;

extern void steep_errand_run(const char *operation, const char *params);

#endif							/* STEEP_REPL_ERRAND_H */
