/*-------------------------------------------------------------------------
 *
 * ddl_notes.c
 *		Statements that say what objects are for, and who may use them.
 *
 * Owners are not told: whoever runs the statements owns what they create.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*----------
 * Comments.
 *
 *	COMMENT ON <object> IS <text>
 *----------
 */
const char *const steep_ddl_comments =
"SELECT 180, 0, d.objsubid, 'comment', v.object, v.table_name,\n"
"       format('COMMENT ON %s IS %L', v.target, d.description)\n"
"FROM (\n"
"  SELECT 'pg_class'::regclass, r.oid, 0, r.name, r.name, 'TABLE ' || r.name\n"
"  FROM relation r\n"
"  UNION ALL\n"
"  SELECT 'pg_class'::regclass, f.oid, f.attnum, f.name || '.' || f.field, f.name,\n"
"         format('COLUMN %s.%s', f.name, f.field)\n"
"  FROM field f\n"
"  UNION ALL\n"
"  SELECT 'pg_class'::regclass, s.oid, 0, s.name, s.owner::regclass::text,\n"
"         'SEQUENCE ' || s.name\n"
"  FROM sequence s\n"
"  UNION ALL\n"
"  SELECT 'pg_class'::regclass, x.indexrelid, 0, x.indexrelid::regclass::text,\n"
"         r.name, format('INDEX %s', x.indexrelid::regclass)\n"
"  FROM relation r JOIN pg_index x ON x.indrelid = r.oid\n"
"  UNION ALL\n"
"  SELECT 'pg_constraint'::regclass, k.oid, 0, format('%s.%I', r.name, k.conname),\n"
"         r.name, format('CONSTRAINT %I ON %s', k.conname, r.name)\n"
"  FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid\n"
"  UNION ALL\n"
"  SELECT 'pg_statistic_ext'::regclass, x.oid, 0,\n"
"         format('%I.%I', n.nspname, x.stxname), r.name,\n"
"         format('STATISTICS %I.%I', n.nspname, x.stxname)\n"
"  FROM relation r\n"
"  JOIN pg_statistic_ext x ON x.stxrelid = r.oid\n"
"  JOIN pg_namespace n ON n.oid = x.stxnamespace\n"
"  UNION ALL\n"
"  SELECT p.classid, p.objid, 0, t.oid::regtype::text, NULL,\n"
"         format('%s %s', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END,\n"
"                t.oid::regtype)\n"
"  FROM place p JOIN pg_type t ON t.oid = p.objid\n"
"  WHERE p.classid = 'pg_type'::regclass\n"
"  UNION ALL\n"
"  SELECT p.classid, p.objid, a.attnum,\n"
"         format('%s.%I', c.reltype::regtype, a.attname), NULL,\n"
"         format('COLUMN %s.%I', c.reltype::regtype, a.attname)\n"
"  FROM place p\n"
"  JOIN pg_class c ON c.oid = p.objid AND c.relkind = 'c'\n"
"  JOIN pg_attribute a ON a.attrelid = c.oid\n"
"  WHERE p.classid = 'pg_class'::regclass\n"
"  UNION ALL\n"
"  SELECT p.classid, p.objid, 0, format('%s.%I', k.contypid::regtype, k.conname), NULL,\n"
"         format('CONSTRAINT %I ON DOMAIN %s', k.conname, k.contypid::regtype)\n"
"  FROM place p JOIN pg_constraint k ON k.oid = p.objid\n"
"  WHERE p.classid = 'pg_constraint'::regclass AND k.contypid <> 0\n"
"  UNION ALL\n"
"  SELECT p.classid, p.objid, 0, quote_ident(n.nspname), NULL,\n"
"         format('SCHEMA %I', n.nspname)\n"
"  FROM place p JOIN pg_namespace n ON n.oid = p.objid\n"
"  WHERE p.classid = 'pg_namespace'::regclass AND n.nspname <> 'public'\n"
"  UNION ALL\n"
"  SELECT p.classid, p.objid, 0, format('%I.%I', n.nspname, l.collname), NULL,\n"
"         format('COLLATION %I.%I', n.nspname, l.collname)\n"
"  FROM place p\n"
"  JOIN pg_collation l ON l.oid = p.objid\n"
"  JOIN pg_namespace n ON n.oid = l.collnamespace\n"
"  WHERE p.classid = 'pg_collation'::regclass) v(classid, objid, subid, object, table_name, target)\n"
"JOIN pg_description d\n"
"  ON d.classoid = v.classid AND d.objoid = v.objid AND d.objsubid = v.subid\n";

/*----------
 * Grants to others than the owner, beyond what a new object gives everyone.
 *
 *	REVOKE ALL ON <object> FROM PUBLIC
 *	GRANT <privileges> ON <object> TO <role> [WITH GRANT OPTION]
 *----------
 */
const char *const steep_ddl_grants =
"SELECT 190, 0, 0, 'revoke', v.object, v.table_name,\n"
"       format('REVOKE ALL ON %s FROM PUBLIC', v.target)\n"
"FROM privilege v\n"
"WHERE v.acl IS NOT NULL\n"
"  AND EXISTS (SELECT FROM aclexplode(v.usual) d WHERE d.grantee = 0)\n"
"  AND NOT EXISTS (SELECT FROM aclexplode(v.acl) d WHERE d.grantee = 0)\n"
"UNION ALL\n"
"SELECT 191, 0, (v.subid * 1000 + min(e.n))::int, 'grant', v.object, v.table_name,\n"
"       format('GRANT %s ON %s TO %s%s',\n"
"              string_agg(e.privilege_type || v.columns, ', ' ORDER BY e.n),\n"
"              v.target, coalesce(quote_ident(u.rolname), 'PUBLIC'),\n"
"              CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' END)\n"
"FROM privilege v\n"
"CROSS JOIN LATERAL aclexplode(v.acl) WITH ORDINALITY\n"
"  e(grantor, grantee, privilege_type, is_grantable, n)\n"
"LEFT JOIN pg_roles u ON u.oid = e.grantee\n"
"WHERE e.grantee <> v.owner AND (e.grantee = 0 OR u.oid IS NOT NULL)\n"
"  AND NOT EXISTS\n"
"    (SELECT FROM aclexplode(v.usual) d\n"
"     WHERE d.grantee = e.grantee AND d.privilege_type = e.privilege_type)\n"
"GROUP BY v.subid, v.object, v.table_name, v.target, e.grantee, u.rolname,\n"
"         e.grantor, e.is_grantable\n";
