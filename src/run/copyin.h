/*-------------------------------------------------------------------------
 *
 * copyin.h
 *		What COPY has written into a table of this node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYIN_H
#define STEEP_REPL_COPYIN_H

#include "nodes/pg_list.h"

/*
 * Gives the next bytes of the text, at least one and at most as many as there
 * is room for; 0 at its end.
 */
typedef int (*CopyInSource) (void *arg, void *buffer, int room);

/*
 * Load all rows that a source gives into some columns of a table, in the
 * current transaction; returns how many.  The text is in the encoding of the
 * database; or it is COPY's binary format.  Current user needs INSERT on the columns.
 */
extern uint64 steep_copyin_run(const char *schema, const char *table,
							   List *columns, bool binary,
							   CopyInSource source, void *arg);

#endif							/* STEEP_REPL_COPYIN_H */
