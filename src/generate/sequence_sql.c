/*-------------------------------------------------------------------------
 *
 * sequence_sql.c
 *		Statements that find the sequences of tables, and move them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/sequence_sql.h"
#include "generate/table_sql.h"

/* A type that a sequence can number, and what it holds of its values. */
typedef struct NumberType
{
	const char *name;
	const char *least;
	const char *most;
} NumberType;

static const NumberType types[] = {
	{"smallint", "-32768", "32767"},
	{"integer", "-2147483648", "2147483647"},
	{"bigint", "-9223372036854775808", "9223372036854775807"},
	{"numeric", "-9223372036854775808", "9223372036854775807"},
};

/*
 * A column's sequence is an identity's (i), one that the column owns (a), as
 * a serial does, or one that its default depends on.  A partition may have a
 * default of its own.
 *
 * A default that computes something else from the sequence than its next
 * value is not plain: the column's values say nothing of the sequence's.
 *
 * OFFSET 0 keeps the planner from starting at all sequences, or all columns,
 * which it does as long as nobody has analyzed the catalogs.
 */
static const Statement list_sql = {
	.purpose = "find the sequences of the tables",
	.text =
	"SELECT w.ord, sn.nspname, s.relname, a.attname,\n"
	"       bool_and(f.plain),\n"
	"       has_schema_privilege(sn.oid, 'USAGE')\n"
	"         AND has_sequence_privilege(s.oid, 'SELECT')\n"
	"         AND has_sequence_privilege(s.oid, 'UPDATE')\n"
	"FROM unnest($1, $2) WITH ORDINALITY AS w(schema_name, table_name, ord)\n"
	"JOIN pg_namespace n ON n.nspname = w.schema_name\n"
	"JOIN pg_class c\n"
	"  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
	"JOIN LATERAL\n"
	"  (SELECT c.oid AS relid\n"
	"   UNION SELECT p.relid FROM pg_partition_tree(c.oid) p) r ON true\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT * FROM pg_attribute t\n"
	"   WHERE t.attrelid = r.relid AND t.attnum > 0 AND NOT t.attisdropped\n"
	"   OFFSET 0) a\n"
	"JOIN LATERAL\n"
	"  (SELECT d.objid AS sequence, true AS plain\n"
	"   FROM pg_depend d\n"
	"   WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0\n"
	"     AND d.refclassid = 'pg_class'::regclass\n"
	"     AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum\n"
	"     AND d.deptype IN ('i', 'a')\n"
	"   UNION ALL\n"
	"   SELECT d.refobjid, pg_get_expr(e.adbin, e.adrelid) IN\n"
	"     (l.call, format('(%s)::%s', l.call,\n"
	"                     format_type(a.atttypid, a.atttypmod)))\n"
	"   FROM pg_attrdef e\n"
	"   CROSS JOIN LATERAL\n"
	"     (SELECT p.refobjid FROM pg_depend p\n"
	"      WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = e.oid\n"
	"        AND p.refclassid = 'pg_class'::regclass AND p.deptype = 'n'\n"
	"      OFFSET 0) d\n"
	"   CROSS JOIN LATERAL\n"
	"     (SELECT format('nextval(''%s''::regclass)',\n"
	"                    replace(d.refobjid::regclass::text, '''', ''''''))\n"
	"             AS call) l\n"
	"   WHERE e.adrelid = a.attrelid AND e.adnum = a.attnum) f ON true\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT * FROM pg_class q WHERE q.oid = f.sequence AND q.relkind = 'S'\n"
	"   OFFSET 0) s\n"
	"JOIN pg_namespace sn ON sn.oid = s.relnamespace\n"
	"GROUP BY w.ord, sn.oid, sn.nspname, s.oid, s.relname, a.attname\n"
	"ORDER BY sn.nspname, s.relname, w.ord, a.attname",
	.result = "ord int8, nspname text, relname text, attname text, "
	"plain bool, allowed bool",
	.nparams = 2,
	.params = {"text[]", "text[]"},
};

/* Ask which sequences feed columns of the tables named by $1 and $2. */
const Statement *
steep_sequence_list_sql(Site site)
{
	return steep_statement_at(&list_sql, site);
}

/* Find the type of a column among those that can be numbered, or NULL. */
static const NumberType *
find_type(const ColumnInfo *column)
{
	for (size_t i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i].name, column->base) == 0)
			return &types[i];
	}
	return NULL;
}

/* Can a sequence number this column? */
bool
steep_sequence_feeds(const ColumnInfo *column)
{
	return find_type(column) != NULL;
}

/*----------
 * Read the greatest and the least value of a column; numerics beyond all
 * numbers say nothing.
 *
 *	SELECT max(t.<column>), min(t.<column>) FROM <table>
 *----------
 */
