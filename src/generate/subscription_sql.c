/*-------------------------------------------------------------------------
 *
 * subscription_sql.c
 *		Statements of logical replication: publications, slots, subscriptions.
 *
 * A publication names its tables.  One FOR ALL TABLES would send those of
 * steep_repl itself, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/subscription_sql.h"

/* $1 is the slot's name, $2 the publication's. */
static const Statement facts_sql = {
	.site = SITE_PEER,
	.purpose = "see whether the source can publish",
	.text =
	"SELECT current_setting('wal_level'),\n"
	"       r.rolsuper OR r.rolreplication,\n"
	"       has_database_privilege(current_database(), 'CREATE'),\n"
	"       current_setting('max_replication_slots'),\n"
	"       (SELECT count(*) FROM pg_replication_slots),\n"
	"       current_setting('max_wal_senders'),\n"
	"       (SELECT count(*) FROM pg_stat_replication),\n"
	"       EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1),\n"
	"       EXISTS (SELECT FROM pg_publication WHERE pubname = $2)\n"
	"FROM pg_roles r WHERE r.rolname = current_user",
	.result = "level text, replication bool, may_create bool, slots int, slots_used int, "
	"senders int, senders_used int, slot_exists bool, publication_exists bool",
	.nparams = 2,
	.params = {"text", "text"},
};

const Statement *
steep_publish_facts_sql(void)
{
	return &facts_sql;
}

/*
 * The tables $1 (schemas) and $2 (names), or if these are null, those of
 * publication $3, or if that is null too, all of users.
 */
static const Statement tables_sql = {
	.site = SITE_PEER,
	.purpose = "list the tables of the source",
	.text =
	"WITH wanted AS\n"
	"  (SELECT schema_name, table_name\n"
	"   FROM unnest($1, $2) AS w(schema_name, table_name)\n"
	"   UNION ALL\n"
	"   SELECT schemaname, tablename FROM pg_publication_tables\n"
	"   WHERE $1 IS NULL AND pubname = $3\n"
	"   UNION ALL\n"
	"   SELECT n.nspname, c.relname\n"
	"   FROM pg_class c\n"
	"   JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"   WHERE $1 IS NULL AND $3 IS NULL\n"
	"     AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'\n"
	"     AND NOT c.relispartition\n"
	"     AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'\n"
	"     AND NOT EXISTS\n"
	"       (SELECT FROM pg_depend d\n"
	"        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid\n"
	"          AND d.deptype = 'e'))\n"
	"SELECT w.schema_name, w.table_name, c.oid IS NOT NULL, c.relkind,\n"
	"       c.relpersistence = 'p',\n"
	"       CASE c.relreplident\n"
	"         WHEN 'f' THEN true\n"
	"         WHEN 'd' THEN EXISTS (SELECT FROM pg_index i\n"
	"           WHERE i.indrelid = c.oid AND i.indisprimary)\n"
	"         WHEN 'i' THEN EXISTS (SELECT FROM pg_index i\n"
	"           WHERE i.indrelid = c.oid AND i.indisreplident)\n"
	"         ELSE false END,\n"
	"       has_table_privilege(c.oid, 'SELECT')\n"
	"         AND has_schema_privilege(n.oid, 'USAGE'),\n"
	"       pg_has_role(c.relowner, 'USAGE')\n"
	"FROM wanted w\n"
	"LEFT JOIN pg_namespace n ON n.nspname = w.schema_name\n"
	"LEFT JOIN pg_class c\n"
	"  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
	"     AND c.relkind IN ('r', 'p')\n"
	"ORDER BY w.schema_name COLLATE \"C\", w.table_name COLLATE \"C\"",
	.result = "schema_name text, table_name text, found bool, kind text, persistent bool, "
	"identified bool, readable bool, owned bool",
	.nparams = 3,
	.params = {"text[]", "text[]", "text"},
};

const Statement *
steep_publish_tables_sql(void)
{
	return &tables_sql;
}

