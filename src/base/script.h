/*-------------------------------------------------------------------------
 *
 * script.h
 *		The statements of a snapshot's schema files, and what each is about.
 *
 * The server's own parser takes them apart.  Kinds of statements that no
 * snapshot has are refused, so nothing of them is run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCRIPT_H
#define STEEP_REPL_SCRIPT_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

typedef enum ScriptClass
{
	SCRIPT_CLASS_NONE,
	SCRIPT_CLASS_SCHEMA,
	SCRIPT_CLASS_EXTENSION,
	SCRIPT_CLASS_COLLATION,
	SCRIPT_CLASS_TYPE,			/* tables are types, too */
	SCRIPT_CLASS_RELATION,		/* sequences and indexes */
	SCRIPT_CLASS_STATISTICS
} ScriptClass;

/* The name of an object; zeroed where it is not used, so keys can be hashed. */
typedef struct ScriptObject
{
	ScriptClass class;
	NameData	schema;
	NameData	name;
} ScriptObject;

typedef enum ScriptKind
{
	SCRIPT_SETTING,				/* for psql; need not be run */
	SCRIPT_TABLE,				/* creates a table */
	SCRIPT_OBJECT,				/* creates something else */
	SCRIPT_PARTITION,			/* ties a partition to its parent */
	SCRIPT_OWNER,				/* gives a sequence to a column */
	SCRIPT_INDEX,				/* also keys, which make one */
	SCRIPT_FOREIGN_KEY,
	SCRIPT_GRANT,				/* and revoke */
	SCRIPT_OTHER
} ScriptKind;

typedef struct ScriptStatement
{
	ScriptKind	kind;
	const char *sql;
	ScriptObject of;			/* what it changes or belongs to, if that is
								 * created by another statement */
	ScriptObject makes;			/* what it creates */
	List	   *needs;			/* ScriptObject: parents, or the table that is
								 * referenced or owns the sequence */
	List	   *roles;			/* names, of a grant */
} ScriptStatement;

extern List *steep_script_parse(const char *text, const char *file);
extern HTAB *steep_script_set(const char *name);
extern void steep_script_add(HTAB *set, const ScriptObject *object);
extern bool steep_script_has(HTAB *set, const ScriptObject *object);
extern ScriptObject steep_script_table(const char *schema, const char *name);
extern bool steep_script_exists(const ScriptObject *object);

#endif							/* STEEP_REPL_SCRIPT_H */