const Statement *
steep_sequence_ends_sql(Site site, const TablePair *pair,
						const ColumnInfo *column)
{
	Statement  *statement =
		steep_statement_create(site, psprintf("read the ends of column %s",
											  steep_sql_ident(column->name)),
							   pair);
	char	   *name = steep_sql_ident(column->name);
	char	   *numbers = "";

	if (strcmp(column->base, "numeric") == 0)
		numbers = psprintf("\nWHERE t.%s > '-Infinity' AND t.%s < 'Infinity'",
						   name, name);
	statement->text = psprintf("SELECT max(t.%s), min(t.%s)\nFROM %s%s",
							   name, name,
							   steep_table_from(steep_table_side(site, pair)),
							   numbers);
	statement->result = "most numeric, least numeric";
	return statement;
}

/*----------
 * Move a sequence so that its next value is beyond those of a column on both
 * nodes: the greatest are $1 and $2, the least $3 and $4.
 *
 * It goes on in steps of its increment from where it is, which may be another
 * place than START and that plus steps (RESTART WITH 2 for the even numbers),
 * and never back.  It is left alone if no value would be left for it, or none
 * that the column can hold: a row with the highest number of all must not
 * stop the application.
 *
 * Nothing locks out nextval() in other sessions, and setval() would take back
 * what they have drawn since we looked.  So short ways are walked by nextval()
 * itself, until it is there or as many calls as can be needed were made: the
 * steps, and what this session may have cached before.  Only for a way of
 * more than 10000 steps there is setval(): others would have to draw as many
 * values in the length of this one statement.
 *
 * What other sessions have cached (CACHE) is behind last_value already, and
 * is not taken back.
 *----------
 */
const Statement *
steep_sequence_move_sql(Site site, const char *schema, const char *name,
						const ColumnInfo *column)
{
	Statement  *statement = palloc0(sizeof(Statement));
	const NumberType *type = find_type(column);
	char	   *sequence = steep_sql_name(schema, name);
	char	   *literal = steep_sql_literal(sequence);

	statement->site = site;
	statement->writes = true;
	statement->purpose = psprintf("move sequence %s", sequence);
	statement->text =
		psprintf("WITH RECURSIVE place AS MATERIALIZED (\n"
				 "  SELECT q.seqincrement AS increment, q.seqcycle AS cycles,\n"
				 "         q.seqcache AS cache,\n"
				 "         greatest(q.seqmin, %s) AS low, least(q.seqmax, %s) AS high,\n"
				 "         p.last_value::numeric\n"
				 "           - CASE WHEN p.is_called THEN 0 ELSE q.seqincrement END AS last,\n"
				 "         CASE WHEN q.seqincrement > 0 THEN greatest($1, $2)\n"
				 "              ELSE least($3, $4) END AS beyond\n"
				 "  FROM %s AS p, pg_sequence AS q\n"
				 "  WHERE q.seqrelid = %s::regclass\n"
				 "), way AS MATERIALIZED (\n"
				 "  SELECT p.*, s.steps, p.last + s.steps * p.increment AS target,\n"
				 "         p.last + (s.steps + 1) * p.increment\n"
				 "           BETWEEN p.low AND p.high AS fits\n"
				 "  FROM place p\n"
				 "  CROSS JOIN LATERAL\n"
				 "    (SELECT div(p.beyond - p.last, p.increment) AS steps) s\n"
				 "  WHERE s.steps > 0\n"
				 "), walk(calls, value, steps, target, increment) AS (\n"
				 "  SELECT 1, nextval(%s::regclass), steps + cache, target, increment\n"
				 "  FROM way WHERE fits AND steps <= 10000\n"
				 "  UNION ALL\n"
				 "  SELECT calls + 1, nextval(%s::regclass), steps, target, increment\n"
				 "  FROM walk\n"
				 "  WHERE calls < steps AND (target - value) * increment > 0\n"
				 "), jump(value) AS MATERIALIZED (\n"
				 "  SELECT setval(%s::regclass, target::int8)\n"
				 "  FROM way WHERE fits AND steps > 10000\n"
				 ")\n"
				 "SELECT fits, cycles, beyond,\n"
				 "       coalesce((SELECT value FROM jump),\n"
				 "                (SELECT value FROM walk ORDER BY calls DESC LIMIT 1))\n"
				 "FROM way",
				 type->least, type->most, sequence,
				 literal, literal, literal, literal);
	statement->result = "fits bool, cycles bool, beyond numeric, moved_to int8";
	statement->nparams = 4;
	for (int i = 0; i < statement->nparams; i++)
		statement->params[i] = "numeric";
	return statement;
}
