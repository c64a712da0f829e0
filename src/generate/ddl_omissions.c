/*-------------------------------------------------------------------------
 *
 * ddl_omissions.c
 *		What the statements for tables leave out.
 *
 * Nothing is left out in silence.  An omission is "needed" by a statement,
 * which fails where it is missing; or it belongs to a "table"; or it is
 * anything else in the "database" but tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*
 * Objects that no statement creates.  What comes with another object, such as
 * the functions of a range type, and what belongs to an extension is not told.
 * Nor is steep_repl itself.
 *
 * The planner takes what comes out of a recursion for far more than it is, and
 * would make room for that in thousands of files; of arrays it expects little.
 */
const char *const steep_ddl_omitted_objects =
"SELECT s.scope, i.type, i.identity, n.identity\n"
"FROM (\n"
"  SELECT DISTINCT 'needed', d.refclassid, d.refobjid, d.classid, d.objid\n"
"  FROM object o\n"
"  JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid\n"
"  LEFT JOIN pg_class c\n"
"    ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid\n"
"  WHERE d.deptype IN ('a', 'i', 'n') AND d.refobjid >= 16384\n"
"    AND d.refclassid NOT IN\n"
"      ('pg_constraint'::regclass, 'pg_extension'::regclass)\n"
"    AND (c.relkind IS NULL OR c.relkind IN ('f', 'm', 'p', 'r', 'v'))\n"
"    AND o.classid <> 'pg_extension'::regclass\n"
"    AND NOT EXISTS\n"
"      (SELECT FROM pg_depend x\n"
"       WHERE x.classid = o.classid AND x.objid = o.objid AND x.deptype = 'e')\n"
"  UNION ALL\n"
"  SELECT 'database', d.classid, d.objid, NULL, NULL\n"
"  FROM pg_namespace n\n"
"  JOIN pg_depend d\n"
"    ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid\n"
"  LEFT JOIN pg_class c\n"
"    ON d.classid = 'pg_class'::regclass AND c.oid = d.objid\n"
"  WHERE d.deptype = 'n' AND d.objid >= 16384\n"
"    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'\n"
"    AND (c.relkind IS NULL OR c.relkind IN ('S', 'f', 'm', 'v'))\n"
"    AND d.classid NOT IN\n"
"      ('pg_extension'::regclass, 'pg_statistic_ext'::regclass)\n"
"  UNION ALL\n"
"  SELECT 'database', g.classid, g.objid, NULL, NULL\n"
"  FROM (SELECT 'pg_cast'::regclass, oid FROM pg_cast\n"
"        UNION ALL\n"
"        SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl\n"
"        UNION ALL\n"
"        SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger\n"
"        UNION ALL\n"
"        SELECT 'pg_extension'::regclass, oid FROM pg_extension\n"
"        WHERE extname <> 'steep_repl'\n"
"        UNION ALL\n"
"        SELECT 'pg_foreign_data_wrapper'::regclass, oid\n"
"        FROM pg_foreign_data_wrapper\n"
"        UNION ALL\n"
"        SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server\n"
"        UNION ALL\n"
"        SELECT 'pg_language'::regclass, oid FROM pg_language\n"
"        UNION ALL\n"
"        SELECT 'pg_publication'::regclass, oid FROM pg_publication\n"
"        UNION ALL\n"
"        SELECT 'pg_subscription'::regclass, s.oid\n"
"        FROM pg_subscription s JOIN pg_database b ON b.oid = s.subdbid\n"
"        WHERE b.datname = current_database()) g(classid, objid)\n"
"  WHERE g.objid >= 16384) s(scope, classid, objid, by_classid, by_objid)\n"
"CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i\n"
"LEFT JOIN LATERAL pg_identify_object(s.by_classid, s.by_objid, 0) n ON true\n"
"WHERE NOT EXISTS\n"
"    (SELECT\n"
"     FROM (SELECT array_agg(classid), array_agg(objid) FROM object)\n"
"            a(classids, objids)\n"
"     CROSS JOIN LATERAL unnest(a.classids, a.objids) AS o(classid, objid)\n"
"     WHERE o.classid = s.classid AND o.objid = s.objid)\n"
"  AND NOT EXISTS\n"
"    (SELECT FROM pg_depend x\n"
"     WHERE x.classid = s.classid AND x.objid = s.objid\n"
"       AND x.deptype IN ('e', 'i') AND (x.deptype = 'e' OR s.scope = 'database'))\n";

/* Parts and properties of tables. */
const char *const steep_ddl_omitted_parts =
"SELECT 'table', i.type, i.identity, NULL\n"
"FROM (\n"
"  SELECT 'table', 'pg_class'::regclass, w.oid\n"
"  FROM wanted w\n"
"  WHERE EXISTS\n"
"    (SELECT FROM pg_depend x\n"
"     WHERE x.classid = 'pg_class'::regclass AND x.objid = w.oid\n"
"       AND x.deptype = 'e')\n"
"  UNION ALL\n"
"  SELECT 'table', 'pg_trigger'::regclass, t.oid\n"
"  FROM wanted w JOIN pg_trigger t ON t.tgrelid = w.oid\n"
"  WHERE NOT t.tgisinternal\n"
"  UNION ALL\n"
"  SELECT 'table', 'pg_rewrite'::regclass, r.oid\n"
"  FROM wanted w JOIN pg_rewrite r ON r.ev_class = w.oid\n"
"  UNION ALL\n"
"  SELECT 'table', 'pg_policy'::regclass, p.oid\n"
"  FROM wanted w JOIN pg_policy p ON p.polrelid = w.oid\n"
"  ) s(scope, classid, objid)\n"
"CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i\n"
"UNION ALL\n"
"SELECT 'table', 'row level security', r.name, NULL\n"
"FROM relation r JOIN pg_class c ON c.oid = r.oid\n"
"WHERE c.relrowsecurity OR c.relforcerowsecurity\n"
"UNION ALL\n"
"SELECT 'table', 'tablespace', quote_ident(t.spcname), r.name\n"
"FROM relation r\n"
"JOIN pg_class c ON c.oid = r.oid\n"
"JOIN pg_tablespace t ON t.oid = c.reltablespace\n"
"UNION ALL\n"
"SELECT 'table', 'security label', l.provider, r.name\n"
"FROM relation r\n"
"JOIN pg_seclabel l\n"
"  ON l.classoid = 'pg_class'::regclass AND l.objoid = r.oid\n"
"UNION ALL\n"
"SELECT 'table', 'partition being detached', h.inhrelid::regclass::text, NULL\n"
"FROM relation r JOIN pg_inherits h ON h.inhrelid = r.oid\n"
"WHERE h.inhdetachpending\n"
"UNION ALL\n"
"SELECT 'table', 'invalid index', x.indexrelid::regclass::text, r.name\n"
"FROM relation r JOIN pg_index x ON x.indrelid = r.oid\n"
"WHERE NOT x.indisvalid AND r.relkind = 'r'\n"
"UNION ALL\n"
"SELECT 'database', 'large objects', count(*)::text, NULL\n"
"FROM pg_largeobject_metadata\n"
"HAVING count(*) > 0\n";
