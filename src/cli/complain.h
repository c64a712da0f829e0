/*-------------------------------------------------------------------------
 *
 * complain.h
 *		What goes wrong, on stderr, and the codes that the program ends with.
 *
 * Messages are in the server's style: they start small and have no period,
 * details and hints are sentences.  With --json each is an object on a line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COMPLAIN_H
#define STEEP_REPL_COMPLAIN_H

#include <stdbool.h>

typedef enum ExitCode
{
	CODE_FINE = 0,
	CODE_GENERAL = 1,
	CODE_ARGUMENTS = 2,			/* wrong arguments or configuration */
	CODE_DIFFER = 3,			/* nodes or schemas differ */
	CODE_CANCELLED = 4,			/* or interrupted */
	CODE_TIMEOUT = 5,
	CODE_CONNECTION = 6
} ExitCode;

typedef struct Complaint
{
	const char *severity;		/* "error", "warning", "notice" */
	const char *sqlstate;		/* or NULL, as all that follow message */
	const char *message;
	const char *detail;
	const char *hint;
	const char *context;
} Complaint;

/* Say whether complaints are for a machine. */
extern void steep_complain_json(bool json);

extern void steep_complain(const Complaint *complaint, ExitCode code);

/* Warn.  The hint may be NULL. */
extern void steep_complain_warn(const char *hint, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Complain about an error, and end.  The hint may be NULL. */
extern void steep_complain_fail(ExitCode code, const char *hint,
								const char *format,...)
			__attribute__((noreturn, format(printf, 3, 4)));

#endif							/* STEEP_REPL_COMPLAIN_H */
