/*-------------------------------------------------------------------------
 *
 * catalog_sql.c
 *		Statements that ask a node about its tables and about itself.
 *
 * Stock SQL that every supported release understands; the same text runs on
 * both nodes, under the pinned search_path.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/catalog_sql.h"
#include "generate/table_sql.h"

/*
 * A domain is followed to the type below it: two of one name may stand for
 * different types.  A NOT NULL that is not yet valid promises nothing.
 *
 * A table with partitions counts the leaves below it, and the indexes that
 * these have of their own.  A table never analyzed is guessed from its size,
 * at 200 bytes a row.
 */
static const Statement columns_sql = {
	.purpose = "read the columns of the tables",
	.text =
	"SELECT w.ord, c.oid IS NOT NULL,\n"
	"       coalesce(has_schema_privilege(n.oid, 'USAGE'), true),\n"
	"       c.relkind, c.relpersistence, row_security_active(c.oid),\n"
	"       s.rows, s.bytes, a.attname,\n"
	"       format_type(a.atttypid, -1),\n"
	"       format_type(a.atttypid, a.atttypmod),\n"
	"       format_type(b.oid, -1),\n"
	"       CASE WHEN l.oid IS NOT NULL\n"
	"            THEN format('%I.%I', ln.nspname, l.collname) END,\n"
	"       coalesce(l.collisdeterministic, true),\n"
	"       a.attnotnull AND NOT EXISTS\n"
	"         (SELECT FROM pg_constraint v\n"
	"          WHERE v.conrelid = c.oid AND v.contype = 'n'\n"
	"            AND v.conkey = ARRAY[a.attnum] AND NOT v.convalidated),\n"
	"       a.attgenerated, a.attidentity,\n"
	"       has_column_privilege(c.oid, a.attnum, 'SELECT'), a.attnum,\n"
	"       has_table_privilege(c.oid, 'INSERT')\n"
	"         AND has_table_privilege(c.oid, 'UPDATE'),\n"
	"       has_table_privilege(c.oid, 'DELETE'),\n"
	"       (SELECT count(*) FROM pg_index x\n"
	"        JOIN pg_class i ON i.oid = x.indexrelid\n"
	"        WHERE (x.indisunique OR x.indisexclusion)\n"
	"          AND (x.indrelid = c.oid\n"
	"               OR c.relkind = 'p' AND NOT i.relispartition AND x.indrelid IN\n"
	"                 (SELECT relid FROM pg_partition_tree(c.oid)))),\n"
	"       EXISTS (SELECT FROM pg_constraint k\n"
	"        WHERE k.contype IN ('p', 'u', 'x') AND k.condeferrable\n"
	"          AND (k.conrelid = c.oid OR c.relkind = 'p' AND k.conrelid IN\n"
	"               (SELECT relid FROM pg_partition_tree(c.oid))))\n"
	"FROM unnest($1, $2) WITH ORDINALITY AS w(schema_name, table_name, ord)\n"
	"LEFT JOIN pg_namespace n ON n.nspname = w.schema_name\n"
	"LEFT JOIN pg_class c\n"
	"  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
	"LEFT JOIN pg_attribute a\n"
	"  ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
	"LEFT JOIN LATERAL\n"
	"  (WITH RECURSIVE below AS\n"
	"     (SELECT d.oid, d.typtype, d.typbasetype\n"
	"      FROM pg_type d WHERE d.oid = a.atttypid\n"
	"      UNION ALL\n"
	"      SELECT d.oid, d.typtype, d.typbasetype\n"
	"      FROM below JOIN pg_type d ON d.oid = below.typbasetype)\n"
	"   SELECT * FROM below WHERE typtype <> 'd') b ON true\n"
	"LEFT JOIN pg_collation l ON l.oid = a.attcollation\n"
	"LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace\n"
	"LEFT JOIN LATERAL\n"
	"  (SELECT sum(CASE WHEN r.reltuples > 0 THEN r.reltuples\n"
	"                   ELSE pg_relation_size(r.oid) / 200 END) AS rows,\n"
	"          sum(pg_table_size(r.oid)) AS bytes\n"
	"   FROM pg_class r\n"
	"   WHERE r.relkind = 'r'\n"
	"     AND (r.oid = c.oid OR c.relkind = 'p' AND r.oid IN\n"
	"          (SELECT relid FROM pg_partition_tree(c.oid)))) s\n"
	"  ON c.relkind IN ('r', 'p')\n"
	"ORDER BY w.ord, a.attname COLLATE \"C\"",
	.result = "ord int8, found bool, usage bool, relkind \"char\", "
	"relpersistence \"char\", policies bool, rows float8, bytes numeric, "
	"attname text, type text, definition text, base text, "
	"collation_name text, deterministic bool, "
	"not_null bool, generated \"char\", identity \"char\", readable bool, "
	"attnum int2, writable bool, deletable bool, exclusive int8, "
	"postponable bool",
	.nparams = 2,
	.params = {"text[]", "text[]"},
};

