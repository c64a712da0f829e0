/*-------------------------------------------------------------------------
 *
 * snapfile.c
 *		A program that does with snapshot files what the server does.
 *
 *	snapfile COMMAND BASE PATH [ARGUMENT...]
 *
 * A failure is printed as "<kind>: <message>", with exit status 1.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapfile.h"

static const char *const kinds[] = {
	"argument", "unsupported", "name", "exists", "missing", "disk full", "io",
	"corrupt", "limit", "memory", "cancelled"
};

void
check(bool ok, const Failure *failure)
{
	if (ok)
		return;
	printf("%s: %s\n", kinds[failure->kind], failure->message);
	exit(1);
}

/* A name as it stands in the command line. */
static FileName
name_of(const char *text)
{
	FileName	name;

	if (steep_filename_parse(text, &name))
		return name;
	printf("not a name: %s\n", text);
	exit(1);
}

/* Write standard input to a file; the second argument is the compression. */
static void
do_put(Directory *directory, char **arguments)
{
	static char piece[100000];
	FileName	name = name_of(arguments[0]);
	Compression compression;
	StreamWriter *writer;
	StreamTotals totals;
	Failure		failure;
	bool		ok = true;
	size_t		length;

	check(steep_compression_parse(arguments[1], &compression, &failure),
		  &failure);
	check(steep_writer_open(directory, &name, &compression, &writer, &failure),
		  &failure);
	while (ok && (length = fread(piece, 1, sizeof(piece), stdin)) > 0)
		ok = steep_writer_put(writer, piece, length, &failure);
	ok = ok && steep_writer_finish(writer, &totals, &failure);
	steep_writer_close(writer);
	check(ok, &failure);
	printf("%" PRIu64 " %" PRIu64 " %s\n", totals.raw_bytes, totals.file_bytes,
		   totals.sha256);
}

/* Copy a file to standard error; what follows is as put has printed it. */
static void
do_get(Directory *directory, char **arguments)
{
	static char piece[100000];
	FileName	name = name_of(arguments[0]);
	StreamTotals expected;
	StreamReader *reader;
	Failure		failure;
	size_t		length;

	expected.raw_bytes = strtoull(arguments[1], NULL, 10);
	expected.file_bytes = strtoull(arguments[2], NULL, 10);
	snprintf(expected.sha256, sizeof(expected.sha256), "%s", arguments[3]);
	check(steep_reader_open(directory, &name, &expected, &reader, &failure),
		  &failure);
	do
	{
		check(steep_reader_get(reader, piece, sizeof(piece), &length, &failure),
			  &failure);
		fwrite(piece, 1, length, stderr);
	} while (length > 0);
	steep_reader_close(reader);
}

static void
print_problem(void *arg, const char *file, const char *problem)
{
	(void) arg;
	printf("%s: %s\n", file, problem);
}

static void
do_verify(Directory *directory)
{
	Verifier	verifier = {print_problem, NULL, NULL};
	Failure		failure;

	check(steep_verify_snapshot(directory, &verifier, &failure), &failure);
}

/* Read the manifest and print it again. */
static void
do_manifest(Directory *directory)
{
	Manifest   *manifest;
	Failure		failure;
	char	   *text;
	size_t		length;

	check(steep_manifest_read(directory, &manifest, &failure), &failure);
	check(steep_manifest_print(manifest, &text, &length, &failure), &failure);
	fwrite(text, 1, length, stdout);
	free(text);
	steep_manifest_free(manifest);
}

static void
do_compression(const char *spec)
{
	Compression compression;
	Failure		failure;
	char		text[COMPRESSION_TEXT];

	check(steep_compression_parse(spec, &compression, &failure), &failure);
	steep_compression_print(&compression, text);
	printf("%s\n", text);
}

/* What comes after the place: FORBIDDEN in the environment is one directory. */
static Directory *
open_place(const char *command, const char *base, const char *path)
{
	const char *forbidden[] = {getenv("FORBIDDEN"), NULL};
	DirectoryPlace place = {
		.base = base, .path = path, .forbidden = forbidden
	};
	Directory  *directory;
	Failure		failure;

	if (strcmp(command, "create") == 0 || strcmp(command, "sample") == 0)
		check(steep_directory_create(&place, &directory, &failure), &failure);
	else
		check(steep_directory_open(&place, &directory, &failure), &failure);
	return directory;
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	Directory  *directory;
	Failure		failure;

	if (argc == 3 && strcmp(command, "compression") == 0)
	{
		do_compression(argv[2]);
		return 0;
	}
	if (argc < 4)
		return 2;
	directory = open_place(command, argv[2], argv[3]);
	if (strcmp(command, "sample") == 0)
		make_sample(directory, argv[4]);
	else if (strcmp(command, "put") == 0)
		do_put(directory, argv + 4);
	else if (strcmp(command, "get") == 0)
		do_get(directory, argv + 4);
	else if (strcmp(command, "verify") == 0)
		do_verify(directory);
	else if (strcmp(command, "manifest") == 0)
		do_manifest(directory);
	else if (strcmp(command, "damage") == 0)
		damage_all(directory, argv[4]);
	else if (strcmp(command, "sweep") == 0)
		check(steep_directory_sweep(directory, &failure), &failure);
	else if (strcmp(command, "remove") == 0)
		check(steep_directory_remove(directory, &failure), &failure);
	else if (strcmp(command, "create") != 0 && strcmp(command, "open") != 0)
		return 2;
	steep_directory_close(directory);
	return 0;
}
