/*-------------------------------------------------------------------------
 *
 * ddl_objects.c
 *		What the tables stand on, and in which order it can be created.
 *
 * The server notes in pg_depend what each object stands on.  From the tables
 * and their parts we follow it to schemas, extensions, collations, types and
 * sequences; what else there is, such as functions, is for ddl_omissions.c.
 * An object of an extension stands for the extension.  What initdb made, with
 * an oid below 16384, is on every node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*
 * The tables named in $1 and their partitions, and the parts they bring:
 * defaults, constraints, indexes, statistics objects, their own sequences.
 *
 * Read from pg_class, since the planner knows how many that has at most, while
 * it takes each table to have a thousand partitions.
 */
const char *const steep_ddl_tables =
"WITH RECURSIVE wanted(oid) AS MATERIALIZED (\n"
"  SELECT c.oid\n"
"  FROM pg_class c\n"
"  WHERE c.relkind IN ('r', 'p') AND c.oid IN\n"
"    (SELECT n.name::regclass::oid\n"
"     FROM unnest($1) AS n(name)\n"
"     UNION\n"
"     SELECT p.relid\n"
"     FROM unnest($1) AS n(name)\n"
"     CROSS JOIN LATERAL pg_partition_tree(n.name::regclass) p)\n"
"), seed(classid, objid) AS MATERIALIZED (\n"
"  SELECT 'pg_class'::regclass::oid, w.oid FROM wanted w\n"
"  UNION ALL\n"
"  SELECT 'pg_attrdef'::regclass, e.oid\n"
"  FROM wanted w JOIN pg_attrdef e ON e.adrelid = w.oid\n"
"  UNION ALL\n"
"  SELECT 'pg_constraint'::regclass, k.oid\n"
"  FROM wanted w JOIN pg_constraint k ON k.conrelid = w.oid\n"
"  WHERE k.contype IN ('c', 'p', 'u', 'x')\n"
"     OR k.contype = 'f' AND k.conparentid = 0\n"
"  UNION ALL\n"
"  SELECT 'pg_class'::regclass, i.indexrelid\n"
"  FROM wanted w JOIN pg_index i ON i.indrelid = w.oid\n"
"  UNION ALL\n"
"  SELECT 'pg_statistic_ext'::regclass, x.oid\n"
"  FROM wanted w JOIN pg_statistic_ext x ON x.stxrelid = w.oid\n"
"  UNION ALL\n"
"  SELECT d.classid, d.objid\n"
"  FROM wanted w\n"
"  JOIN pg_depend d\n"
"    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = w.oid\n"
"   AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')\n"
"  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'\n"
")\n";

/* The column $2 of the table $1, and what it brings. */
const char *const steep_ddl_column =
"WITH RECURSIVE wanted(oid, attnum) AS MATERIALIZED (\n"
"  SELECT a.attrelid, a.attnum\n"
"  FROM pg_attribute a\n"
"  WHERE a.attrelid = $1::regclass AND a.attname = $2 AND a.attnum > 0\n"
"    AND NOT a.attisdropped\n"
"), seed(classid, objid) AS MATERIALIZED (\n"
"  SELECT 'pg_type'::regclass::oid, a.atttypid\n"
"  FROM wanted w\n"
"  JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = w.attnum\n"
"  WHERE a.atttypid >= 16384\n"
"  UNION ALL\n"
"  SELECT 'pg_collation'::regclass, a.attcollation\n"
"  FROM wanted w\n"
"  JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = w.attnum\n"
"  WHERE a.attcollation >= 16384\n"
"  UNION ALL\n"
"  SELECT 'pg_attrdef'::regclass, e.oid\n"
"  FROM wanted w\n"
"  JOIN pg_attrdef e ON e.adrelid = w.oid AND e.adnum = w.attnum\n"
")\n";

/*
 * All that these stand on, step by step.  A table is not followed to another:
 * it is named, or is missed by ddl_omissions.c.  A domain brings its checks,
 * a composite type the relation that has its columns.
 */
