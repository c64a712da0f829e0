/*-------------------------------------------------------------------------
 *
 * schema_facts_sql.c
 *		What tables are, as rows that can be hashed or compared.
 *
 * A fact is a row of kind, label, source and the fields f1 to f7.  Its fields
 * say all that counts, by name and never by OID, so that two nodes that have
 * the same table have the same facts; label and the rest are for people:
 *
 *	kind		f1		f2		f3		f4		f5		f6		f7
 *	column		name	type	null?	default	identity generated collation
 *	constraint	kind	columns	classes	expression predicate flags operators
 *	  foreign	'f'		columns	table	columns	actions	flags	set columns
 *	index		method	columns	classes	expression predicate flags
 *	table		kind	key		bound	parents
 *	type		name	kind	base	not null default members collation
 *	collation	name	provider locale	collate	ctype	determ.	rules
 *
 * Stock SQL for the catalogs of every supported release, under the pinned
 * search_path, which makes all names in expressions qualified.  Catalogs are
 * read as wholes and joined by hash: pg_get_constraintdef() and
 * pg_get_indexdef() take longer for a thousand tables than all of this.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/schema_facts_sql.h"

/*
 * The tables, users' own.  What an extension has made is the extension's to
 * change.  Who may read none of a table's columns may not see it.
 */
#define TABLES \
	"WITH RECURSIVE tables AS MATERIALIZED\n" \
	"  (SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpartbound,\n" \
	"          has_schema_privilege(n.oid, 'USAGE')\n" \
	"            AND has_any_column_privilege(c.oid, 'SELECT')\n" \
	"            OR pg_has_role(c.relowner, 'USAGE') AS visible\n" \
	"   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n" \
	"   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'\n" \
	"     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')\n" \
	"     AND NOT EXISTS\n" \
	"       (SELECT FROM pg_depend d\n" \
	"        WHERE d.refclassid = 'pg_extension'::regclass\n" \
	"          AND d.classid = 'pg_class'::regclass AND d.objid = c.oid\n" \
	"          AND d.deptype = 'e')"

/* Columns by number; foreign keys may point to tables that are not ours. */
#define NAMES \
	"),\n" \
	"names AS MATERIALIZED\n" \
	"  (SELECT a.attrelid,\n" \
	"          array_agg(a.attname::text ORDER BY a.attnum) AS names,\n" \
	"          array_agg(a.attcollation ORDER BY a.attnum) AS collations\n" \
	"   FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid\n" \
	"   WHERE c.relkind IN ('r', 'p') AND a.attnum > 0\n" \
	"     AND c.relnamespace <> 'pg_catalog'::regnamespace\n" \
	"   GROUP BY a.attrelid),\n"

/*
 * A collation counts if it is not that of the type.  From release 18 on a
 * NOT NULL is a constraint that may be not yet valid, or not inherited.
 */
#define COLUMNS \
	"columns AS MATERIALIZED\n" \
	"  (SELECT t.oid AS relid, a.attname, a.attnum, a.atttypid, a.atttypmod,\n" \
	"          a.attcollation, a.attidentity, a.attgenerated,\n" \
	"          CASE WHEN a.attnotnull THEN concat_ws(' ', 'NOT NULL',\n" \
	"            CASE WHEN v.connoinherit THEN 'NO INHERIT' END,\n" \
	"            CASE WHEN NOT v.convalidated THEN 'NOT VALID' END) END AS not_null,\n" \
	"          pg_get_expr(d.adbin, d.adrelid) AS expression,\n" \
	"          CASE WHEN a.attcollation <> y.typcollation\n" \
	"               THEN format('%I.%I', ls.nspname, l.collname) END AS coll\n" \
	"   FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid\n" \
	"   JOIN pg_type y ON y.oid = a.atttypid\n" \
	"   LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n" \
	"   LEFT JOIN pg_collation l ON l.oid = a.attcollation\n" \
	"   LEFT JOIN pg_namespace ls ON ls.oid = l.collnamespace\n" \
	"   LEFT JOIN pg_constraint v ON v.conrelid = a.attrelid\n" \
	"     AND v.contype = 'n' AND v.conkey[1] = a.attnum\n" \
	"     AND (v.connoinherit OR NOT v.convalidated)\n" \
	"   WHERE a.attnum > 0 AND NOT a.attisdropped),\n"

