/*-------------------------------------------------------------------------
 *
 * reinit_sql.c
 *		Statements that have a subscription copy some of its tables again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/reinit_sql.h"

/*
 * Tables of subscription $1: those that $2 names, quoted, with their
 * partitions; or those of schema $3; or all.  A partitioned table all of whose
 * partitions are among them is, too.
 */
static const Statement tables_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list the tables to copy again",
	.text =
	"WITH wanted AS MATERIALIZED\n"
	"  (SELECT r.srrelid AS relid, r.srsubstate AS state\n"
	"   FROM pg_subscription s\n"
	"   JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
	"   JOIN pg_subscription_rel r ON r.srsubid = s.oid\n"
	"   JOIN pg_class c ON c.oid = r.srrelid\n"
	"   JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"   WHERE s.subname = $1\n"
	"     AND ($2 IS NULL OR r.srrelid IN\n"
	"          (SELECT to_regclass(w.name) FROM unnest($2) w(name)\n"
	"           UNION ALL\n"
	"           SELECT t.relid FROM unnest($2) w(name),\n"
	"             pg_partition_tree(to_regclass(w.name)) t))\n"
	"     AND ($3 IS NULL OR n.nspname = $3))\n"
	"SELECT c.oid, format('%I.%I', n.nspname, c.relname),\n"
	"       n.nspname, c.relname, t.state,\n"
	"       has_table_privilege(c.oid, 'TRUNCATE')\n"
	"FROM (SELECT relid, state FROM wanted\n"
	"      UNION ALL\n"
	"      SELECT DISTINCT a.relid::oid, NULL::\"char\"\n"
	"      FROM wanted w, pg_partition_ancestors(w.relid) a\n"
	"      WHERE a.relid NOT IN (SELECT relid FROM wanted)\n"
	"        AND NOT EXISTS\n"
	"          (SELECT FROM pg_partition_tree(a.relid) p\n"
	"           WHERE p.isleaf AND p.relid NOT IN (SELECT relid FROM wanted))) t\n"
	"JOIN pg_class c ON c.oid = t.relid\n"
	"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	.nparams = 3,
	.params = {"text", "text[]", "text"},
};

const Statement *
steep_reinit_tables_sql(void)
{
	return &tables_sql;
}

/* Names in $2 that stand for no table of subscription $1. */
static const Statement missing_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for tables that are not replicated",
	.text =
	"SELECT w.name FROM unnest($2) w(name)\n"
	"WHERE NOT EXISTS\n"
	"  (SELECT FROM pg_subscription s\n"
	"   JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
	"   JOIN pg_subscription_rel r ON r.srsubid = s.oid\n"
	"   WHERE s.subname = $1 AND r.srrelid IN\n"
	"     (SELECT to_regclass(w.name) UNION ALL\n"
	"      SELECT t.relid FROM pg_partition_tree(to_regclass(w.name)) t))\n"
	"ORDER BY w.name",
	.nparams = 2,
	.params = {"text", "text[]"},
};

const Statement *
steep_reinit_missing_sql(void)
{
	return &missing_sql;
}

/* Foreign keys of other tables that refer to tables $1. */
static const Statement outside_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for tables that refer to those",
	.text =
	"SELECT f.conname, f.conrelid::regclass, f.confrelid::regclass\n"
	"FROM pg_constraint f\n"
	"WHERE f.contype = 'f' AND f.confrelid = ANY ($1) AND f.conrelid <> ALL ($1)\n"
	"ORDER BY f.conrelid::regclass::text COLLATE \"C\", f.conname\n"
	"LIMIT 1",
	.nparams = 1,
	.params = {"oid[]"},
};

const Statement *
steep_reinit_outside_sql(void)
{
	return &outside_sql;
}

/*----------
 * Empty tables, by their quoted names, each with ONLY before it or not.
 *
 *	TRUNCATE [ONLY] <table>, ...
 *----------
 */
const Statement *
steep_reinit_truncate_sql(List *names)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_LOCAL;
	statement->writes = true;
	statement->purpose = "empty the tables";
	statement->text = psprintf("TRUNCATE %s", steep_sql_join(names, ", "));
	return statement;
}

/* End the workers of subscription $1, and wait until they have gone. */
static const Statement stop_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "restart the workers of the subscription",
	.text =
	"SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, 10000))\n"
	"FROM pg_stat_subscription WHERE subname = $1 AND pid IS NOT NULL",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_reinit_stop_sql(void)
{
	return &stop_sql;
}
