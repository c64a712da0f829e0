/*-------------------------------------------------------------------------
 *
 * ddl_facts.c
 *		What is known of the tables, their columns and sequences.
 *
 * Read once, for all the statements that are made of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/* What CREATE SEQUENCE and identity columns say of a sequence. */
#define SEQUENCE_OPTIONS \
	"format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s',\n" \
	"       q.seqstart, q.seqincrement, q.seqmin, q.seqmax)\n" \
	"|| format(' CACHE %s %s', q.seqcache,\n" \
	"          CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)"

/* A sequence belongs to no column, to one by OWNED BY, or to an identity. */
const char *const steep_ddl_sequences =
"sequence AS MATERIALIZED (\n"
"  SELECT p.objid AS oid, p.level, s.oid::regclass::text AS name,\n"
"         s.relpersistence, o.refobjid AS owner, o.refobjsubid AS attnum,\n"
"         coalesce(o.deptype = 'i', false) AS identity,\n"
"         q.seqtypid,\n"
"         " SEQUENCE_OPTIONS " AS options\n"
"  FROM place p\n"
"  JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S'\n"
"  JOIN pg_sequence q ON q.seqrelid = s.oid\n"
"  LEFT JOIN pg_depend o\n"
"    ON o.classid = p.classid AND o.objid = p.objid\n"
"   AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')\n"
"  WHERE p.classid = 'pg_class'::regclass\n"
")\n";

/*
 * A table is created with INHERITS if that gives its columns their order: the
 * parents' first, one after the other.  Otherwise, and as a partition, it is
 * created by itself and then tied to its parents.
 */
const char *const steep_ddl_relations =
"relation AS MATERIALIZED (\n"
"  SELECT c.oid, coalesce(p.level, 0) AS level, c.oid::regclass::text AS name,\n"
"         c.relname,\n"
"         c.relkind, c.relpersistence, c.relreplident, c.relispartition,\n"
"         c.reloptions, c.reltoastrelid, c.relam, c.reloftype, c.relpartbound,\n"
"         c.relacl, c.relowner,\n"
"         i.parents, i.parents <> '' AND NOT c.relispartition\n"
"           AND i.theirs = i.ours AS inherits\n"
"  FROM wanted w\n"
"  JOIN pg_class c ON c.oid = w.oid\n"
"  LEFT JOIN place p\n"
"    ON p.classid = 'pg_class'::regclass AND p.objid = w.oid\n"
"  LEFT JOIN LATERAL\n"
"    (SELECT string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno)\n"
"              AS parents,\n"
"            (SELECT array_agg(a.attname ORDER BY a.attnum)\n"
"             FROM pg_attribute a\n"
"             WHERE a.attrelid = c.oid AND a.attnum > 0\n"
"               AND NOT a.attisdropped) AS ours,\n"
"            (SELECT array_agg(m.attname ORDER BY m.place)\n"
"             FROM\n"
"               (SELECT f.attname, min(f.place) AS place\n"
"                FROM\n"
"                  (SELECT a.attname, ARRAY[0, g.inhseqno, a.attnum] AS place\n"
"                   FROM pg_inherits g\n"
"                   JOIN pg_attribute a ON a.attrelid = g.inhparent\n"
"                   WHERE g.inhrelid = h.inhrelid AND a.attnum > 0\n"
"                     AND NOT a.attisdropped\n"
"                   UNION ALL\n"
"                   SELECT a.attname, ARRAY[1, 0, a.attnum]\n"
"                   FROM pg_attribute a\n"
"                   WHERE a.attrelid = h.inhrelid AND a.attnum > 0\n"
"                     AND a.attislocal AND NOT a.attisdropped) f\n"
"                GROUP BY f.attname) m) AS theirs\n"
"     FROM pg_inherits h\n"
"     WHERE h.inhrelid = c.oid AND NOT h.inhdetachpending\n"
"     GROUP BY h.inhrelid) i ON true\n"
"  WHERE NOT EXISTS\n"
"    (SELECT FROM pg_depend x\n"
"     WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid\n"
"       AND x.deptype = 'e')\n"
")\n";

