/*-------------------------------------------------------------------------
 *
 * ddl_parts.h
 *		Pieces of the statements in table_ddl.c.
 *
 * The first ones are what the others read, each a part of one WITH RECURSIVE:
 *
 *	wanted		the tables, or the column
 *	object		what they consist of and stand on: classid, objid
 *	place		in which order that can be created: level
 *	sequence, relation, field, privilege
 *				what is to be said of them
 *
 * The others select stage, level, sub, kind, object, table_name and statement,
 * or what is left out: scope, kind, object, needed_by.  In their text names are
 * qualified by regclass, regtype and the pg_get_* functions, under a
 * search_path that is pinned to pg_catalog.
 *
 * Statements go by stage first, then by level, object and sub:
 *
 *	10	schemas				20	extensions		30	collations
 *	40	types, sequences and tables, each after what it stands on
 *	45	a column			50	owners of sequences
 *	60	ties between tables, and what is set for columns
 *	110	keys				120	checks
 *	130	indexes				140	ties between indexes
 *	150	marks of indexes	160	statistics		170	foreign keys
 *	180	comments			190	grants
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DDL_PARTS_H
#define STEEP_REPL_DDL_PARTS_H

/* ddl_objects.c */
extern const char *const steep_ddl_tables;
extern const char *const steep_ddl_column;
extern const char *const steep_ddl_objects;
extern const char *const steep_ddl_order;

/* ddl_facts.c */
extern const char *const steep_ddl_sequences;
extern const char *const steep_ddl_relations;
extern const char *const steep_ddl_fields;
extern const char *const steep_ddl_privileges;

/* ddl_types.c */
extern const char *const steep_ddl_make_schemas;
extern const char *const steep_ddl_make_types;
extern const char *const steep_ddl_make_sequences;

/* ddl_tables.c */
extern const char *const steep_ddl_make_tables;
extern const char *const steep_ddl_own_sequences;
extern const char *const steep_ddl_tie_tables;
extern const char *const steep_ddl_set_columns;
extern const char *const steep_ddl_add_column;

/* ddl_constraints.c */
extern const char *const steep_ddl_add_constraints;
extern const char *const steep_ddl_make_indexes;
extern const char *const steep_ddl_mark_indexes;
extern const char *const steep_ddl_make_statistics;

/* ddl_notes.c */
extern const char *const steep_ddl_comments;
extern const char *const steep_ddl_grants;

/* ddl_omissions.c */
extern const char *const steep_ddl_omitted_objects;
extern const char *const steep_ddl_omitted_parts;

#endif							/* STEEP_REPL_DDL_PARTS_H */
