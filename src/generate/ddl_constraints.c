/*-------------------------------------------------------------------------
 *
 * ddl_constraints.c
 *		Statements that finish tables once they have their rows.
 *
 * Foreign keys are last, after all indexes they may need.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*----------
 * Constraints of tables, and checks of domains that are not valid yet.
 *
 *	ALTER TABLE [ONLY] <table> ADD CONSTRAINT <constraint> <definition>
 *	ALTER DOMAIN <domain> ADD CONSTRAINT <constraint> CHECK ... NOT VALID
 *
 * Checks and foreign keys go down to children and partitions, keys are made
 * for each.  The definition of a key lacks its storage options, which stand
 * before DEFERRABLE.
 *----------
 */
const char *const steep_ddl_add_constraints =
"SELECT CASE k.contype WHEN 'f' THEN 170 WHEN 'c' THEN 120 WHEN 'n' THEN 120\n"
"            ELSE 110 END,\n"
"       r.level, 0,\n"
"       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'\n"
"            WHEN 'x' THEN 'exclusion' WHEN 'f' THEN 'foreign key'\n"
"            WHEN 'n' THEN 'not null' ELSE 'check' END,\n"
"       format('%s.%I', r.name, k.conname), r.name,\n"
"       format('ALTER TABLE %s%s ADD CONSTRAINT %I %s',\n"
"              CASE WHEN k.contype IN ('p', 'u', 'x') THEN 'ONLY ' END,\n"
"              r.name, k.conname,\n"
"              CASE WHEN o.options IS NULL THEN o.definition\n"
"                   ELSE concat(left(o.definition, -length(o.ending)),\n"
"                               ' WITH (', o.options, ')', o.ending) END)\n"
"FROM relation r\n"
"JOIN pg_constraint k ON k.conrelid = r.oid\n"
"LEFT JOIN pg_class i ON i.oid = k.conindid AND k.contype IN ('p', 'u')\n"
"CROSS JOIN LATERAL\n"
"  (SELECT pg_get_constraintdef(k.oid),\n"
"          concat(CASE WHEN k.condeferrable THEN ' DEFERRABLE' END,\n"
"                 CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' END),\n"
"          (SELECT string_agg(format('%I = %L', split_part(v.option, '=', 1),\n"
"                                    substr(v.option, strpos(v.option, '=') + 1)),\n"
"                             ', ')\n"
"           FROM unnest(i.reloptions) AS v(option))) o(definition, ending, options)\n"
"WHERE k.contype IN ('p', 'u', 'x')\n"
"   OR k.contype = 'c' AND k.conislocal\n"
"   OR k.contype = 'f' AND k.conparentid = 0\n"
"   OR k.contype = 'n' AND k.conislocal AND NOT k.convalidated\n"
"UNION ALL\n"
"SELECT 120, p.level, 0, 'check', format('%s.%I', k.contypid::regtype, k.conname), NULL,\n"
"       format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', k.contypid::regtype,\n"
"              k.conname, pg_get_constraintdef(k.oid))\n"
"FROM place p JOIN pg_constraint k ON k.oid = p.objid\n"
"WHERE p.classid = 'pg_constraint'::regclass AND k.contypid <> 0\n"
"  AND NOT k.convalidated\n";

/*----------
 * Indexes that no constraint makes; those of partitions are tied to those of
 * their parents, also if constraints made them.
 *
 *	CREATE INDEX <index> ON [ONLY] <table> ...
 *	ALTER INDEX <parent> ATTACH PARTITION <index>
 *	ALTER INDEX <index> ALTER COLUMN <number> SET STATISTICS <target>
 *----------
 */
const char *const steep_ddl_make_indexes =
"SELECT 130, r.level, 0, 'index', x.indexrelid::regclass::text, r.name,\n"
"       pg_get_indexdef(x.indexrelid)\n"
"FROM relation r\n"
"JOIN pg_index x ON x.indrelid = r.oid\n"
"WHERE (x.indisvalid OR r.relkind = 'p')\n"
"  AND NOT EXISTS\n"
"    (SELECT FROM pg_constraint k\n"
"     WHERE k.conindid = x.indexrelid AND k.conrelid = r.oid\n"
"       AND k.contype IN ('p', 'u', 'x'))\n"
"UNION ALL\n"
"SELECT 140, r.level, 0, 'index partition', h.inhrelid::regclass::text, r.name,\n"
"       format('ALTER INDEX %s ATTACH PARTITION %s', h.inhparent::regclass,\n"
"              h.inhrelid::regclass)\n"
"FROM relation r\n"
"JOIN pg_index x ON x.indrelid = r.oid\n"
"JOIN pg_inherits h ON h.inhrelid = x.indexrelid\n"
"UNION ALL\n"
"SELECT 150, r.level, a.attnum, 'index column', x.indexrelid::regclass::text, r.name,\n"
"       format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s',\n"
"              x.indexrelid::regclass, a.attnum, a.attstattarget)\n"
"FROM relation r\n"
"JOIN pg_index x ON x.indrelid = r.oid\n"
"JOIN pg_attribute a ON a.attrelid = x.indexrelid\n"
"WHERE a.attstattarget >= 0\n";

/*----------
 * Marks of an index, and what goes with them.
 *
 *	ALTER TABLE <table> CLUSTER ON <index>
 *	ALTER TABLE ONLY <table> REPLICA IDENTITY ...
 *----------
 */
const char *const steep_ddl_mark_indexes =
"SELECT 150, r.level, 0, 'cluster', r.name, r.name,\n"
"       format('ALTER TABLE %s CLUSTER ON %I', r.name, i.relname)\n"
"FROM relation r\n"
"JOIN pg_index x ON x.indrelid = r.oid\n"
"JOIN pg_class i ON i.oid = x.indexrelid\n"
"WHERE x.indisclustered\n"
"UNION ALL\n"
"SELECT 150, r.level, 0, 'replica identity', r.name, r.name,\n"
"       format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', r.name,\n"
"              CASE r.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'\n"
"                   ELSE format('USING INDEX %I', i.relname) END)\n"
"FROM relation r\n"
"LEFT JOIN pg_index x\n"
"  ON x.indrelid = r.oid AND x.indisreplident AND r.relreplident = 'i'\n"
"LEFT JOIN pg_class i ON i.oid = x.indexrelid\n"
"WHERE r.relreplident IN ('f', 'n') OR i.oid IS NOT NULL\n";

/*----------
 * Statistics objects.
 *
 *	CREATE STATISTICS ...
 *	ALTER STATISTICS <statistics> SET STATISTICS <target>
 *----------
 */
const char *const steep_ddl_make_statistics =
"SELECT 160, r.level, 0, 'statistics', format('%I.%I', n.nspname, x.stxname), r.name,\n"
"       pg_get_statisticsobjdef(x.oid)\n"
"FROM relation r\n"
"JOIN pg_statistic_ext x ON x.stxrelid = r.oid\n"
"JOIN pg_namespace n ON n.oid = x.stxnamespace\n"
"UNION ALL\n"
"SELECT 161, r.level, 0, 'statistics', format('%I.%I', n.nspname, x.stxname), r.name,\n"
"       format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, x.stxname,\n"
"              x.stxstattarget)\n"
"FROM relation r\n"
"JOIN pg_statistic_ext x ON x.stxrelid = r.oid\n"
"JOIN pg_namespace n ON n.oid = x.stxnamespace\n"
"WHERE x.stxstattarget >= 0\n";