/*
 * Storage parameters, and the names of indexes, do not count; neither does
 * what follows from the type and the collation of a column.
 */
#define INDEXES \
	"elements AS MATERIALIZED\n" \
	"  (SELECT i.indexrelid,\n" \
	"          array_agg(n.names[e.attnum] ORDER BY e.n)::text AS columns,\n" \
	"          array_agg(concat(\n" \
	"              CASE WHEN NOT o.opcdefault THEN\n" \
	"                quote_ident(os.nspname) || '.' || quote_ident(o.opcname) END,\n" \
	"              ' ', CASE WHEN e.coll IS DISTINCT FROM n.collations[e.attnum] THEN\n" \
	"                quote_ident(ls.nspname) || '.' || quote_ident(l.collname) END,\n" \
	"              ' ', e.option)\n" \
	"            ORDER BY e.n)::text AS classes\n" \
	"   FROM tables t JOIN pg_index i ON i.indrelid = t.oid\n" \
	"   JOIN names n ON n.attrelid = t.oid\n" \
	"   CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[],\n" \
	"                             i.indcollation::oid[], i.indoption::int2[])\n" \
	"     WITH ORDINALITY AS e(attnum, class, coll, option, n)\n" \
	"   LEFT JOIN pg_opclass o ON o.oid = e.class\n" \
	"   LEFT JOIN pg_namespace os ON os.oid = o.opcnamespace\n" \
	"   LEFT JOIN pg_collation l ON l.oid = e.coll\n" \
	"   LEFT JOIN pg_namespace ls ON ls.oid = l.collnamespace\n" \
	"   GROUP BY i.indexrelid),\n" \
	"indexes AS MATERIALIZED\n" \
	"  (SELECT i.indrelid AS relid, i.indexrelid, x.relname, m.amname,\n" \
	"          e.columns, e.classes,\n" \
	"          pg_get_expr(i.indexprs, i.indrelid) AS expressions,\n" \
	"          pg_get_expr(i.indpred, i.indrelid) AS predicate,\n" \
	"          concat_ws(' ', i.indnkeyatts,\n" \
	"            CASE WHEN i.indisunique THEN 'unique' END,\n" \
	"            CASE WHEN i.indnullsnotdistinct THEN 'nulls not distinct' END,\n" \
	"            CASE WHEN NOT i.indisvalid THEN 'invalid' END) AS flags\n" \
	"   FROM elements e JOIN pg_index i ON i.indexrelid = e.indexrelid\n" \
	"   JOIN pg_class x ON x.oid = i.indexrelid\n" \
	"   JOIN pg_am m ON m.oid = x.relam),\n"

/*
 * A catalog of before release 18 lacks conenforced and conperiod: there these
 * names mean the columns of "older", as the lateral subquery has none such.
 *
 * What a foreign key has to check on each partition of the table it points to
 * is no constraint of its own.
 */
