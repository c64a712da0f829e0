/*-------------------------------------------------------------------------
 *
 * arena.c
 *		Memory that is freed all at once.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdlib.h>

#include "files/arena.h"

#define BLOCK_BYTES (64 * 1024)
#define ALIGNMENT sizeof(uint64_t)

typedef struct Block
{
	struct Block *next;
	size_t		used;
	size_t		size;
	uint64_t	data[];			/* so it is aligned */
} Block;

struct Arena
{
	Block	   *blocks;			/* memory comes from the first */
};

Arena *
steep_arena_create(void)
{
	return calloc(1, sizeof(Arena));
}

/* Put a new block in front. */
static Block *
add_block(Arena *arena, size_t size)
{
	Block	   *block;

	if (size < BLOCK_BYTES)
		size = BLOCK_BYTES;
	block = malloc(sizeof(Block) + size);
	if (block == NULL)
		return NULL;
	block->next = arena->blocks;
	block->used = 0;
	block->size = size;
	arena->blocks = block;
	return block;
}

void *
steep_arena_get(Arena *arena, size_t size)
{
	Block	   *block = arena->blocks;
	void	   *result;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (block == NULL || block->size - block->used < size)
		block = add_block(arena, size);
	if (block == NULL)
		return NULL;
	result = (char *) block->data + block->used;
	block->used += size;
	return result;
}

void
steep_arena_free(Arena *arena)
{
	Block	   *next;

	if (arena == NULL)
		return;
	for (Block *block = arena->blocks; block; block = next)
	{
		next = block->next;
		free(block);
	}
	free(arena);
}