/*
 * A column, and how CREATE TABLE and ADD COLUMN define it.
 *
 * From 18 on a NOT NULL is a constraint, with a name that is told if it is not
 * the usual one.  One that is not valid yet comes later.  An identity belongs
 * to the root of a partition tree, and partitions get it from there; before 17
 * they may have their own.  Some releases keep a count of changes of a table
 * among the options of its columns, pg_attver.
 */
const char *const steep_ddl_fields =
"field AS MATERIALIZED (\n"
"  SELECT f.*,\n"
"         concat(f.field, ' ', f.type, f.collation,\n"
"                CASE f.attgenerated\n"
"                  WHEN '' THEN ' DEFAULT ' || f.value\n"
"                  WHEN 's' THEN ' GENERATED ALWAYS AS (' || f.value || ') STORED'\n"
"                  ELSE ' GENERATED ALWAYS AS (' || f.value || ')' END,\n"
"                CASE WHEN NOT f.relispartition THEN ' ' || f.identity END,\n"
"                CASE WHEN f.not_null\n"
"                       AND NOT (f.inherits AND f.not_null_local IS FALSE)\n"
"                     THEN concat(' ', f.not_null_name, 'NOT NULL',\n"
"                                 f.not_null_ending) END) AS definition\n"
"  FROM (\n"
"  SELECT r.oid, r.name, r.level, r.inherits,\n"
"         r.inherits AND NOT a.attislocal AS inherited,\n"
"         r.relkind, r.relispartition,\n"
"         a.attnum, quote_ident(a.attname) AS field,\n"
"         format_type(a.atttypid, a.atttypmod) AS type,\n"
"         CASE WHEN a.attcollation NOT IN (0, t.typcollation)\n"
"              THEN format(' COLLATE %I.%I', ln.nspname, l.collname) END AS collation,\n"
"         a.attgenerated, a.attidentity,\n"
"         pg_get_expr(e.adbin, e.adrelid) AS value,\n"
"         a.attnotnull AND coalesce(k.convalidated, true) AS not_null,\n"
"         CASE WHEN k.conname <> r.relname || '_' || a.attname || '_not_null'\n"
"              THEN format('CONSTRAINT %I ', k.conname) END AS not_null_name,\n"
"         CASE WHEN k.connoinherit THEN ' NO INHERIT' END AS not_null_ending,\n"
"         k.conislocal AS not_null_local,\n"
"         EXISTS\n"
"           (SELECT FROM pg_inherits h\n"
"            JOIN pg_attribute b\n"
"              ON b.attrelid = h.inhparent AND b.attname = a.attname\n"
"             AND b.attnotnull\n"
"            LEFT JOIN pg_constraint v\n"
"              ON v.conrelid = b.attrelid AND v.contype = 'n'\n"
"             AND v.conkey = ARRAY[b.attnum]\n"
"            WHERE h.inhrelid = r.oid AND v.convalidated IS NOT FALSE\n"
"              AND v.connoinherit IS NOT TRUE)\n"
"           AS not_null_above,\n"
"         'GENERATED ' || CASE a.attidentity WHEN 'a' THEN 'ALWAYS'\n"
"                              ELSE 'BY DEFAULT' END\n"
"           || format(' AS IDENTITY (SEQUENCE NAME %s ', s.name)\n"
"           || s.options || ')' AS identity,\n"
"         concat_ws(', ',\n"
"           CASE WHEN a.attstorage <> t.typstorage\n"
"                THEN format('ALTER COLUMN %I SET STORAGE %s', a.attname,\n"
"                            CASE a.attstorage WHEN 'p' THEN 'PLAIN'\n"
"                                 WHEN 'm' THEN 'MAIN' WHEN 'e' THEN 'EXTERNAL'\n"
"                                 ELSE 'EXTENDED' END) END,\n"
"           CASE WHEN a.attcompression IN ('p', 'l')\n"
"                THEN format('ALTER COLUMN %I SET COMPRESSION %s', a.attname,\n"
"                            CASE a.attcompression WHEN 'p' THEN 'pglz'\n"
"                                 ELSE 'lz4' END) END,\n"
"           CASE WHEN a.attstattarget >= 0\n"
"                THEN format('ALTER COLUMN %I SET STATISTICS %s', a.attname,\n"
"                            a.attstattarget) END,\n"
"           format('ALTER COLUMN %I SET (', a.attname)\n"
"             || (SELECT string_agg(o.option, ', ')\n"
"                 FROM unnest(a.attoptions) AS o(option)\n"
"                 WHERE o.option !~ '^pg_attver=') || ')') AS settings\n"
"  FROM relation r\n"
"  JOIN pg_attribute a\n"
"    ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
"  JOIN pg_type t ON t.oid = a.atttypid\n"
"  LEFT JOIN pg_collation l ON l.oid = a.attcollation\n"
"  LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace\n"
"  LEFT JOIN LATERAL\n"
"    (SELECT d.objid::regclass::text AS name,\n"
"            " SEQUENCE_OPTIONS " AS options\n"
"     FROM pg_depend d JOIN pg_sequence q ON q.seqrelid = d.objid\n"
"     WHERE a.attidentity <> '' AND d.refclassid = 'pg_class'::regclass\n"
"       AND d.refobjid = r.oid AND d.refobjsubid = a.attnum\n"
"       AND d.classid = 'pg_class'::regclass AND d.deptype = 'i') s ON true\n"
"  LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum\n"
"  LEFT JOIN pg_constraint k\n"
"    ON k.conrelid = a.attrelid AND k.contype = 'n'\n"
"   AND k.conkey = ARRAY[a.attnum]) f\n"
")\n";

