/*-------------------------------------------------------------------------
 *
 * fkgraph.h
 *		Foreign keys, and the order of tables in which parents come first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_FKGRAPH_H
#define STEEP_REPL_FKGRAPH_H

#include "base/relinfo.h"

typedef struct ForeignKey
{
	char	   *name;
	char	   *child_schema;
	char	   *child;
	char		child_kind;		/* as relkind */
	char	   *parent_schema;
	char	   *parent;
	char		parent_kind;	/* as relkind */
	bool		parent_lockable;	/* the current role may lock its rows */
	bool		full;			/* all columns of a row are null, or none */
	List	   *columns;		/* names in the child */
	List	   *referenced;		/* names in the parent, in the same order */
	List	   *operators;		/* SQL names: parent column = child column */
} ForeignKey;

extern List *steep_fkgraph_build(List *rows);
extern List *steep_fkgraph_order(List *pairs, List *foreign_keys);
extern const ForeignKey *steep_fkgraph_cycle(List *order, List *foreign_keys);
extern bool steep_fkgraph_is_child(const ForeignKey *fk, const RelInfo *rel);
extern bool steep_fkgraph_is_parent(const ForeignKey *fk, const RelInfo *rel);

#endif							/* STEEP_REPL_FKGRAPH_H */
