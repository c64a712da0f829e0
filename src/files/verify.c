/*-------------------------------------------------------------------------
 *
 * verify.c
 *		Is a snapshot what was written?
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "files/verify.h"

/* How much is unpacked at a time. */
#define PIECE (256 * 1024)

/* What is gone through. */
typedef struct Tour
{
	Directory  *directory;
	const Verifier *verifier;
	const Manifest *manifest;	/* NULL if it could not be read */
} Tour;

/* Was it the file that failed, rather than we? */
static bool
is_problem(const Failure *failure)
{
	return failure->kind != FAILURE_MEMORY &&
		failure->kind != FAILURE_UNSUPPORTED &&
		failure->kind != FAILURE_CANCELLED;
}

/* Report a failure that is the file's; false if it is ours. */
static bool
report(const Verifier *verifier, const char *file, const Failure *failure)
{
	if (!is_problem(failure))
		return false;
	verifier->report(verifier->arg, file, failure->message + failure->problem);
	return true;
}

/* Ask whether to go on. */
static bool
go_on(const Verifier *verifier, uint64_t bytes, Failure *failure)
{
	return verifier->go_on == NULL || verifier->go_on(verifier->arg, bytes) ||
		steep_failure_set(failure, FAILURE_CANCELLED, "verifying was cancelled");
}

/* Read a file to its end; that is what checks it. */
static bool
read_through(StreamReader *reader, const Verifier *verifier, Failure *failure)
{
	char	   *piece = malloc(PIECE);
	size_t		length;
	bool		ok;

	if (piece == NULL)
		return steep_failure_memory(failure);
	do
		ok = steep_reader_get(reader, piece, PIECE, &length, failure) &&
			go_on(verifier, length, failure);
	while (ok && length > 0);
	free(piece);
	return ok;
}

bool
steep_verify_file(Directory *directory, const FileName *name,
				  const StreamTotals *expected, const Verifier *verifier,
				  Failure *failure)
{
	StreamReader *reader;
	bool		ok = steep_reader_open(directory, name, expected, &reader,
									   failure);

	if (ok)
	{
		ok = read_through(reader, verifier, failure);
		steep_reader_close(reader);
	}
	return ok || report(verifier, name->path, failure);
}

static bool
verify_schema(Tour *tour, FileKind kind, const StreamTotals *expected,
			  Failure *failure)
{
	FileName	name = steep_filename(kind);

	return steep_verify_file(tour->directory, &name, expected, tour->verifier,
							 failure);
}

/* Look at all files that the manifest names. */
static bool
verify_files(Tour *tour, Failure *failure)
{
	const Manifest *manifest = tour->manifest;

	if (!verify_schema(tour, FILE_PRE_DATA, &manifest->pre_data, failure) ||
		!verify_schema(tour, FILE_POST_DATA, &manifest->post_data, failure))
		return false;
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *table = &manifest->tables[i];

		for (size_t j = 0; j < table->nchunks; j++)
		{
			if (!steep_verify_file(tour->directory, &table->chunks[j].name,
								   &table->chunks[j].file, tour->verifier,
								   failure))
				return false;
		}
	}
	return true;
}

/* For bsearch: tables by number, then chunks by number. */
static int
compare_table(const void *key, const void *element)
{
	const FileName *name = key;
	const ManifestTable *table = element;

	return name->table < table->number ? -1 : name->table > table->number;
}

static int
compare_chunk(const void *key, const void *element)
{
	const FileName *name = key;
	const ManifestChunk *chunk = element;

	return name->chunk < chunk->name.chunk ? -1 :
		name->chunk > chunk->name.chunk;
}

/* Does the manifest name this chunk's file? */
static bool
is_named(const Manifest *manifest, const FileName *name)
{
	const ManifestTable *table;

	if (manifest->ntables == 0 || name->method != manifest->compression.method)
		return false;
	table = bsearch(name, manifest->tables, manifest->ntables,
					sizeof(ManifestTable), compare_table);
	return table != NULL && table->nchunks > 0 &&
		bsearch(name, table->chunks, table->nchunks, sizeof(ManifestChunk),
				compare_chunk) != NULL;
}

/* Report an entry that does not belong here. */
static bool
verify_entry(void *arg, const char *path)
{
	Tour	   *tour = arg;
	FileName	name;
	char		shown[512];

	if (strcmp(path, "data") == 0 || strcmp(path, "schema") == 0)
		return true;
	if (steep_filename_parse(path, &name) &&
		(name.kind != FILE_CHUNK || tour->manifest == NULL ||
		 is_named(tour->manifest, &name)))
		return true;
	steep_failure_printable(shown, sizeof(shown), path, strlen(path));
	tour->verifier->report(tour->verifier->arg, shown,
						   steep_filename_is_temporary(path) ?
						   "was left behind by a writer" :
						   "does not belong to the snapshot");
	return true;
}

bool
steep_verify_snapshot(Directory *directory, const Verifier *verifier,
					  Failure *failure)
{
	Manifest   *manifest = NULL;
	Tour		tour = {directory, verifier, NULL};
	bool		ok = true;

	if (steep_manifest_read(directory, &manifest, failure))
	{
		tour.manifest = manifest;
		ok = verify_files(&tour, failure);
	}
	else
		ok = report(verifier, "manifest.json", failure);
	if (ok && !steep_directory_list(directory, verify_entry, &tour, failure))
		ok = report(verifier, ".", failure);
	steep_manifest_free(manifest);
	return ok;
}