/*
 * What can be granted: its access list and that of a new object.  Schema
 * public is made with USAGE for all.
 */
const char *const steep_ddl_privileges =
"privilege(subid, object, table_name, target, columns, owner, acl, usual)\n"
"  AS MATERIALIZED (\n"
"  SELECT 0, r.name, r.name, 'TABLE ' || r.name, '', r.relowner, r.relacl,\n"
"         acldefault('r', r.relowner)\n"
"  FROM relation r\n"
"  UNION ALL\n"
"  SELECT a.attnum, f.name || '.' || f.field, f.name, 'TABLE ' || f.name,\n"
"         format(' (%s)', f.field), r.relowner, a.attacl, NULL\n"
"  FROM field f\n"
"  JOIN relation r ON r.oid = f.oid\n"
"  JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = f.attnum\n"
"  WHERE a.attacl IS NOT NULL\n"
"  UNION ALL\n"
"  SELECT 0, s.name, s.owner::regclass::text, 'SEQUENCE ' || s.name, '',\n"
"         c.relowner, c.relacl, acldefault('s', c.relowner)\n"
"  FROM sequence s JOIN pg_class c ON c.oid = s.oid\n"
"  UNION ALL\n"
"  SELECT 0, t.oid::regtype::text, NULL, format('TYPE %s', t.oid::regtype), '',\n"
"         t.typowner, t.typacl, acldefault('T', t.typowner)\n"
"  FROM place p JOIN pg_type t ON t.oid = p.objid\n"
"  WHERE p.classid = 'pg_type'::regclass\n"
"  UNION ALL\n"
"  SELECT 0, quote_ident(n.nspname), NULL, format('SCHEMA %I', n.nspname), '',\n"
"         n.nspowner, n.nspacl,\n"
"         CASE WHEN n.nspname = 'public'\n"
"              THEN acldefault('n', n.nspowner)\n"
"                || makeaclitem(0, n.nspowner, 'USAGE', false)\n"
"              ELSE acldefault('n', n.nspowner) END\n"
"  FROM place p JOIN pg_namespace n ON n.oid = p.objid\n"
"  WHERE p.classid = 'pg_namespace'::regclass\n"
")\n";
