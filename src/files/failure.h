/*-------------------------------------------------------------------------
 *
 * failure.h
 *		What went wrong with a file, told to the caller.
 *
 * This room is built into the server and into the command line program, so
 * it neither throws nor prints: a function that can fail returns false and
 * fills the Failure that it was given.  The server makes an ereport of it
 * (base/held.h), the program a line on stderr.
 *
 * Messages are in the server's style: a message starts small and has no
 * period, a detail is a sentence.  They hold paths as the caller gave them
 * and the names of files that we make; whatever comes out of a file or a
 * directory is escaped to printable ASCII.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_FAILURE_H
#define STEEP_REPL_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum FailureKind
{
	FAILURE_ARGUMENT,			/* the caller's, or his user's, value is wrong */
	FAILURE_UNSUPPORTED,		/* built without the library */
	FAILURE_NAME,				/* a path that is not allowed */
	FAILURE_EXISTS,				/* is there already */
	FAILURE_MISSING,			/* is not there */
	FAILURE_DISK_FULL,			/* ENOSPC or EDQUOT */
	FAILURE_IO,					/* what else the kernel says; see os_error */
	FAILURE_CORRUPT,			/* the snapshot is not as it was written */
	FAILURE_LIMIT,				/* larger than we are willing to take */
	FAILURE_MEMORY,
	FAILURE_CANCELLED			/* the caller's own wish */
} FailureKind;

typedef struct Failure
{
	FailureKind kind;
	int			os_error;		/* errno, or 0 */
	size_t		problem;		/* where in message it says what is wrong with
								 * the file that the message names; or 0 */
	char		message[1024];
	char		detail[512];	/* or empty */
} Failure;

/* All return false, so that a function can return them. */
extern bool steep_failure_set(Failure *failure, FailureKind kind,
							  const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern bool steep_failure_file(Failure *failure, FailureKind kind,
							   const char *file, const char *format,...)
			__attribute__((format(printf, 4, 5)));
extern bool steep_failure_detail(Failure *failure, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern bool steep_failure_errno(Failure *failure, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern bool steep_failure_memory(Failure *failure);

extern const char *steep_failure_printable(char *buffer, size_t size,
										   const char *bytes, size_t length);

#endif							/* STEEP_REPL_FAILURE_H */
