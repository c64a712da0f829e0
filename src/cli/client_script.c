/*-------------------------------------------------------------------------
 *
 * client_script.c
 *		The schema's files of a snapshot, run statement by statement.
 *
 * What exists beside tables is used as it is.  Grants to roles that are not
 * here, and keys that reference tables that are not, are left out.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"

/* More than any schema file that was written has. */
#define MOST_SCHEMA_BYTES (256 * 1024 * 1024)

/* Read a file as a whole; that checks it. */
static char *
read_text(Directory *directory, FileKind kind, const StreamTotals *expected)
{
	FileName	name = steep_filename(kind);
	StreamReader *reader;
	size_t		length = 0;
	size_t		more;
	char	   *script;
	Failure		failure;

	if (expected->raw_bytes > MOST_SCHEMA_BYTES)
		steep_complain_fail(CODE_GENERAL, NULL, "file \"%s\" is too large", name.path);
	script = steep_text_memory(expected->raw_bytes + 1);
	steep_client_check(steep_reader_open(directory, &name, expected, &reader, &failure), &failure);
	do
	{
		steep_client_check(steep_reader_get(reader, script + length,
											expected->raw_bytes + 1 - length,
											&more, &failure), &failure);
		length += more;
	} while (more > 0);
	steep_reader_close(reader);
	if (strlen(script) != length)
		steep_complain_fail(CODE_GENERAL, NULL, "file \"%s\" has a zero byte", name.path);
	return script;
}

/* Find the end of what a quote starts; backslashes count in E'...' only. */
static const char *
skip_quoted(const char *start, bool backslashes)
{
	const char *p = start + 1;

	for (; *p; p++)
	{
		if (backslashes && *p == '\\' && p[1])
			p++;
		else if (*p == *start)
			return p + 1;		/* a doubled quote starts again */
	}
	return p;
}

/* Find the end of $tag$...$tag$; "start" if it is none. */
static const char *
skip_dollars(const char *start)
{
	size_t		length = 1;
	char	   *tag;
	const char *end;

	while (isalnum((unsigned char) start[length]) || start[length] == '_' ||
		   (start[length] & 0x80))
		length++;
	if (start[length] != '$' || isdigit((unsigned char) start[1]))
		return start + 1;
	length++;
	tag = steep_text_memory(length + 1);
	memcpy(tag, start, length);
	end = strstr(start + length, tag);
	free(tag);
	return end ? end + length : start + strlen(start);
}

/* Find the semicolon that ends a statement. */
static const char *
find_end(const char *script)
{
	const char *p = script;

	while (*p && *p != ';')
	{
		if (*p == '\'')
			p = skip_quoted(p, p > script && p[-1] == 'E');
		else if (*p == '"')
			p = skip_quoted(p, false);
		else if (*p == '$')
			p = skip_dollars(p);
		else
			p++;
	}
	return p;
}

static bool
starts(const char *statement, const char *word)
{
	return strncmp(statement, word, strlen(word)) == 0;
}

/* May the work go on without a statement that has failed in this way? */
static bool
is_spare(FileKind kind, const char *statement, const char *sqlstate)
{
	if (kind == FILE_PRE_DATA)
		return strcmp(sqlstate, "42710") == 0 ||	/* exists */
			(strcmp(sqlstate, "42P07") == 0 && starts(statement, "CREATE SEQUENCE "));
	return (strcmp(sqlstate, "42704") == 0 &&	/* no such role */
			(starts(statement, "GRANT ") || starts(statement, "REVOKE "))) ||
		(strcmp(sqlstate, "42P01") == 0 &&	/* no such table */
		 strstr(statement, " FOREIGN KEY ") != NULL);
}

static void
run_statement(Session *session, FileKind kind, const char *statement)
{
	Answer		answer;
	const char *sqlstate;

	steep_client_run(session, "SAVEPOINT steep_repl");
	answer = steep_query_try(session, statement, 0, NULL);
	if (answer.kind == ANSWER_FINE)
	{
		PQclear(answer.result);
		steep_client_run(session, "RELEASE SAVEPOINT steep_repl");
		return;
	}
	if (answer.kind != ANSWER_ERROR)
		steep_complain_fail(answer.kind == ANSWER_LOST ? CODE_CONNECTION : CODE_CANCELLED, NULL,
							"the schema of the snapshot was not created");
	sqlstate = PQresultErrorField(answer.result, PG_DIAG_SQLSTATE);
	if (sqlstate == NULL || !is_spare(kind, statement, sqlstate))
		exit(steep_query_complain(answer.result));
	if (kind == FILE_POST_DATA)
		steep_complain_warn(NULL, "%s; left out: %s",
							PQresultErrorField(answer.result, PG_DIAG_MESSAGE_PRIMARY), statement);
	PQclear(answer.result);
	steep_client_run(session, "ROLLBACK TO SAVEPOINT steep_repl");
}

/* Run a file, within the session's transaction. */
void
steep_client_run_script(Session *session, Directory *directory, FileKind kind,
						const Manifest *manifest)
{
	char	   *p = read_text(directory, kind,
							  kind == FILE_PRE_DATA ? &manifest->pre_data : &manifest->post_data);

	if (PQsetClientEncoding(session->conn, manifest->encoding) != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not set the encoding: %s",
							PQerrorMessage(session->conn));
	while (*p)
	{
		char	   *end = p + (find_end(p) - p);

		if (*end)
			*end++ = '\0';
		if (*p && !starts(p, "SET "))
			run_statement(session, kind, p);
		while (*end == '\n')
			end++;
		p = end;
	}
	steep_client_connect(session);
}
