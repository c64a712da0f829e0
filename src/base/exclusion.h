/*-------------------------------------------------------------------------
 *
 * exclusion.h
 *		Constraints that keep rows apart and that triggers check.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_EXCLUSION_H
#define STEEP_REPL_EXCLUSION_H

#include "base/relinfo.h"

/* A unique or exclusion constraint that is deferrable. */
typedef struct Exclusion
{
	char	   *name;
	char	   *table_schema;	/* of the table that is merged */
	char	   *table;
	char	   *schema;			/* of the table that has the constraint: it,
								 * or a partition */
	char	   *rel;
	char		kind;			/* of that table, as relkind */
	List	   *expressions;	/* SQL over a row of the table */
	List	   *operators;		/* SQL names: what no two rows may be */
	bool		same_nulls;		/* two nulls are equal */
	char	   *predicate;		/* which rows it is about, or NULL: all */
} Exclusion;

extern List *steep_exclusion_build(List *rows);
extern bool steep_exclusion_is_of(const Exclusion *exclusion,
								  const RelInfo *rel);

#endif							/* STEEP_REPL_EXCLUSION_H */