/* The primary key comes first, then the replica identity, then the narrowest. */
static const Statement keys_sql = {
	.purpose = "read the unique keys of the tables",
	.text =
	"SELECT w.ord, x.relname, i.indisprimary, i.indisreplident,\n"
	"       k.not_null, i.indimmediate, k.columns\n"
	"FROM unnest($1, $2) WITH ORDINALITY AS w(schema_name, table_name, ord)\n"
	"JOIN pg_namespace n ON n.nspname = w.schema_name\n"
	"JOIN pg_class c\n"
	"  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
	"JOIN pg_index i ON i.indrelid = c.oid\n"
	"JOIN pg_class x ON x.oid = i.indexrelid\n"
	"JOIN LATERAL\n"
	"  (SELECT array_agg(a.attname::text ORDER BY u.n) AS columns,\n"
	"          bool_and(a.attnotnull AND NOT EXISTS\n"
	"            (SELECT FROM pg_constraint v\n"
	"             WHERE v.conrelid = c.oid AND v.contype = 'n'\n"
	"               AND v.conkey = ARRAY[a.attnum]\n"
	"               AND NOT v.convalidated)) AS not_null,\n"
	"          count(*) AS width\n"
	"   FROM unnest(i.indkey) WITH ORDINALITY AS u(attnum, n)\n"
	"   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum\n"
	"   WHERE u.n <= i.indnkeyatts) k ON true\n"
	"WHERE i.indisunique AND i.indisvalid AND i.indisready\n"
	"  AND i.indpred IS NULL AND i.indexprs IS NULL\n"
	"ORDER BY w.ord, i.indisprimary DESC, i.indisreplident DESC,\n"
	"         k.width, x.relname COLLATE \"C\"",
	.result = "ord int8, relname text, is_primary bool, is_identity bool, "
	"not_null bool, is_immediate bool, columns text[]",
	.nparams = 2,
	.params = {"text[]", "text[]"},
};

/*
 * The foreign keys that a table of the list has or is the target of; those of
 * partitions repeat their root's.
 */
static const Statement foreign_keys_sql = {
	.purpose = "read the foreign keys of the tables",
	.text =
	"SELECT k.conname, cn.nspname, c.relname, pn.nspname, p.relname,\n"
	"       p.relkind, u.columns, u.referenced, u.operators, c.relkind,\n"
	"       has_any_column_privilege(p.oid, 'UPDATE'), k.confmatchtype = 'f'\n"
	"FROM pg_constraint k\n"
	"JOIN pg_class c ON c.oid = k.conrelid\n"
	"JOIN pg_namespace cn ON cn.oid = c.relnamespace\n"
	"JOIN pg_class p ON p.oid = k.confrelid\n"
	"JOIN pg_namespace pn ON pn.oid = p.relnamespace\n"
	"JOIN LATERAL\n"
	"  (SELECT array_agg(ca.attname::text ORDER BY n) AS columns,\n"
	"          array_agg(pa.attname::text ORDER BY n) AS referenced,\n"
	"          array_agg(format('OPERATOR(%I.%s)', opn.nspname, o.oprname)\n"
	"                    ORDER BY n) AS operators\n"
	"   FROM unnest(k.conkey, k.confkey, k.conpfeqop)\n"
	"        WITH ORDINALITY AS x(child, parent, operator, n)\n"
	"   JOIN pg_attribute ca ON ca.attrelid = c.oid AND ca.attnum = x.child\n"
	"   JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = x.parent\n"
	"   JOIN pg_operator o ON o.oid = x.operator\n"
	"   JOIN pg_namespace opn ON opn.oid = o.oprnamespace) u ON true\n"
	"WHERE k.contype = 'f' AND k.conparentid = 0\n"
	"  AND ((cn.nspname, c.relname) IN\n"
	"         (SELECT a::name, b::name FROM unnest($1, $2) AS w(a, b))\n"
	"       OR (pn.nspname, p.relname) IN\n"
	"         (SELECT a::name, b::name FROM unnest($1, $2) AS w(a, b)))\n"
	"ORDER BY cn.nspname, c.relname, k.conname",
	.result = "conname text, child_schema text, child text, "
	"parent_schema text, parent text, parent_kind \"char\", "
	"columns text[], referenced text[], operators text[], "
	"child_kind \"char\", lockable bool, match_full bool",
	.nparams = 2,
	.params = {"text[]", "text[]"},
};

