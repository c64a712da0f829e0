/*-------------------------------------------------------------------------
 *
 * apply_sql.c
 *		Statements that look at, load and finish the tables of a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/apply_sql.h"

static const Statement *
make_statement(const char *purpose, const char *text, bool writes)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_LOCAL;
	statement->writes = writes;
	statement->purpose = purpose;
	statement->text = text;

	return statement;
}

/*
 * $1 is a table's schema, $2 its name, $3 and $4 are the columns that the
 * snapshot has and their types.  A column that is generated here can't be
 * loaded.
 */
static const Statement target_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look at the table",
	.text =
	"SELECT c.relkind,\n"
	"       has_schema_privilege(n.oid, 'USAGE')\n"
	"         AND (has_table_privilege(c.oid, 'INSERT') OR m.may_insert),\n"
	"       has_schema_privilege(n.oid, 'USAGE')\n"
	"         AND (has_table_privilege(c.oid, 'SELECT') OR m.may_select),\n"
	"       row_security_active(c.oid),\n"
	"       EXISTS (SELECT FROM pg_trigger t\n"
	"               WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')),\n"
	"       x.name, x.type, x.here\n"
	"FROM pg_class c\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT bool_and(has_column_privilege(c.oid, a.attnum, 'INSERT')) AS may_insert,\n"
	"          bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT')) AS may_select\n"
	"   FROM pg_attribute a\n"
	"   WHERE a.attrelid = c.oid AND a.attname = ANY ($3) AND a.attnum > 0) m\n"
	"LEFT JOIN LATERAL\n"
	"  (SELECT w.name, w.type, h.here\n"
	"   FROM unnest($3, $4) WITH ORDINALITY w(name, type, n)\n"
	"   LEFT JOIN pg_attribute a\n"
	"     ON a.attrelid = c.oid AND a.attname = w.name AND a.attnum > 0\n"
	"    AND NOT a.attisdropped\n"
	"   CROSS JOIN LATERAL\n"
	"     (SELECT format_type(a.atttypid, a.atttypmod)\n"
	"             || CASE WHEN a.attgenerated <> '' THEN ' GENERATED' ELSE '' END) h(here)\n"
	"   WHERE h.here IS DISTINCT FROM w.type\n"
	"   ORDER BY w.n LIMIT 1) x ON true\n"
	"WHERE n.nspname = $1 AND c.relname = $2",
	.nparams = 4,
	.params = {"text", "text", "text[]", "text[]"},
};

/* Look at a table that is to be loaded. */
const Statement *
steep_apply_target_sql(void)
{
	return &target_sql;
}

const Statement *				/*----------
								 * Has a table rows?
								 *
								 *	SELECT EXISTS (SELECT FROM ONLY <table>)
								 *----------
								 */
steep_apply_occupied_sql(const char *schema, const char *table)
{
	return make_statement("look for rows",
						  psprintf("SELECT EXISTS (SELECT FROM ONLY %s)",
								   steep_sql_name(schema, table)), true);
}

/* May the role keep triggers from firing? */
const Statement *
steep_apply_may_quiet_sql(void)
{
	return make_statement("look for the right to keep triggers from firing",
						  "SELECT has_parameter_privilege('session_replication_role', 'SET')",
						  false);
}

/* Keep triggers from firing until the transaction ends, if the role may. */
const Statement *
steep_apply_quiet_sql(void)
{
	return make_statement("keep triggers from firing",
						  "SELECT set_config('session_replication_role', 'replica', true)\n"
						  "WHERE has_parameter_privilege('session_replication_role', 'SET')",
						  true);
}

/*
 * $1 is a sequence, $2 how far that of the snapshot is and $3 whether it has
 * given that.  Unless $4 says that it is new it moves only on, never back.
 */
static const Statement sequence_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "set a sequence",
	.text =
	"SELECT setval(s.seqrelid, $2, $3)\n"
	"FROM pg_sequence s, pg_sequence_last_value(s.seqrelid) here(value)\n"
	"WHERE s.seqrelid = $1\n"
	"  AND ($4 OR here.value IS NULL\n"
	"       OR ($2 - here.value::numeric) * sign(s.seqincrement) > 0)",
	.nparams = 4,
	.params = {"regclass", "bigint", "boolean", "boolean"},
};

/* Set how far a sequence is. */
const Statement *
steep_apply_sequence_sql(void)
{
	return &sequence_sql;
}

const Statement *				/*----------
								 * Gather statistics.
								 *
								 *	ANALYZE <table>
								 *----------
								 */
steep_apply_analyze_sql(const char *table)
{
	return make_statement("gather statistics", psprintf("ANALYZE %s", table),
						  true);
}

/* 0 if it is not known that ranges of blocks find all rows. */
static const Statement blocks_sql = {
	.site = SITE_LOCAL,
	.purpose = "measure the table",
	.text =
	"SELECT CASE WHEN m.amname = 'heap' THEN\n"
	"         pg_relation_size(c.oid) / current_setting('block_size')::int\n"
	"       ELSE 0 END\n"
	"FROM pg_class c JOIN pg_am m ON m.oid = c.relam\n"
	"WHERE c.oid = $1",
	.nparams = 1,
	.params = {"regclass"},
};

/* Ask how many blocks a table has. */
const Statement *
steep_apply_blocks_sql(void)
{
	return &blocks_sql;
}

/*----------
 * Write a query for each foreign key of table $1 that tells whether a row's
 * parent is missing; with the constraint's name.
 *
 *	SELECT EXISTS (SELECT FROM ONLY <child> c
 *	  WHERE <c.columns are not null>
 *	    AND NOT EXISTS (SELECT FROM [ONLY] <parent> p WHERE <p.columns = c.columns>))
 *
 * A key of a partitioned parent has constraints for its partitions, too, which
 * are not asked.
 *----------
 */
static const Statement references_sql = {
	.site = SITE_LOCAL,
	.purpose = "list the foreign keys",
	.text =
	"SELECT k.conname,\n"
	"       format('SELECT EXISTS (SELECT FROM ONLY %s c WHERE %s AND NOT EXISTS (SELECT FROM %s%s p WHERE %s))',\n"
	"              k.conrelid::regclass, f.present,\n"
	"              CASE WHEN r.relkind = 'p' THEN '' ELSE 'ONLY ' END,\n"
	"              k.confrelid::regclass, f.equal)\n"
	"FROM pg_constraint k\n"
	"JOIN pg_class r ON r.oid = k.confrelid\n"
	"LEFT JOIN pg_constraint u ON u.oid = k.conparentid\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') AS present,\n"
	"          string_agg(format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname,\n"
	"                            o.oprname, a.attname), ' AND ') AS equal\n"
	"   FROM unnest(k.conkey, k.confkey, k.conpfeqop) f(child, parent, operator)\n"
	"   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = f.child\n"
	"   JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = f.parent\n"
	"   JOIN pg_operator o ON o.oid = f.operator\n"
	"   JOIN pg_namespace n ON n.oid = o.oprnamespace) f\n"
	"WHERE k.conrelid = $1 AND k.contype = 'f' AND k.convalidated\n"
	"  AND u.conrelid IS DISTINCT FROM k.conrelid\n"
	"ORDER BY k.conname COLLATE \"C\"",
	.nparams = 1,
	.params = {"regclass"},
};

/* Ask for queries that look for rows whose parent is missing. */
const Statement *
steep_apply_references_sql(void)
{
	return &references_sql;
}

/* Run what a snapshot's schema file, or another statement, has written. */
const Statement *
steep_apply_run_sql(const char *purpose, const char *text)
{
	return make_statement(purpose, text, true);
}
