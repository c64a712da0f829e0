/*-------------------------------------------------------------------------
 *
 * ddl_types.c
 *		Statements that create what columns are made of.
 *
 * Schemas, extensions, collations, types and sequences.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/ddl_parts.h"

/*----------
 * Schemas, extensions and collations.
 *
 *	CREATE SCHEMA IF NOT EXISTS <schema>
 *	CREATE EXTENSION IF NOT EXISTS <extension> WITH SCHEMA <schema>
 *	CREATE COLLATION <collation> (PROVIDER = <provider>, ...)
 *
 * The columns of pg_collation have got other names over time.
 *----------
 */
const char *const steep_ddl_make_schemas =
"SELECT 10, p.level, 0, 'schema', quote_ident(n.nspname), NULL,\n"
"       format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname)\n"
"FROM place p JOIN pg_namespace n ON n.oid = p.objid\n"
"WHERE p.classid = 'pg_namespace'::regclass AND n.nspname <> 'public'\n"
"UNION ALL\n"
"SELECT 20, p.level, 0, 'extension', quote_ident(x.extname), NULL,\n"
"       format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', x.extname,\n"
"              n.nspname)\n"
"FROM place p\n"
"JOIN pg_extension x ON x.oid = p.objid\n"
"JOIN pg_namespace n ON n.oid = x.extnamespace\n"
"WHERE p.classid = 'pg_extension'::regclass\n"
"UNION ALL\n"
"SELECT 30, p.level, 0, 'collation', format('%I.%I', n.nspname, l.collname), NULL,\n"
"       format('CREATE COLLATION %I.%I (%s)', n.nspname, l.collname,\n"
"              concat_ws(', ',\n"
"                format('PROVIDER = %s',\n"
"                       CASE l.collprovider WHEN 'i' THEN 'icu'\n"
"                            WHEN 'b' THEN 'builtin' ELSE 'libc' END),\n"
"                CASE WHEN NOT l.collisdeterministic\n"
"                     THEN 'DETERMINISTIC = false' END,\n"
"                (SELECT string_agg(format('%s = %L', o.name, o.value), ', ')\n"
"                 FROM (VALUES ('LOCALE', coalesce(f.facts ->> 'colllocale',\n"
"                                                  f.facts ->> 'colliculocale')),\n"
"                              ('LC_COLLATE', l.collcollate::text),\n"
"                              ('LC_CTYPE', l.collctype::text),\n"
"                              ('RULES', f.facts ->> 'collicurules'))\n"
"                   AS o(name, value)\n"
"                 WHERE o.value IS NOT NULL)))\n"
"FROM place p\n"
"JOIN pg_collation l ON l.oid = p.objid\n"
"JOIN pg_namespace n ON n.oid = l.collnamespace\n"
"CROSS JOIN LATERAL (SELECT to_jsonb(l)) f(facts)\n"
"WHERE p.classid = 'pg_collation'::regclass\n";

/*----------
 * Types of users.
 *
 *	CREATE TYPE <type> AS ENUM (<labels>)
 *	CREATE DOMAIN <domain> AS <type> COLLATE ... DEFAULT ... NOT NULL CHECK ...
 *	CREATE TYPE <type> AS (<columns>)
 *	CREATE TYPE <type> AS RANGE (SUBTYPE = <type>, ...)
 *
 * A check that is not valid yet comes later.
 *----------
 */