/*
 * The unique and exclusion constraints that triggers check, those that are
 * deferrable, of tables and of their partitions; each element of a constraint
 * as an expression over the table, and the operator that excludes.
 */
static const Statement exclusions_sql = {
	.purpose = "read the deferrable constraints of the tables",
	.text =
	"SELECT k.conname, tn.nspname, t.relname, rn.nspname, r.relname,\n"
	"       r.relkind, e.expressions, e.operators,\n"
	"       i.indnullsnotdistinct, pg_get_expr(i.indpred, i.indrelid)\n"
	"FROM pg_class t\n"
	"JOIN pg_namespace tn ON tn.oid = t.relnamespace\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT t.oid UNION SELECT relid FROM pg_partition_tree(t.oid)) AS m(relid)\n"
	"JOIN pg_constraint k ON k.conrelid = m.relid\n"
	"JOIN pg_class r ON r.oid = k.conrelid\n"
	"JOIN pg_namespace rn ON rn.oid = r.relnamespace\n"
	"JOIN pg_index i ON i.indexrelid = k.conindid\n"
	"JOIN LATERAL\n"
	"  (SELECT array_agg(pg_get_indexdef(i.indexrelid, n, false)\n"
	"                    ORDER BY n) AS expressions,\n"
	"          array_agg(format('OPERATOR(%I.%s)', opn.nspname, o.oprname)\n"
	"                    ORDER BY n) AS operators\n"
	"   FROM generate_series(1, i.indnkeyatts) AS n\n"
	"   JOIN pg_opclass c ON c.oid = i.indclass[n - 1]\n"
	"   JOIN pg_operator o ON o.oid = coalesce(k.conexclop[n],\n"
	"     (SELECT a.amopopr FROM pg_amop a\n"
	"      WHERE a.amopfamily = c.opcfamily AND a.amopstrategy = 3\n"
	"        AND a.amoplefttype = c.opcintype\n"
	"        AND a.amoprighttype = c.opcintype))\n"
	"   JOIN pg_namespace opn ON opn.oid = o.oprnamespace) e ON true\n"
	"WHERE k.contype IN ('p', 'u', 'x') AND k.condeferrable\n"
	"  AND k.conparentid = 0 AND (tn.nspname, t.relname) IN\n"
	"    (SELECT a::name, b::name FROM unnest($1, $2) AS w(a, b))\n"
	"ORDER BY tn.nspname, t.relname, rn.nspname, r.relname, k.conname",
	.result = "conname text, table_schema text, table_name text, "
	"schema text, name text, kind \"char\", expressions text[], "
	"operators text[], same_nulls bool, predicate text",
	.nparams = 2,
	.params = {"text[]", "text[]"},
};

/*
 * The triggers of a table and of its partitions that fire before a row is
 * written, for one of the events $3, as the session now is.
 */
static const Statement triggers_sql = {
	.purpose = "find the triggers of the table",
	.text =
	"SELECT string_agg(DISTINCT quote_ident(g.tgname), ', ')\n"
	"FROM pg_class t\n"
	"JOIN pg_namespace n ON n.oid = t.relnamespace\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT t.oid UNION SELECT relid FROM pg_partition_tree(t.oid)) AS m(relid)\n"
	"JOIN pg_trigger g ON g.tgrelid = m.relid\n"
	"WHERE n.nspname = $1 AND t.relname = $2 AND NOT g.tgisinternal\n"
	"  AND g.tgtype & 3 = 3 AND g.tgtype & $3 <> 0\n"
	"  AND g.tgenabled IN ('A', CASE current_setting('session_replication_role')\n"
	"                           WHEN 'replica' THEN 'R' ELSE 'O' END)",
	.result = "triggers text",
	.nparams = 3,
	.params = {"text", "text", "int4"},
};

/* A partition is compared through its root, so it is not listed. */
static const Statement expand_schema_sql = {
	.purpose = "list the tables of a schema",
	.text =
	"SELECT n.nspname, c.relname\n"
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')\n"
	"  AND c.relpersistence <> 't' AND NOT c.relispartition\n"
	"ORDER BY c.relname COLLATE \"C\"",
	.result = "nspname text, relname text",
	.nparams = 1,
	.params = {"text"},
};