const char *const steep_ddl_objects =
"object(classid, objid) AS (\n"
"  SELECT s.classid, s.objid FROM seed s\n"
"  UNION\n"
"  SELECT r.classid, r.objid\n"
"  FROM object o\n"
"  CROSS JOIN LATERAL\n"
"    (SELECT coalesce(x.refclassid, d.refclassid),\n"
"            coalesce(x.refobjid, d.refobjid)\n"
"     FROM pg_depend d\n"
"     LEFT JOIN pg_depend x\n"
"       ON x.classid = d.refclassid AND x.objid = d.refobjid\n"
"      AND x.deptype = 'e'\n"
"     LEFT JOIN pg_class c\n"
"       ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid\n"
"     LEFT JOIN pg_type t\n"
"       ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid\n"
"     WHERE d.classid = o.classid AND d.objid = o.objid\n"
"       AND d.deptype IN ('a', 'e', 'i', 'n')\n"
"       AND (d.refobjid >= 16384 OR x.refobjid IS NOT NULL\n"
"            OR d.refclassid = 'pg_extension'::regclass\n"
"            OR d.refobjid = 'public'::regnamespace)\n"
"       AND (x.refobjid IS NOT NULL\n"
"            OR c.relkind IN ('S', 'c')\n"
"            OR t.typtype <> 'b'\n"
"            OR t.typsubscript = 'array_subscript_handler'::regproc\n"
"            OR d.refclassid IN\n"
"              ('pg_extension'::regclass, 'pg_namespace'::regclass,\n"
"               'pg_collation'::regclass))\n"
"     UNION ALL\n"
"     SELECT 'pg_constraint'::regclass, k.oid\n"
"     FROM pg_constraint k\n"
"     WHERE o.classid = 'pg_type'::regclass AND k.contypid = o.objid\n"
"       AND k.contype = 'c'\n"
"     UNION ALL\n"
"     SELECT 'pg_class'::regclass, c.oid\n"
"     FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid\n"
"     WHERE o.classid = 'pg_type'::regclass AND t.oid = o.objid\n"
"       AND c.relkind = 'c') AS r(classid, objid)\n"
")\n";

/*
 * The order of creation: a level is beyond that of all it stands on.  A table
 * stands on its defaults, but these not on the table, of which they use other
 * columns; a sequence on nothing, for it is given to its column afterwards.
 * Constraints and indexes of tables come after all that.
 */
const char *const steep_ddl_order =
"edge(classid, objid, refclassid, refobjid) AS MATERIALIZED (\n"
"  SELECT d.classid, d.objid, d.refclassid, d.refobjid\n"
"  FROM object o\n"
"  JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid\n"
"  LEFT JOIN pg_class c\n"
"    ON d.classid = 'pg_class'::regclass AND c.oid = d.objid\n"
"  LEFT JOIN pg_attrdef e\n"
"    ON d.classid = 'pg_attrdef'::regclass AND e.oid = d.objid\n"
"  LEFT JOIN pg_constraint k\n"
"    ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid\n"
"  WHERE d.deptype IN ('a', 'i', 'n') AND d.objid <> d.refobjid\n"
"    AND (d.classid IN ('pg_type'::regclass, 'pg_extension'::regclass)\n"
"         OR c.relkind IN ('r', 'p')\n"
"         OR c.relkind = 'c' AND d.deptype = 'n'\n"
"         OR e.adrelid <> d.refobjid\n"
"         OR k.contypid <> 0 AND k.contypid <> d.refobjid)\n"
"  UNION\n"
"  SELECT 'pg_class'::regclass, e.adrelid, o.classid, o.objid\n"
"  FROM object o JOIN pg_attrdef e ON e.oid = o.objid\n"
"  WHERE o.classid = 'pg_attrdef'::regclass\n"
"  UNION\n"
"  SELECT 'pg_type'::regclass, k.contypid, o.classid, o.objid\n"
"  FROM object o JOIN pg_constraint k ON k.oid = o.objid\n"
"  WHERE o.classid = 'pg_constraint'::regclass AND k.contypid <> 0\n"
"  UNION\n"
"  SELECT 'pg_type'::regclass, c.reltype, o.classid, o.objid\n"
"  FROM object o JOIN pg_class c ON c.oid = o.objid\n"
"  WHERE o.classid = 'pg_class'::regclass AND c.relkind = 'c'\n"
"), step(classid, objid, level) AS (\n"
"  SELECT o.classid, o.objid, 0 FROM object o\n"
"  UNION\n"
"  SELECT e.classid, e.objid, s.level + 1\n"
"  FROM step s\n"
"  JOIN edge e ON e.refclassid = s.classid AND e.refobjid = s.objid\n"
"  WHERE s.level < 1000\n"
"), place(classid, objid, level) AS MATERIALIZED (\n"
"  SELECT s.classid, s.objid, max(s.level)\n"
"  FROM step s\n"
"  JOIN object o ON o.classid = s.classid AND o.objid = s.objid\n"
"  WHERE NOT EXISTS\n"
"    (SELECT FROM pg_depend x\n"
"     WHERE x.classid = s.classid AND x.objid = s.objid AND x.deptype = 'e')\n"
"  GROUP BY s.classid, s.objid\n"
")\n";
