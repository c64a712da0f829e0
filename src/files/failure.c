/*-------------------------------------------------------------------------
 *
 * failure.c
 *		What went wrong with a file, told to the caller.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "files/failure.h"

/* Which kind an error of the kernel is. */
static FailureKind
kind_of(int os_error)
{
	switch (os_error)
	{
		case ENOENT:
			return FAILURE_MISSING;
		case EEXIST:
			return FAILURE_EXISTS;
		case ENOSPC:
		case EDQUOT:
			return FAILURE_DISK_FULL;
		case ELOOP:
		case ENOTDIR:
		case ENAMETOOLONG:
			return FAILURE_NAME;
		case ENOMEM:
			return FAILURE_MEMORY;
		default:
			return FAILURE_IO;
	}
}

static void
clear(Failure *failure, FailureKind kind)
{
	failure->kind = kind;
	failure->os_error = 0;
	failure->problem = 0;
	failure->message[0] = '\0';
	failure->detail[0] = '\0';
}

/* Append to the message; what does not fit is cut. */
static void
__attribute__((format(printf, 2, 0)))
append(Failure *failure, const char *format, va_list args)
{
	size_t		used = strlen(failure->message);

	vsnprintf(failure->message + used, sizeof(failure->message) - used,
			  format, args);
}

bool
steep_failure_set(Failure *failure, FailureKind kind, const char *format,...)
{
	va_list		args;

	clear(failure, kind);
	va_start(args, format);
	append(failure, format, args);
	va_end(args);
	return false;
}

/* Say what is wrong with a file: 'file "<file>" <format>'. */
bool
steep_failure_file(Failure *failure, FailureKind kind, const char *file,
				   const char *format,...)
{
	va_list		args;

	steep_failure_set(failure, kind, "file \"%s\" ", file);
	failure->problem = strlen(failure->message);
	va_start(args, format);
	append(failure, format, args);
	va_end(args);
	return false;
}

/* Add a detail to a failure. */
bool
steep_failure_detail(Failure *failure, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(failure->detail, sizeof(failure->detail), format, args);
	va_end(args);
	return false;
}

/* Say what could not be done, and why, from errno: '<format>: <reason>'. */
bool
steep_failure_errno(Failure *failure, const char *format,...)
{
	int			os_error = errno;
	size_t		used;
	va_list		args;

	clear(failure, kind_of(os_error));
	failure->os_error = os_error;
	va_start(args, format);
	append(failure, format, args);
	va_end(args);
	used = strlen(failure->message);
	snprintf(failure->message + used, sizeof(failure->message) - used,
			 ": %s", strerror(os_error));
	return false;
}

bool
steep_failure_memory(Failure *failure)
{
	return steep_failure_set(failure, FAILURE_MEMORY, "out of memory");
}

/*
 * Write bytes from outside as printable ASCII: a backslash as two, whatever
 * else is not printable as \xHH.  What does not fit is cut.
 */
const char *
steep_failure_printable(char *buffer, size_t size, const char *bytes,
						size_t length)
{
	size_t		used = 0;

	for (size_t i = 0; i < length && used + 5 <= size; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (c == '\\')
			used += (size_t) sprintf(buffer + used, "\\\\");
		else if (c >= 0x20 && c < 0x7F)
			buffer[used++] = (char) c;
		else
			used += (size_t) sprintf(buffer + used, "\\x%02x", c);
	}
	buffer[used] = '\0';
	return buffer;
}