static const Statement expand_publication_sql = {
	.purpose = "list the tables of a publication",
	.text =
	"SELECT DISTINCT n.nspname, c.relname\n"
	"FROM pg_publication p\n"
	"CROSS JOIN LATERAL pg_get_publication_tables(p.pubname::text) t\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT coalesce(max(a.relid::oid) FILTER (WHERE r.relkind = 'p'\n"
	"                   AND NOT r.relispartition), t.relid) AS relid\n"
	"   FROM pg_partition_ancestors(t.relid) a\n"
	"   JOIN pg_class r ON r.oid = a.relid) root\n"
	"JOIN pg_class c ON c.oid = root.relid\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"WHERE p.pubname = $1\n"
	"ORDER BY n.nspname, c.relname",
	.result = "nspname text, relname text",
	.nparams = 1,
	.params = {"text"},
};

/*
 * A node can digest when the role may call all of the digest's functions, and
 * they are the extension's: else whoever may create a schema could plant them.
 */
static const Statement node_sql = {
	.purpose = "read what the node is",
	.text =
	"SELECT (SELECT system_identifier FROM pg_control_system()),\n"
	"       current_database(), getdatabaseencoding(),\n"
	"       current_setting('server_version_num')::int,\n"
	"       (SELECT count(*) >= 4 FROM pg_proc p\n"
	"        JOIN pg_namespace n ON n.oid = p.pronamespace\n"
	"        WHERE n.nspname = 'steep_repl' AND p.proname IN\n"
	"          ('row_digest', 'digest_leaves', 'in_leaves', 'digest_version')\n"
	"          AND EXISTS\n"
	"            (SELECT FROM pg_depend d\n"
	"             JOIN pg_extension e ON e.oid = d.refobjid\n"
	"             WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid\n"
	"               AND d.refclassid = 'pg_extension'::regclass\n"
	"               AND d.deptype = 'e' AND e.extname = 'steep_repl')\n"
	"          AND has_schema_privilege(n.oid, 'USAGE')\n"
	"          AND has_function_privilege(p.oid, 'EXECUTE')),\n"
	"       pg_is_in_recovery(), current_setting('transaction_read_only'),\n"
	"       extract(epoch FROM pg_postmaster_start_time())",
	.result = "system_identifier int8, database text, encoding text, "
	"version int4, has_digest bool, standby bool, read_only text, started numeric",
};

static const Statement digest_version_sql = {
	.purpose = "read the version of the digest",
	.text = "SELECT steep_repl.digest_version()",
	.result = "version int4",
};

/* Ask for every column of the tables named by $1 (schemas) and $2 (names). */
const Statement *
steep_catalog_columns_sql(Site site)
{
	return steep_statement_at(&columns_sql, site);
}

/* Ask for every unique key of the tables named by $1 and $2. */
const Statement *
steep_catalog_keys_sql(Site site)
{
	return steep_statement_at(&keys_sql, site);
}

/* Ask for every foreign key from or to the tables named by $1 and $2. */
const Statement *
steep_catalog_foreign_keys_sql(Site site)
{
	return steep_statement_at(&foreign_keys_sql, site);
}

/* Ask for the deferrable constraints of the tables named by $1 and $2. */
const Statement *
steep_catalog_exclusions_sql(Site site)
{
	return steep_statement_at(&exclusions_sql, site);
}

/* Ask for the triggers of table $1.$2 that fire before an event of $3. */
const Statement *
steep_catalog_triggers_sql(Site site)
{
	return steep_statement_at(&triggers_sql, site);
}

/* Ask for the tables of schema $1, sorted. */
const Statement *
steep_catalog_expand_schema_sql(Site site)
{
	return steep_statement_at(&expand_schema_sql, site);
}

/* Ask for the tables of publication $1, sorted, partitions as their root. */
const Statement *
steep_catalog_expand_publication_sql(Site site)
{
	return steep_statement_at(&expand_publication_sql, site);
}

/* Ask which node this is: identity, encoding, release, digest, standby. */
const Statement *
steep_catalog_node_sql(Site site)
{
	return steep_statement_at(&node_sql, site);
}

/* Ask for the version of the node's digest. */
const Statement *
steep_catalog_digest_version_sql(Site site)
{
	return steep_statement_at(&digest_version_sql, site);
}