#define CONSTRAINTS \
	"constraints AS MATERIALIZED\n" \
	"  (SELECT k.conrelid AS relid, k.oid, k.conindid, k.conname, k.contype,\n" \
	"          CASE WHEN k.contype = 'f' THEN\n" \
	"            (SELECT array_agg(n.names[u]) FROM unnest(k.conkey) u)::text END AS columns,\n" \
	"          CASE WHEN k.contype = 'f' THEN\n" \
	"            (SELECT array_agg(fn.names[u]) FROM unnest(k.confkey) u)::text END AS referenced,\n" \
	"          CASE WHEN k.contype = 'f' THEN\n" \
	"            (SELECT array_agg(n.names[u]) FROM unnest(k.confdelsetcols) u)::text END AS set_columns,\n" \
	"          CASE WHEN k.contype = 'x' THEN\n" \
	"            (SELECT array_agg(format('%I.%s', s.nspname, o.oprname) ORDER BY u.n)\n" \
	"             FROM unnest(k.conexclop) WITH ORDINALITY AS u(oid, n)\n" \
	"             JOIN pg_operator o ON o.oid = u.oid\n" \
	"             JOIN pg_namespace s ON s.oid = o.oprnamespace)::text END AS operators,\n" \
	"          quote_ident(fs.nspname) || '.' || quote_ident(f.relname) AS target,\n" \
	"          concat(k.confmatchtype, k.confupdtype, k.confdeltype) AS actions,\n" \
	"          pg_get_expr(k.conbin, k.conrelid) AS expression,\n" \
	"          concat_ws(' ', CASE WHEN k.condeferrable THEN 'deferrable' END,\n" \
	"            CASE WHEN k.condeferred THEN 'deferred' END,\n" \
	"            CASE WHEN NOT k.convalidated THEN 'not valid' END,\n" \
	"            CASE WHEN NOT k.enforced THEN 'not enforced' END,\n" \
	"            CASE WHEN k.period THEN 'period' END,\n" \
	"            CASE WHEN k.contype = 'c' AND k.connoinherit THEN 'no inherit' END)\n" \
	"            AS flags\n" \
	"   FROM (VALUES (true, false)) AS older(conenforced, conperiod)\n" \
	"   CROSS JOIN LATERAL\n" \
	"     (SELECT c.*, conenforced AS enforced, conperiod AS period\n" \
	"      FROM pg_constraint c) k\n" \
	"   JOIN tables t ON t.oid = k.conrelid\n" \
	"   JOIN names n ON n.attrelid = t.oid\n" \
	"   LEFT JOIN names fn ON fn.attrelid = k.confrelid\n" \
	"   LEFT JOIN pg_class f ON f.oid = k.confrelid\n" \
	"   LEFT JOIN pg_namespace fs ON fs.oid = f.relnamespace\n" \
	"   LEFT JOIN pg_constraint r ON r.oid = k.conparentid\n" \
	"   WHERE k.contype IN ('p', 'u', 'x', 'c', 'f')\n" \
	"     AND (r.oid IS NULL OR r.confrelid = k.confrelid)),\n"

/*
 * The types of users that the columns lead to: through arrays, domains,
 * fields and ranges.  OIDs from 16384 on are of objects that are not built in.
 */
