/*-------------------------------------------------------------------------
 *
 * ddl_tables.c
 *		Statements that create tables and tie them together.
 *
 * Constraints and indexes come after the data: see ddl_constraints.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*----------
 * Tables.
 *
 *	CREATE TABLE <table> (<columns>) INHERITS (<parents>)
 *	PARTITION BY ... USING <method> WITH (<options>)
 *----------
 */
const char *const steep_ddl_make_tables =
"SELECT 40, r.level, 0, 'table', r.name, r.name,\n"
"       concat('CREATE ', CASE WHEN r.relpersistence = 'u' AND r.relkind = 'r'\n"
"                              THEN 'UNLOGGED ' END,\n"
"              'TABLE ', r.name, ' (', c.columns, ')',\n"
"              CASE WHEN r.inherits THEN format(' INHERITS (%s)', r.parents) END,\n"
"              ' PARTITION BY ' || pg_get_partkeydef(r.oid),\n"
"              ' USING ' || quote_ident(m.amname),\n"
"              ' WITH (' || o.options || ')')\n"
"FROM relation r\n"
"LEFT JOIN\n"
"  (SELECT f.oid, string_agg(f.definition, ', ' ORDER BY f.attnum) AS columns\n"
"   FROM field f\n"
"   WHERE NOT f.inherited\n"
"   GROUP BY f.oid) c ON c.oid = r.oid\n"
"LEFT JOIN pg_am m ON m.oid = r.relam AND m.amname <> 'heap'\n"
"CROSS JOIN LATERAL\n"
"  (SELECT string_agg(\n"
"     format('%s%I = %L', p.prefix, split_part(p.option, '=', 1),\n"
"            substr(p.option, strpos(p.option, '=') + 1)), ', ')\n"
"   FROM (SELECT '', unnest(r.reloptions)\n"
"         UNION ALL\n"
"         SELECT 'toast.', unnest(t.reloptions)\n"
"         FROM pg_class t WHERE t.oid = r.reltoastrelid) p(prefix, option)) o(options)\n";

/*----------
 * Sequences go with their columns.
 *
 *	ALTER SEQUENCE <sequence> OWNED BY <table>.<column>
 *----------
 */
const char *const steep_ddl_own_sequences =
"SELECT 50, 0, s.attnum, 'sequence owner', s.name, r.name,\n"
"       format('ALTER SEQUENCE %s OWNED BY %s.%s', s.name, r.name, f.field)\n"
"FROM sequence s\n"
"JOIN relation r ON r.oid = s.owner\n"
"JOIN field f ON f.oid = s.owner AND f.attnum = s.attnum\n"
"WHERE NOT s.identity\n";

/*----------
 * Tables of a type, partitions, and children that do not say INHERITS.
 *
 *	ALTER TABLE ONLY <table> OF <type>
 *	ALTER TABLE ONLY <parent> ATTACH PARTITION <table> FOR VALUES ...
 *	ALTER TABLE ONLY <table> INHERIT <parent>
 *----------
 */
const char *const steep_ddl_tie_tables =
"SELECT 60, r.level, 0, 'typed table', r.name, r.name,\n"
"       format('ALTER TABLE ONLY %s OF %s', r.name, r.reloftype::regtype)\n"
"FROM relation r\n"
"WHERE r.reloftype <> 0\n"
"UNION ALL\n"
"SELECT 61, r.level, h.inhseqno, CASE WHEN r.relispartition THEN 'partition' ELSE 'inheritance' END,\n"
"       r.name, r.name,\n"
"       CASE WHEN r.relispartition\n"
"            THEN format('ALTER TABLE ONLY %s ATTACH PARTITION %s %s',\n"
"                        h.inhparent::regclass, r.name,\n"
"                        pg_get_expr(r.relpartbound, r.oid))\n"
"            ELSE format('ALTER TABLE ONLY %s INHERIT %s', r.name,\n"
"                        h.inhparent::regclass) END\n"
"FROM relation r\n"
"JOIN pg_inherits h ON h.inhrelid = r.oid\n"
"WHERE NOT r.inherits AND NOT h.inhdetachpending\n";

