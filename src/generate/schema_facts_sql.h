/*-------------------------------------------------------------------------
 *
 * schema_facts_sql.h
 *		What tables are, as rows that can be hashed or compared.
 *
 * Each is a WITH clause; the query after it reads "tables" and "facts".
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCHEMA_FACTS_SQL_H
#define STEEP_REPL_SCHEMA_FACTS_SQL_H

extern const char *steep_schema_all_facts(void);
extern const char *steep_schema_table_facts(void);
extern const char *steep_schema_table_and_type_facts(void);

#endif							/* STEEP_REPL_SCHEMA_FACTS_SQL_H */