#define TYPES(more_roots) \
	"roots AS MATERIALIZED\n" \
	"  (SELECT DISTINCT relid, atttypid AS root FROM columns\n" \
	"   WHERE atttypid >= 16384" more_roots "),\n" \
	"reached AS\n" \
	"  (SELECT root, root AS oid FROM roots\n" \
	"   UNION\n" \
	"   SELECT r.root, x.oid\n" \
	"   FROM reached r JOIN pg_type y ON y.oid = r.oid\n" \
	"   CROSS JOIN LATERAL\n" \
	"     (SELECT y.typelem\n" \
	"      UNION ALL SELECT y.typbasetype\n" \
	"      UNION ALL SELECT a.atttypid FROM pg_attribute a\n" \
	"        WHERE a.attrelid = y.typrelid AND a.attnum > 0\n" \
	"      UNION ALL SELECT u.oid FROM pg_range g\n" \
	"        CROSS JOIN LATERAL (VALUES (g.rngtypid), (g.rngsubtype)) AS u(oid)\n" \
	"        WHERE y.oid IN (g.rngtypid, g.rngmultitypid)) AS x(oid)\n" \
	"   WHERE x.oid >= 16384),\n" \
	"types AS MATERIALIZED\n" \
	"  (SELECT y.oid, format_type(y.oid, -1) AS name, y.typtype, y.typnotnull,\n" \
	"          format_type(coalesce(g.rngsubtype, nullif(y.typbasetype, 0)),\n" \
	"                      y.typtypmod) AS base,\n" \
	"          pg_get_expr(y.typdefaultbin, 0) AS expression,\n" \
	"          CASE y.typtype\n" \
	"            WHEN 'e' THEN\n" \
	"              (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)\n" \
	"               FROM pg_enum e WHERE e.enumtypid = y.oid)\n" \
	"            WHEN 'd' THEN\n" \
	"              (SELECT array_agg(d.definition ORDER BY d.definition COLLATE \"C\")\n" \
	"               FROM pg_constraint k\n" \
	"               CROSS JOIN LATERAL pg_get_constraintdef(k.oid) AS d(definition)\n" \
	"               WHERE k.contypid = y.oid AND k.contype = 'c')\n" \
	"            WHEN 'c' THEN\n" \
	"              (SELECT array_agg(concat_ws(' ', format('%I', a.attname),\n" \
	"                        format_type(a.atttypid, a.atttypmod),\n" \
	"                        'COLLATE ' || CASE WHEN a.attcollation <> b.typcollation\n" \
	"                        THEN format('%I.%I', s.nspname, l.collname) END)\n" \
	"                      ORDER BY a.attnum)\n" \
	"               FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid\n" \
	"               LEFT JOIN pg_collation l ON l.oid = a.attcollation\n" \
	"               LEFT JOIN pg_namespace s ON s.oid = l.collnamespace\n" \
	"               WHERE a.attrelid = y.typrelid AND a.attnum > 0\n" \
	"                 AND NOT a.attisdropped)\n" \
	"            WHEN 'r' THEN\n" \
	"              ARRAY(SELECT concat_ws(' = ', p.name, p.value)\n" \
	"                    FROM (VALUES\n" \
	"                      (1, 'subtype', format_type(g.rngsubtype, -1)),\n" \
	"                      (2, 'subtype_opclass', format('%I.%I', os.nspname, o.opcname)),\n" \
	"                      (3, 'collation', CASE WHEN g.rngcollation <> 0\n" \
	"                        THEN format('%I.%I', ls.nspname, l.collname) END),\n" \
	"                      (4, 'canonical', nullif(g.rngcanonical, 0)::regproc::text),\n" \
	"                      (5, 'subtype_diff', nullif(g.rngsubdiff, 0)::regproc::text),\n" \
	"                      (6, 'multirange_type_name', format_type(g.rngmultitypid, -1)))\n" \
	"                      AS p(n, name, value)\n" \
	"                    WHERE p.value IS NOT NULL ORDER BY p.n)\n" \
	"          END::text AS members,\n" \
	"          CASE WHEN y.typtype = 'd' AND y.typcollation <> b.typcollation\n" \
	"               THEN format('%I.%I', ls.nspname, l.collname) END AS coll\n" \
	"   FROM pg_type y\n" \
	"   LEFT JOIN pg_range g ON g.rngtypid = y.oid\n" \
	"   LEFT JOIN pg_type b ON b.oid = y.typbasetype\n" \
	"   LEFT JOIN pg_opclass o ON o.oid = g.rngsubopc\n" \
	"   LEFT JOIN pg_namespace os ON os.oid = o.opcnamespace\n" \
	"   LEFT JOIN pg_collation l ON l.oid = coalesce(g.rngcollation, y.typcollation)\n" \
	"   LEFT JOIN pg_namespace ls ON ls.oid = l.collnamespace\n" \
	"   WHERE y.typtype IN ('e', 'd', 'c', 'r')\n" \
	"     AND y.oid IN (SELECT oid FROM reached)),\n"

/* The collations of users; what they are called differs between releases. */
#define COLLATIONS \
	"collations AS\n" \
	"  (SELECT DISTINCT u.relid, l.oid, format('%I.%I', s.nspname, l.collname) AS name,\n" \
	"          j.facts ->> 'collprovider' AS provider,\n" \
	"          coalesce(j.facts ->> 'colllocale', j.facts ->> 'colliculocale') AS locale,\n" \
	"          j.facts ->> 'collcollate' AS collcollate,\n" \
	"          j.facts ->> 'collctype' AS ctype,\n" \
	"          j.facts ->> 'collicurules' AS rules, l.collisdeterministic\n" \
	"   FROM (SELECT relid, attcollation AS oid FROM columns\n" \
	"         UNION ALL\n" \
	"         SELECT t.oid, l.oid\n" \
	"         FROM pg_collation l JOIN pg_index i ON l.oid = ANY (i.indcollation)\n" \
	"         JOIN tables t ON t.oid = i.indrelid\n" \
	"         WHERE l.oid >= 16384) u\n" \
	"   JOIN pg_collation l ON l.oid = u.oid\n" \
	"   JOIN pg_namespace s ON s.oid = l.collnamespace\n" \
	"   CROSS JOIN LATERAL to_jsonb(l) AS j(facts)\n" \
	"   WHERE l.oid >= 16384),\n"

