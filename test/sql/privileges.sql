-- Nothing that steep_repl installs is open to PUBLIC, lacks a comment, or
-- looks names up in a search_path that its caller chose.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;

CREATE VIEW members AS
    SELECT classid, objid, pg_describe_object(classid, objid, 0) AS object
    FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'steep_repl')
        AND deptype = 'e';

-- There is something to look at.
SELECT object FROM members WHERE classid = 'pg_namespace'::regclass;

-- Rights of PUBLIC; no row expected.
SELECT m.object, a.privilege_type
FROM members m
    JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid,
    aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
WHERE a.grantee = 0
UNION ALL
SELECT m.object, a.privilege_type
FROM members m
    JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid,
    aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE a.grantee = 0
UNION ALL
SELECT m.object, a.privilege_type
FROM members m
    JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid,
    aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
WHERE a.grantee = 0
ORDER BY 1, 2;

-- Schemas, functions, tables, views and types of their own without a comment;
-- no row expected.
SELECT m.object
FROM members m
    LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
WHERE obj_description(m.objid, (SELECT relname FROM pg_class WHERE oid = m.classid)) IS NULL
    AND (m.classid IN ('pg_namespace'::regclass, 'pg_proc'::regclass)
        OR c.relkind IN ('r', 'p', 'v', 'm')
        OR t.typtype IN ('d', 'e'))
ORDER BY 1;

-- Functions with their owner's rights, or whose text is parsed at each call,
-- that do not pin their search_path; no row expected.
SELECT m.object
FROM members m
    JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
    JOIN pg_language l ON l.oid = p.prolang
WHERE (p.prosecdef OR l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL)
    AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
ORDER BY 1;

DROP VIEW members;