/* Name a table of which publication $1 has not all rows and columns. */
static const Statement filters_sql = {
	.site = SITE_PEER,
	.purpose = "look for parts of tables that are published",
	.text =
	"SELECT min(r.prrelid::regclass::text)\n"
	"FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid\n"
	"WHERE p.pubname = $1 AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)",
	.result = "name text",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_publication_filters_sql(void)
{
	return &filters_sql;
}

/* How many bytes the tables have that $1 names, quoted. */
static const Statement size_sql = {
	.site = SITE_PEER,
	.purpose = "see how large the tables of the source are",
	.text =
	"SELECT coalesce(sum(pg_table_size(t.relid)), 0)\n"
	"FROM unnest($1) w(name)\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT to_regclass(w.name) UNION\n"
	"   SELECT relid FROM pg_partition_tree(to_regclass(w.name))) t(relid)",
	.result = "bytes text",
	.nparams = 1,
	.params = {"text[]"},
};

const Statement *
steep_publish_size_sql(void)
{
	return &size_sql;
}

/* Where the log of the source is, and what of it slot $1 has confirmed. */
static const Statement position_sql = {
	.site = SITE_PEER,
	.purpose = "see how far the source's log is applied",
	.text =
	"SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, s.confirmed_flush_lsn - '0/0'::pg_lsn,\n"
	"       coalesce(s.wal_status, '')\n"
	"FROM (SELECT) one\n"
	"LEFT JOIN pg_replication_slots s ON s.slot_name = $1",
	.result = "position text, confirmed text, wal_status text",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_publish_position_sql(void)
{
	return &position_sql;
}

/*----------
 * Publish tables, a list of quoted names.
 *
 *	CREATE PUBLICATION <name> FOR TABLE <table>, ...
 *----------
 */
const Statement *
steep_publication_create_sql(const char *name, List *tables)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_PEER;
	statement->writes = true;
	statement->purpose = "publish the tables";
	statement->text = psprintf("CREATE PUBLICATION %s FOR TABLE %s",
							   steep_sql_ident(name),
							   steep_sql_join(tables, ", "));
	return statement;
}

const Statement *
steep_publication_drop_sql(const char *name)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_PEER;
	statement->writes = true;
	statement->purpose = "drop the publication";
	statement->text = psprintf("DROP PUBLICATION IF EXISTS %s",
							   steep_sql_ident(name));
	return statement;
}

