/*-------------------------------------------------------------------------
 *
 * merge_options.h
 *		The options of a merge that are by table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_OPTIONS_H
#define STEEP_REPL_MERGE_OPTIONS_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct TableOptions
{
	const char *strategy;
	const char *modified_column;	/* or NULL */
	char	   *where;			/* or NULL */
	List	   *excluded;		/* names of columns */
} TableOptions;

extern TableOptions *steep_merge_table_options(Jsonb *options, List *pairs,
											   const char *strategy);

#endif							/* STEEP_REPL_MERGE_OPTIONS_H */
