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
#define PARTS_A_WORKER 8
#define SMALLEST_PART (4 * MB)
#define LARGEST_PART (1024 * MB)
#define LAST_PARTS 2			/* of a worker, in what is left */
#define MOST_CHUNKS 32			/* of a part */

/* Tables that are being cut. */
typedef struct Cutting
{
	int			workers;
	int64		part_bytes;		/* how large a part should be at most */
	int64		left;			/* bytes that are in no part yet */
	Part	   *part;			/* the current one, or NULL */
	List	   *parts;
} Cutting;

/*
 * How large should the next part be?  They get smaller towards the end, so
 * that the workers, which take them in this order, end at about the same time.
 */
static int64
next_part(const Cutting *cutting)
{
	int64		bytes = cutting->left / (cutting->workers * LAST_PARTS);

	return Max(Min(bytes, cutting->part_bytes), SMALLEST_PART);
}

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
	cutting->left -= part->bytes;
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
	if (part->bytes >= next_part(cutting) ||
		list_length(part->chunks) >= MOST_CHUNKS)
		end_part(cutting);
}

static Chunk *
make_chunk(const SnapshotTable *table, int number, int64 first, int64 last)
{
	Chunk	   *chunk = palloc(sizeof(Chunk));

	chunk->table = table;
	chunk->number = number;
	chunk->first = first;
	chunk->last = last;
	return chunk;
}

/* Cut a table into chunks. */
static void
cut_table(Cutting *cutting, const SnapshotTable *table)
{
	int64		first = 0;
	int			number = 1;

	if (table->blocks == 0 || table->bytes < 2 * next_part(cutting))
	{
		add_chunk(cutting, make_chunk(table, 1, 0, 0), table->bytes);
		return;
	}
	end_part(cutting);
	while (first < table->blocks)
	{
		int64		blocks = next_part(cutting) * table->blocks / table->bytes + 1;
		int64		next = first + Min(blocks, table->blocks - first);

		add_chunk(cutting,
				  make_chunk(table, number++, first,
							 next < table->blocks ? next : 0),
				  table->bytes / table->blocks * (next - first));
		end_part(cutting);
		first = next;
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

/* Cut numbered tables into Parts for so many workers, the largest first. */
List *
steep_parts_cut(List *tables, int workers)
{
	List	   *by_size = list_copy(tables);
	Cutting		cutting = {.workers = workers};
	ListCell   *cell;

	foreach(cell, tables)
		cutting.left += ((SnapshotTable *) lfirst(cell))->bytes;
	cutting.part_bytes = Min(cutting.left / (workers * PARTS_A_WORKER),
							 LARGEST_PART);
	list_sort(by_size, larger_first);
	foreach(cell, by_size)
		cut_table(&cutting, lfirst(cell));
	end_part(&cutting);
	return cutting.parts;
}
