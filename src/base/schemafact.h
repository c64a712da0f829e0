/*-------------------------------------------------------------------------
 *
 * schemafact.h
 *		What one node knows of a table, and how it fits what the other knows.
 *
 * One row of steep_schema_facts_sql() each; what its fields mean for each
 * kind stands at the top of generate/schema_facts_sql.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCHEMAFACT_H
#define STEEP_REPL_SCHEMAFACT_H

#include "nodes/pg_list.h"

/* In the order in which they can be created. */
typedef enum FactKind
{
	FACT_COLLATION,
	FACT_TYPE,
	FACT_TABLE,
	FACT_COLUMN,
	FACT_CONSTRAINT,
	FACT_INDEX
} FactKind;

/* The fields, from 0 on: of columns, of types, … */
enum
{
	COLUMN_NAME,
	COLUMN_TYPE,
	COLUMN_NOT_NULL,
	COLUMN_DEFAULT,
	COLUMN_IDENTITY,
	COLUMN_GENERATED,			/* how, one character, and the expression */
	COLUMN_COLLATION			/* NULL: that of the type */
};

enum
{
	TYPE_NAME,
	TYPE_KIND,					/* as typtype */
	TYPE_BASE,
	TYPE_NOT_NULL,
	TYPE_DEFAULT,
	TYPE_MEMBERS,				/* text of an array */
	TYPE_COLLATION
};

enum
{
	TABLE_KIND,					/* as relkind */
	TABLE_KEY,
	TABLE_BOUND,
	TABLE_PARENTS				/* text of an array */
};

enum
{
	COLLATION_NAME,
	COLLATION_PROVIDER,
	COLLATION_LOCALE,
	COLLATION_COLLATE,
	COLLATION_CTYPE,
	COLLATION_DETERMINISTIC,
	COLLATION_RULES
};

#define CONSTRAINT_KIND 0		/* as contype */
#define INDEX_FLAGS 5
#define FACT_FIELDS 7

typedef struct SchemaFact
{
	FactKind	kind;
	char	   *label;			/* its name, for people */
	char	   *fields[FACT_FIELDS];
	bool		visible;		/* the role may see the table */
	char	   *plain;			/* of a column: its type without modifier */
	int			modifier;		/* of a column: atttypmod */
	char	   *definition;		/* of constraints and indexes */
	bool		known;			/* the other node has the very same */
	struct SchemaFact *other;	/* what the other node has in its place */
} SchemaFact;

extern List *steep_schemafact_build(List *rows);
extern void steep_schemafact_pair(List *local, List *remote);
extern bool steep_schemafact_has_table(List *facts);
extern bool steep_schemafact_same(const char *a, const char *b);

#endif							/* STEEP_REPL_SCHEMAFACT_H */
