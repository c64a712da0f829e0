/*-------------------------------------------------------------------------
 *
 * client_verify.c
 *		snapshot verify --client: is a snapshot of this program's disk sound?
 *
 * It takes no server.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "cli/groups.h"
#include "cli/printable.h"
#include "files/verify.h"

/* Problems, as they are found. */
typedef struct Problems
{
	bool		json;
	int			count;
} Problems;

static void
show_problem(void *arg, const char *file, const char *problem)
{
	Problems   *problems = arg;
	Text		line = {0};

	if (problems->json)
	{
		steep_text_append(&line, problems->count == 0 ? "{\"file\":" : ",\n {\"file\":");
		steep_text_json(&line, file);
		steep_text_append(&line, ",\"problem\":");
		steep_text_json(&line, problem);
		steep_text_append(&line, "}");
	}
	else
	{
		steep_printable_append(&line, file, PRINTABLE_CELL);
		steep_text_append(&line, "  ");
		steep_printable_append(&line, problem, PRINTABLE_CELL);
		steep_text_append(&line, "\n");
	}
	fputs(line.data, stdout);
	free(line.data);
	problems->count++;
}

ExitCode
steep_client_verify(Session *session, const Arguments *arguments)
{
	DirectoryPlace place = steep_client_place(arguments->values[0]);
	Problems	problems = {.json = session->json};
	Verifier	verifier = {.report = show_problem,.arg = &problems};
	Directory  *directory;
	Failure		failure;

	steep_client_check(steep_directory_open(&place, &directory, &failure), &failure);
	fputs(session->json ? "[" : "", stdout);
	steep_client_check(steep_verify_snapshot(directory, &verifier, &failure), &failure);
	fputs(session->json ? "]\n" : "", stdout);
	steep_directory_close(directory);
	if (problems.count > 0)
		return CODE_GENERAL;
	if (!session->json && !session->quiet)
		printf("The snapshot is sound.\n");
	return CODE_FINE;
}
