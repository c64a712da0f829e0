/*-------------------------------------------------------------------------
 *
 * parts.c
 *		Tables that are copied, cut into what one step each copies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "ops/parts.h"

#define MB (INT64CONST(1024) * 1024)
#define SMALLEST_PART (4 * MB)
#define LARGEST_PART (1024 * MB)
#define MOST_CHUNKS 32			/* of a part */

/* Tables that are being cut. */
typedef struct Cutting
{
	int64		part_bytes;		/* how large a part should be */
	Part	   *part;			/* the current one, or NULL */
	List	   *parts;
} Cutting;

/* End the current part. */
static void
end_part(Cutting *cutting)
{
	Part	   *part = cutting->part;
	int			count;

	if (part == NULL)
		return;
	count = list_length(part->chunks);
	if (count > 1)
		part->target = psprintf("%s and %d more", part->target, count - 1);
	cutting->parts = lappend(cutting->parts, part);
	cutting->part = NULL;
}

/* Add a chunk to the current part. */
static void
add_chunk(Cutting *cutting, const Chunk *chunk, int64 bytes)
{
	Part	   *part = cutting->part;

	if (part == NULL)
	{
		part = cutting->part = palloc0(sizeof(Part));
		part->target = steep_sql_name(chunk->table->schema, chunk->table->name);
	}
	part->chunks = lappend(part->chunks, unconstify(Chunk *, chunk));
	part->bytes += bytes;
	if (part->bytes >= cutting->part_bytes ||
		list_length(part->chunks) >= MOST_CHUNKS)
		end_part(cutting);
}

/* Cut a table into chunks. */
static void
cut_table(Cutting *cutting, const SnapshotTable *table)
{
	int64		chunks = Min(table->bytes / cutting->part_bytes, table->blocks);

	chunks = Max(chunks, 1);
	if (chunks > 1)
		end_part(cutting);
	for (int64 i = 0; i < chunks; i++)
	{
		Chunk	   *chunk = palloc0(sizeof(Chunk));

		chunk->table = table;
		chunk->number = i + 1;
		chunk->first = table->blocks * i / chunks;
		if (i + 1 < chunks)
			chunk->last = table->blocks * (i + 1) / chunks;
		add_chunk(cutting, chunk, table->bytes / chunks);
		if (chunks > 1)
			end_part(cutting);
	}
}

static int
larger_first(const ListCell *a, const ListCell *b)
{
	const SnapshotTable *one = lfirst(a);
	const SnapshotTable *other = lfirst(b);

	if (one->bytes != other->bytes)
		return one->bytes > other->bytes ? -1 : 1;
	return one->number - other->number;
}

/* Cut numbered tables into about so many Parts, the largest tables first. */
List *
steep_parts_cut(List *tables, int parts)
{
	List	   *by_size = list_copy(tables);
	Cutting		cutting = {0};
	int64		bytes = 0;
	ListCell   *cell;

	foreach(cell, tables)
		bytes += ((SnapshotTable *) lfirst(cell))->bytes;
	cutting.part_bytes = bytes / parts;
	cutting.part_bytes = Max(cutting.part_bytes, SMALLEST_PART);
	cutting.part_bytes = Min(cutting.part_bytes, LARGEST_PART);
	list_sort(by_size, larger_first);
	foreach(cell, by_size)
		cut_table(&cutting, lfirst(cell));
	end_part(&cutting);
	return cutting.parts;
}
