/*-------------------------------------------------------------------------
 *
 * manifest_check.c
 *		Whether what a manifest says fits together.
 *
 * Asked about what is going to be written and about what was read, so nothing
 * is written that cannot be read.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files/manifest_format.h"

/* Say what is wrong with the manifest. */
#define refuse(failure, ...) \
	steep_failure_file(failure, FAILURE_CORRUPT, "manifest.json", __VA_ARGS__)

/* Add, unless that is out of all reason. */
static bool
add(uint64_t *sum, uint64_t more)
{
	if (more > MANIFEST_MAX_NUMBER || *sum > MANIFEST_MAX_NUMBER - more)
		return false;
	*sum += more;
	return true;
}

bool
steep_manifest_sum(const Manifest *manifest, ManifestTotal *total)
{
	bool		ok = true;

	memset(total, 0, sizeof(*total));
	total->tables = manifest->ntables;
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *table = &manifest->tables[i];

		ok = ok && add(&total->chunks, table->nchunks) &&
			add(&total->rows, table->rows);
		for (size_t j = 0; j < table->nchunks; j++)
			ok = ok && add(&total->raw_bytes, table->chunks[j].file.raw_bytes) &&
				add(&total->file_bytes, table->chunks[j].file.file_bytes);
	}
	return ok;
}

static bool
check_file(const char *name, CompressionMethod method,
		   const StreamTotals *file, Failure *failure)
{
	if (!steep_sha256_is_text(file->sha256))
		return refuse(failure, "has no SHA-256 of \"%s\"", name);
	if (method == COMPRESSION_NONE ? file->raw_bytes != file->file_bytes :
		file->raw_bytes > steep_compression_max_raw(method, file->file_bytes))
		return refuse(failure, "says that \"%s\" of %" PRIu64
					  " bytes unpacks to %" PRIu64,
					  name, file->file_bytes, file->raw_bytes);
	return true;
}

/* A row of COPY's text format has at least its newline. */
static bool
check_chunk(const Manifest *manifest, const ManifestTable *table,
			const ManifestChunk *chunk, uint32_t after, Failure *failure)
{
	const FileName *name = &chunk->name;

	if (name->kind != FILE_CHUNK || name->table != table->number ||
		name->chunk <= after || name->chunk > FILENAME_MAX_NUMBER ||
		name->method != manifest->compression.method)
		return refuse(failure, "names \"%s\" where it does not belong",
					  name->path);
	if (chunk->rows > chunk->file.raw_bytes)
		return refuse(failure, "says that \"%s\" has more rows than bytes",
					  name->path);
	return check_file(name->path, name->method, &chunk->file, failure);
}

static bool
check_table(const Manifest *manifest, const ManifestTable *table,
			Failure *failure)
{
	uint64_t	rows = 0;
	uint32_t	after = 0;

	for (size_t i = 0; i < table->nchunks; i++)
	{
		if (!check_chunk(manifest, table, &table->chunks[i], after, failure))
			return false;
		after = table->chunks[i].name.chunk;
		if (!add(&rows, table->chunks[i].rows))
			break;
	}
	if (rows != table->rows)
		return refuse(failure, "says that table %" PRIu32 " has %" PRIu64
					  " rows, and its chunks %" PRIu64,
					  table->number, table->rows, rows);
	return true;
}

/* For qsort: by schema and name. */
static int
compare_tables(const void *a, const void *b)
{
	const ManifestTable *left = *(const ManifestTable *const *) a;
	const ManifestTable *right = *(const ManifestTable *const *) b;
	int			order = strcmp(left->schema, right->schema);

	return order != 0 ? order : strcmp(left->name, right->name);
}

/* No table is there twice. */
static bool
check_names(const Manifest *manifest, Failure *failure)
{
	const ManifestTable **tables;
	bool		ok = true;

	if (manifest->ntables < 2)
		return true;
	tables = malloc(manifest->ntables * sizeof(*tables));
	if (tables == NULL)
		return steep_failure_memory(failure);
	for (size_t i = 0; i < manifest->ntables; i++)
		tables[i] = &manifest->tables[i];
	qsort(tables, manifest->ntables, sizeof(*tables), compare_tables);
	for (size_t i = 1; ok && i < manifest->ntables; i++)
	{
		if (compare_tables(&tables[i - 1], &tables[i]) == 0)
			ok = refuse(failure, "has the same table as %" PRIu32
						" and %" PRIu32,
						tables[i - 1]->number, tables[i]->number);
	}
	free(tables);
	return ok;
}

bool
steep_manifest_check(const Manifest *manifest, Failure *failure)
{
	uint32_t	after = 0;
	ManifestTotal total;

	if (!check_file("schema/pre-data.sql", COMPRESSION_NONE,
					&manifest->pre_data, failure) ||
		!check_file("schema/post-data.sql", COMPRESSION_NONE,
					&manifest->post_data, failure))
		return false;
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *table = &manifest->tables[i];

		if (table->number <= after)
			return refuse(failure, "has table %" PRIu32 " after %" PRIu32,
						  table->number, after);
		after = table->number;
		if (!check_table(manifest, table, failure))
			return false;
	}
	if (!steep_manifest_sum(manifest, &total) ||
		memcmp(&total, &manifest->total, sizeof(total)) != 0)
		return refuse(failure, "has another total than its tables");
	return check_names(manifest, failure);
}
