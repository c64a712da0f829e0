/*-------------------------------------------------------------------------
 *
 * completion.c
 *		What makes a shell complete words, from the table of commands.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

ExitCode
steep_completion_run(Session *session, const Arguments *arguments)
{
	return CODE_FINE;
}