/* All of it; "place" and "source" put it in an order that can be created. */
#define FACTS \
	"facts(relid, kind, label, place, source, f1, f2, f3, f4, f5, f6, f7) AS\n" \
	"  (SELECT relid, 'collation', name, 1, oid::int8, name, provider, locale,\n" \
	"          collcollate, ctype, collisdeterministic::text, rules\n" \
	"   FROM collations\n" \
	"   UNION ALL\n" \
	"   SELECT DISTINCT o.relid, 'type', y.name, 2, y.oid::int8, y.name,\n" \
	"          y.typtype::text, y.base, y.typnotnull::text, y.expression,\n" \
	"          y.members, y.coll\n" \
	"   FROM roots o JOIN reached r ON r.root = o.root\n" \
	"   JOIN types y ON y.oid = r.oid\n" \
	"   UNION ALL\n" \
	"   SELECT t.oid, 'table', NULL, 3, t.oid::int8, t.relkind::text,\n" \
	"          CASE WHEN t.relkind = 'p' THEN pg_get_partkeydef(t.oid) END,\n" \
	"          pg_get_expr(t.relpartbound, t.oid), p.parents, NULL, NULL, NULL\n" \
	"   FROM tables t LEFT JOIN\n" \
	"     (SELECT h.inhrelid, array_agg(format('%I.%I', s.nspname, c.relname)\n" \
	"                                   ORDER BY h.inhseqno)::text AS parents\n" \
	"      FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent\n" \
	"      JOIN pg_namespace s ON s.oid = c.relnamespace\n" \
	"      GROUP BY h.inhrelid) p ON p.inhrelid = t.oid\n" \
	"   UNION ALL\n" \
	"   SELECT relid, 'column', attname, 4, attnum, attname,\n" \
	"          format_type(atttypid, atttypmod), not_null,\n" \
	"          CASE WHEN attgenerated = '' THEN expression END,\n" \
	"          nullif(attidentity, '')::text,\n" \
	"          CASE WHEN attgenerated <> '' THEN concat(attgenerated, expression) END,\n" \
	"          coll\n" \
	"   FROM columns\n" \
	"   UNION ALL\n" \
	"   SELECT k.relid, 'constraint', k.conname,\n" \
	"          4 + strpos('puxcf', k.contype::text), k.oid::int8,\n" \
	"          k.contype::text, coalesce(i.columns, k.columns),\n" \
	"          coalesce(i.classes, k.target),\n" \
	"          coalesce(i.expressions, k.expression, k.referenced),\n" \
	"          CASE WHEN k.contype = 'f' THEN k.actions ELSE i.predicate END,\n" \
	"          concat_ws(', ', k.flags, i.amname, i.flags),\n" \
	"          coalesce(k.operators, k.set_columns)\n" \
	"   FROM constraints k LEFT JOIN indexes i\n" \
	"     ON i.indexrelid = k.conindid AND k.contype <> 'f'\n" \
	"   UNION ALL\n" \
	"   SELECT relid, 'index', relname, 10, indexrelid::int8, amname, columns,\n" \
	"          classes, expressions, predicate, flags, NULL\n" \
	"   FROM indexes i\n" \
	"   WHERE NOT EXISTS (SELECT FROM constraints k\n" \
	"                     WHERE k.conindid = i.indexrelid AND k.contype <> 'f'))\n"

/* The facts of all tables, as a WITH clause. */
const char *
steep_schema_all_facts(void)
{
	return TABLES NAMES COLUMNS INDEXES CONSTRAINTS TYPES("") COLLATIONS FACTS;
}

/* The facts of the table of schema $1 and name $2. */
const char *
steep_schema_table_facts(void)
{
	return TABLES
		"\n     AND n.nspname = $1 AND c.relname = $2"
		NAMES COLUMNS INDEXES CONSTRAINTS TYPES("") COLLATIONS FACTS;
}

/* The same, and those of the types that $3 names, if they exist; relid is 0. */
const char *
steep_schema_table_and_type_facts(void)
{
	return TABLES
		"\n     AND n.nspname = $1 AND c.relname = $2"
		NAMES COLUMNS INDEXES CONSTRAINTS
		TYPES("\n"
			  "   UNION SELECT 0, to_regtype(m.name)::oid\n"
			  "   FROM unnest($3) AS m(name)\n"
			  "   WHERE to_regtype(m.name) IS NOT NULL")
		COLLATIONS FACTS;
}