/*----------
 * What CREATE TABLE cannot say of a column, or not of one that is inherited.
 *
 *	ALTER TABLE ONLY <table> ALTER COLUMN <column> SET DEFAULT ..., ...
 *	ALTER TABLE <table> ALTER COLUMN <column> SET NOT NULL
 *	ALTER SEQUENCE <sequence of an identity> SET LOGGED
 *----------
 */
const char *const steep_ddl_set_columns =
"SELECT 62, f.level, f.attnum, 'column', f.name || '.' || f.field, f.name,\n"
"       format('ALTER TABLE ONLY %s %s', f.name, a.actions)\n"
"FROM field f\n"
"CROSS JOIN LATERAL\n"
"  (SELECT concat_ws(', ',\n"
"     CASE WHEN f.inherited AND f.attgenerated = ''\n"
"          THEN format('ALTER COLUMN %s %s', f.field,\n"
"                      coalesce('SET DEFAULT ' || f.value, 'DROP DEFAULT')) END,\n"
"     CASE WHEN f.inherited OR f.relispartition\n"
"          THEN format('ALTER COLUMN %s ADD ', f.field) || f.identity END,\n"
"     nullif(f.settings, ''))) a(actions)\n"
"WHERE a.actions <> ''\n"
"UNION ALL\n"
"SELECT 62, f.level, f.attnum, 'column', f.name || '.' || f.field, f.name,\n"
"       format('ALTER TABLE %s%s %s',\n"
"              CASE WHEN f.not_null_ending <> '' THEN 'ONLY ' END, f.name,\n"
"              CASE WHEN f.not_null_above OR f.not_null_local IS NULL\n"
"                   THEN format('ALTER COLUMN %s SET NOT NULL', f.field)\n"
"                   ELSE format('ADD %sNOT NULL %s%s', f.not_null_name, f.field,\n"
"                               f.not_null_ending) END)\n"
"FROM field f\n"
"WHERE f.inherited AND f.not_null AND (f.not_null_local OR NOT f.not_null_above)\n"
"UNION ALL\n"
"SELECT 63, 0, s.attnum, 'sequence', s.name, r.name,\n"
"       format('ALTER SEQUENCE %s SET %s', s.name,\n"
"              CASE s.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END)\n"
"FROM sequence s\n"
"JOIN relation r ON r.oid = s.owner\n"
"WHERE s.identity AND s.relpersistence <> r.relpersistence\n";

/*----------
 * One column of a table that is there.
 *
 *	ALTER TABLE <table> ADD COLUMN <column>
 *----------
 */
const char *const steep_ddl_add_column =
"SELECT 45, 0, 0, 'column', f.name || '.' || f.field, f.name,\n"
"       format('ALTER TABLE %s ADD COLUMN %s', f.name, f.definition)\n"
"FROM wanted w JOIN field f ON f.attnum = w.attnum\n"
"UNION ALL\n"
"SELECT 50, 0, 0, 'sequence owner', s.name, f.name,\n"
"       format('ALTER SEQUENCE %s OWNED BY %s.%s', s.name, f.name, f.field)\n"
"FROM sequence s\n"
"JOIN field f ON f.oid = s.owner AND f.attnum = s.attnum\n"
"WHERE NOT s.identity\n"
"UNION ALL\n"
"SELECT 60, 0, 0, 'column', f.name || '.' || f.field, f.name,\n"
"       format('ALTER TABLE ONLY %s %s', f.name, f.settings)\n"
"FROM wanted w JOIN field f ON f.attnum = w.attnum\n"
"WHERE f.settings <> ''\n"
"UNION ALL\n"
"SELECT 180, 0, 0, 'comment', f.name || '.' || f.field, f.name,\n"
"       format('COMMENT ON COLUMN %s.%s IS %L', f.name, f.field, d.description)\n"
"FROM wanted w\n"
"JOIN field f ON f.attnum = w.attnum\n"
"JOIN pg_description d\n"
"  ON d.classoid = 'pg_class'::regclass AND d.objoid = f.oid\n"
" AND d.objsubid = f.attnum\n";