/* Create slot $1. */
static const Statement slot_create_sql = {
	.site = SITE_PEER,
	.purpose = "create the slot",
	.text = "SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')",
	.result = "lsn text",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_slot_create_sql(void)
{
	return &slot_create_sql;
}

static const Statement slot_release_sql = {
	.site = SITE_PEER,
	.purpose = "end who reads from the slot",
	.text =
	"SELECT count(*) FILTER (WHERE pg_terminate_backend(active_pid))\n"
	"FROM pg_replication_slots\n"
	"WHERE slot_name = $1 AND database = current_database() AND active",
	.result = "ended int",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_slot_release_sql(void)
{
	return &slot_release_sql;
}

static const Statement slot_drop_sql = {
	.site = SITE_PEER,
	.purpose = "drop the slot",
	.text =
	"SELECT count(pg_drop_replication_slot(slot_name)::text)\n"
	"FROM pg_replication_slots\n"
	"WHERE slot_name = $1 AND database = current_database() AND NOT active",
	.result = "dropped int",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_slot_drop_sql(void)
{
	return &slot_drop_sql;
}

/*
 * May the role create a subscription?  To 15 only superusers may; from 16 on
 * there is a role for it.
 */
static const Statement may_sql = {
	.site = SITE_LOCAL,
	.purpose = "look for the right to subscribe",
	.text =
	"SELECT r.rolsuper OR coalesce(\n"
	"  (SELECT pg_has_role(p.oid, 'USAGE')\n"
	"     AND has_database_privilege(current_database(), 'CREATE')\n"
	"   FROM pg_roles p WHERE p.rolname = 'pg_create_subscription'), false)\n"
	"FROM pg_roles r WHERE r.rolname = current_user",
};

const Statement *
steep_subscription_may_sql(void)
{
	return &may_sql;
}

static const Statement exists_sql = {
	.site = SITE_LOCAL,
	.writes = true,				/* sees what is there now */
	.purpose = "look for the subscription",
	.text =
	"SELECT s.oid FROM pg_subscription s\n"
	"JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
	"WHERE s.subname = $1",
	.nparams = 1,
	.params = {"text"},
};

/* The OID of subscription $1, if there is one. */
const Statement *
steep_subscription_exists_sql(void)
{
	return &exists_sql;
}

/*
 * The names that workers of subscription $1 give the slots of the tables that
 * are not ready yet.
 */
static const Statement slots_sql = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "name the slots of the subscription's tables",
	.text =
	"SELECT format('pg_%s_sync_%s_%s', s.oid, r.srrelid, c.system_identifier)\n"
	"FROM pg_control_system() c, pg_subscription s\n"
	"JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
	"JOIN pg_subscription_rel r ON r.srsubid = s.oid\n"
	"WHERE s.subname = $1 AND r.srsubstate <> 'r'",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_subscription_slots_sql(void)
{
	return &slots_sql;
}

/* Has a table, by its quoted name, any row? */
const Statement *
steep_subscription_has_rows_sql(const char *table)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = SITE_LOCAL;
	statement->purpose = "look for rows";
	statement->text = psprintf("SELECT EXISTS (SELECT FROM %s)", table);
	return statement;
}

/*
 * How subscription $1 stands.  Workers that copy a table are seen by
 * superusers and by monitors.
 */
static const Statement state_sql = {
	.site = SITE_LOCAL,
	.purpose = "see how the subscription stands",
	.text =
	"SELECT s.subenabled, r.relations, r.ready,\n"
	"       coalesce(e.apply_error_count + e.sync_error_count, 0),\n"
	"       c.relation, r.rows + c.tuples, r.bytes\n"
	"FROM pg_subscription s\n"
	"JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()\n"
	"LEFT JOIN pg_stat_subscription_stats e ON e.subid = s.oid\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT count(*) AS relations,\n"
	"          count(*) FILTER (WHERE srsubstate IN ('r', 's')) AS ready,\n"
	"          coalesce(sum(pg_stat_get_tuples_inserted(srrelid)), 0) AS rows,\n"
	"          coalesce(sum(pg_table_size(srrelid)), 0) AS bytes\n"
	"   FROM pg_subscription_rel WHERE srsubid = s.oid) r\n"
	"CROSS JOIN LATERAL\n"
	"  (SELECT min(format('%I.%I', n.nspname, t.relname)) AS relation,\n"
	"          coalesce(sum(p.tuples_processed), 0) AS tuples\n"
	"   FROM pg_stat_subscription w\n"
	"   JOIN pg_stat_progress_copy p ON p.pid = w.pid\n"
	"   JOIN pg_class t ON t.oid = w.relid\n"
	"   JOIN pg_namespace n ON n.oid = t.relnamespace\n"
	"   WHERE w.subid = s.oid AND w.relid IS NOT NULL) c\n"
	"WHERE s.subname = $1",
	.nparams = 1,
	.params = {"text"},
};

const Statement *
steep_subscription_state_sql(void)
{
	return &state_sql;
}

/*----------
 * Drop a subscription, but not its slot, so that it can be done in a
 * transaction: a list of Statements.
 *
 *	ALTER SUBSCRIPTION <name> DISABLE
 *	ALTER SUBSCRIPTION <name> SET (slot_name = NONE)
 *	DROP SUBSCRIPTION <name>
 *----------
 */
List *
steep_subscription_drop_sql(const char *name)
{
	static const char *const forms[] = {
		"ALTER SUBSCRIPTION %s DISABLE",
		"ALTER SUBSCRIPTION %s SET (slot_name = NONE)",
		"DROP SUBSCRIPTION %s",
	};
	List	   *statements = NIL;

	for (int i = 0; i < (int) lengthof(forms); i++)
	{
		Statement  *statement = palloc0(sizeof(Statement));

		statement->site = SITE_LOCAL;
		statement->writes = true;
		statement->purpose = "drop the subscription";
		statement->text = psprintf(forms[i], steep_sql_ident(name));
		statements = lappend(statements, statement);
	}
	return statements;
}