const char *const steep_ddl_make_types =
"SELECT 40, p.level, 0, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,\n"
"       t.oid::regtype::text, NULL,\n"
"       CASE t.typtype\n"
"         WHEN 'e' THEN\n"
"           format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,\n"
"             (SELECT string_agg(format('%L', e.enumlabel), ', '\n"
"                                ORDER BY e.enumsortorder)\n"
"              FROM pg_enum e WHERE e.enumtypid = t.oid))\n"
"         WHEN 'd' THEN\n"
"           format('CREATE DOMAIN %s AS %s', t.oid::regtype,\n"
"             concat_ws(' ',\n"
"               format_type(t.typbasetype, t.typtypmod),\n"
"               (SELECT format('COLLATE %I.%I', n.nspname, l.collname)\n"
"                FROM pg_type b, pg_collation l\n"
"                JOIN pg_namespace n ON n.oid = l.collnamespace\n"
"                WHERE b.oid = t.typbasetype AND l.oid = t.typcollation\n"
"                  AND b.typcollation <> t.typcollation),\n"
"               'DEFAULT ' || pg_get_expr(t.typdefaultbin, 0),\n"
"               (SELECT format('CONSTRAINT %I', k.conname)\n"
"                FROM pg_constraint k\n"
"                WHERE k.contypid = t.oid AND k.contype = 'n'\n"
"                  AND k.conname <> t.typname || '_not_null'),\n"
"               CASE WHEN t.typnotnull THEN 'NOT NULL' END,\n"
"               (SELECT string_agg(format('CONSTRAINT %I %s', k.conname,\n"
"                                         pg_get_constraintdef(k.oid)), ' '\n"
"                                  ORDER BY k.conname COLLATE \"C\")\n"
"                FROM pg_constraint k\n"
"                WHERE k.contypid = t.oid AND k.contype = 'c'\n"
"                  AND k.convalidated)))\n"
"         WHEN 'c' THEN\n"
"           format('CREATE TYPE %s AS (%s)', t.oid::regtype,\n"
"             (SELECT string_agg(\n"
"                format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),\n"
"                       CASE WHEN a.attcollation <> b.typcollation\n"
"                            THEN format(' COLLATE %I.%I', n.nspname, l.collname) END),\n"
"                ', ' ORDER BY a.attnum)\n"
"              FROM pg_attribute a\n"
"              JOIN pg_type b ON b.oid = a.atttypid\n"
"              LEFT JOIN pg_collation l ON l.oid = a.attcollation\n"
"              LEFT JOIN pg_namespace n ON n.oid = l.collnamespace\n"
"              WHERE a.attrelid = t.typrelid AND a.attnum > 0\n"
"                AND NOT a.attisdropped))\n"
"         ELSE\n"
"           (SELECT format('CREATE TYPE %s AS RANGE (%s)', t.oid::regtype,\n"
"              concat_ws(', ',\n"
"                format('SUBTYPE = %s', format_type(g.rngsubtype, -1)),\n"
"                format('SUBTYPE_OPCLASS = %I.%I', cn.nspname, c.opcname),\n"
"                CASE WHEN g.rngcollation NOT IN (0, b.typcollation)\n"
"                     THEN format('COLLATION = %I.%I', ln.nspname, l.collname) END,\n"
"                CASE WHEN g.rngcanonical <> 0\n"
"                     THEN format('CANONICAL = %s', g.rngcanonical) END,\n"
"                CASE WHEN g.rngsubdiff <> 0\n"
"                     THEN format('SUBTYPE_DIFF = %s', g.rngsubdiff) END,\n"
"                format('MULTIRANGE_TYPE_NAME = %s', g.rngmultitypid::regtype)))\n"
"            FROM pg_range g\n"
"            JOIN pg_type b ON b.oid = g.rngsubtype\n"
"            JOIN pg_opclass c ON c.oid = g.rngsubopc\n"
"            JOIN pg_namespace cn ON cn.oid = c.opcnamespace\n"
"            LEFT JOIN pg_collation l ON l.oid = g.rngcollation\n"
"            LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace\n"
"            WHERE g.rngtypid = t.oid)\n"
"       END\n"
"FROM place p\n"
"JOIN pg_type t ON t.oid = p.objid\n"
"LEFT JOIN pg_class c ON c.oid = t.typrelid\n"
"WHERE p.classid = 'pg_type'::regclass\n"
"  AND (t.typtype IN ('d', 'e', 'r') OR c.relkind = 'c')\n";

/*----------
 * Sequences, but for those of identity columns.
 *
 *	CREATE SEQUENCE <sequence> AS <type> START WITH ...
 *----------
 */
const char *const steep_ddl_make_sequences =
"SELECT 40, s.level, 0, 'sequence', s.name, NULL,\n"
"       format('CREATE %sSEQUENCE %s AS %s %s',\n"
"              CASE WHEN s.relpersistence = 'u' THEN 'UNLOGGED ' END, s.name,\n"
"              format_type(s.seqtypid, -1), s.options)\n"
"FROM sequence s\n"
"WHERE NOT s.identity\n";
