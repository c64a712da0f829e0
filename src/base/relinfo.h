/*-------------------------------------------------------------------------
 *
 * relinfo.h
 *		Facts about one table as one node has it, and about a pair of them.
 *
 * The same stock SQL asks both nodes (generate/catalog_sql.c), so both sides
 * come in the same form.  Generators read these and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_RELINFO_H
#define STEEP_REPL_RELINFO_H

#include "nodes/pg_list.h"

typedef struct ColumnInfo
{
	char	   *name;
	char	   *type;			/* qualified SQL name, without modifier */
	char	   *definition;		/* the same with its modifier */
	char	   *base;			/* type, or what it is a domain over in the
								 * end */
	char	   *collation;		/* qualified SQL name, or NULL */
	bool		deterministic;	/* equal are equal bytes only */
	bool		not_null;
	char		generated;		/* as attgenerated, '\0' = plain */
	char		identity;		/* as attidentity, '\0' = none */
	bool		readable;		/* the current role has SELECT */
	bool		excluded;		/* the caller leaves it alone */
	int			number;			/* attnum */
	char	   *equals;			/* key columns: the operator's SQL name */
	bool		bytewise;		/* key columns: equal are equal bytes only,
								 * whatever this side's collation says */
} ColumnInfo;

/* A unique index over plain columns, valid and not partial. */
typedef struct KeyInfo
{
	char	   *index;
	bool		primary;
	bool		identity;		/* the replica identity */
	bool		not_null;		/* so are all its columns */
	bool		immediate;		/* not deferrable */
	List	   *columns;		/* names, in index order */
} KeyInfo;

typedef struct RelInfo
{
	char	   *schema;
	char	   *name;
	bool		exists;
	bool		schema_usage;	/* the current role may look into the schema */
	char		kind;			/* as relkind */
	char		persistence;	/* as relpersistence */
	bool		writable;		/* the current role has INSERT and UPDATE */
	bool		policies;		/* row level security applies to the role */
	bool		deletable;		/* the current role has DELETE */
	int			exclusive;		/* unique indexes and exclusion constraints */
	bool		deferrable;		/* one of these constraints is */
	double		rows;			/* estimate */
	double		bytes;			/* heap and TOAST, of all partitions */
	List	   *columns;		/* ColumnInfo, by name */
	List	   *keys;			/* KeyInfo, the best first */
} RelInfo;

/* How the two sides of a table are digested. */
typedef enum DigestWay
{
	DIGEST_NATIVE,				/* steep_repl on both sides */
	DIGEST_STOCK				/* stock SQL, for a peer without it */
} DigestWay;

/* One table on both nodes. */
typedef struct TablePair
{
	char	   *asked;			/* as the caller called it */
	char	   *record;			/* of a merge: the id of its record */
	RelInfo    *local;
	RelInfo    *peer;
	List	   *key;			/* ColumnInfo of the local side, in key order */
	List	   *columns;		/* the same for all columns that are compared:
								 * the key, then the rest by name */
	char	   *where;			/* condition of the rows that take part, or
								 * NULL; set before steep_tables_check() */
	List	   *excluded;		/* names of columns neither compared nor
								 * written; set before steep_tables_check() */
	bool		deletes;		/* of a merge: rows may go */
	DigestWay	way;
	int			leaves;			/* a power of two */
} TablePair;

extern List *steep_relinfo_build(List *names, List *column_rows,
								 List *key_rows);
extern ColumnInfo *steep_relinfo_column(const RelInfo *rel, const char *name);
extern List *steep_relinfo_row_order(const RelInfo *rel);
extern bool steep_relinfo_unique(const RelInfo *rel, List *key);
extern bool steep_relinfo_exact(const RelInfo *rel, List *key);
extern bool steep_relinfo_has_null(const RelInfo *rel, List *key);

#endif							/* STEEP_REPL_RELINFO_H */
