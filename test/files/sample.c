/*-------------------------------------------------------------------------
 *
 * sample.c
 *		A small snapshot with everything in it that a manifest can say.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "snapfile.h"

#define ROWS 300

/* Write rows to a file; returns what the manifest says about it. */
static StreamTotals
write_rows(Directory *directory, FileName name, const Compression *compression,
		   int rows)
{
	StreamWriter *writer;
	StreamTotals totals;
	Failure		failure;
	char		row[64];

	check(steep_writer_open(directory, &name, compression, &writer, &failure),
		  &failure);
	for (int i = 0; i < rows; i++)
	{
		snprintf(row, sizeof(row), "%d\t%d\n", i, i * 7919 % 10007);
		check(steep_writer_put(writer, row, strlen(row), &failure), &failure);
	}
	check(steep_writer_finish(writer, &totals, &failure), &failure);
	steep_writer_close(writer);
	return totals;
}

static ManifestChunk
make_chunk(Directory *directory, const Compression *compression, uint32_t table,
		   uint32_t number, int rows)
{
	ManifestChunk chunk = {
		.name = steep_filename_chunk(table, number, compression->method),
		.rows = (uint64_t) rows,
		.digest = "00ff"
	};

	chunk.file = write_rows(directory, chunk.name, compression, rows);
	return chunk;
}

void
make_sample(Directory *directory, const char *spec)
{
	static const ManifestColumn columns[] = {
		{"id", "bigint"}, {"odd \"na\\me\"\t\xc3\xa4\xf0\x9f\x90\x98", "pg_catalog.\"char\""}
	};
	static const ManifestSequence sequences[] = {
		{"public", "least", INT64_MIN, true}, {"public", "most", INT64_MAX, false}
	};
	static const ManifestLeftOut left_out[] = {{"function", "public.f(integer)"}};
	static const ManifestExtension extensions[] = {{"citext", "1.6"}};
	ManifestChunk chunks[2];
	ManifestTable tables[] = {
		{1, "public", "t", columns, 2, "fingerprint", ROWS, "0a", chunks, 2},
		{3, "../..", "; DROP", columns, 1, "", 0, NULL, NULL, 0}
	};
	Manifest	manifest = {
		.snapshot_id = "snap_20260131_235959_0a1b2c3d",
		.created_at = "2026-01-31T23:59:59Z",
		.lsn = "1/2A000028",
		.server_version = 150010,
		.system_identifier = UINT64_MAX,
		.database = "app",
		.encoding = "UTF8",
		.extensions = extensions,
		.nextensions = 1,
		.tables = tables,
		.ntables = 2,
		.sequences = sequences,
		.nsequences = 2,
		.left_out = left_out,
		.nleft_out = 1
	};
	Failure		failure;

	check(steep_compression_parse(spec, &manifest.compression, &failure),
		  &failure);
	chunks[0] = make_chunk(directory, &manifest.compression, 1, 1, ROWS);
	chunks[1] = make_chunk(directory, &manifest.compression, 1, 2, 0);
	manifest.pre_data = write_rows(directory, steep_filename(FILE_PRE_DATA), NULL, 3);
	manifest.post_data = write_rows(directory, steep_filename(FILE_POST_DATA), NULL, 0);
	check(steep_manifest_write(directory, &manifest, &failure), &failure);
}
