/*-------------------------------------------------------------------------
 *
 * arena.h
 *		Memory that is freed all at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ARENA_H
#define STEEP_REPL_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

/* These return NULL if there is no memory. */
extern Arena *steep_arena_create(void);
extern void *steep_arena_get(Arena *arena, size_t size);

extern void steep_arena_free(Arena *arena);

#endif							/* STEEP_REPL_ARENA_H */
