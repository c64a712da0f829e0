/*-------------------------------------------------------------------------
 *
 * echo_sql.c
 *		Statements that find subscriptions between the nodes of a merge.
 *
 * Stock SQL over catalogs that everybody may read.  The connection string of
 * a subscription is not among these, so it is told by its slot which node it
 * subscribes to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/echo_sql.h"
#include "generate/table_sql.h"

/* Table c with all above and below it: what is written there is sent as any. */
#define FAMILY \
	"(SELECT c.oid\n" \
	"          UNION ALL SELECT relid FROM pg_partition_ancestors(c.oid)\n" \
	"          UNION ALL SELECT relid FROM pg_partition_tree(c.oid))"

/*----------
 * Ask a subscriber for the subscriptions that fill the tables named by $1
 * (schemas) and $2 (names): a list for steep_echo_slots_sql(), null if there
 * is none.  Releases before 16 send a subscription all that is written,
 * whatever its origin.
 *----------
 */
const Statement *
steep_echo_subscriptions_sql(Site site, int version)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->writes = true;	/* sees what is there now */
	statement->purpose = "look for subscriptions";
	statement->text =
		psprintf("SELECT json_agg(json_build_object(\n"
				 "         'subscription', s.subname, 'slot', s.subslotname,\n"
				 "         'publications', s.subpublications,\n"
				 "         'enabled', s.subenabled, 'origin', %s,\n"
				 "         'schema_name', w.schema_name, 'table_name', w.table_name))\n"
				 "FROM unnest($1, $2) AS w(schema_name, table_name)\n"
				 "JOIN pg_namespace n ON n.nspname = w.schema_name\n"
				 "JOIN pg_class c\n"
				 "  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
				 "JOIN pg_database d ON d.datname = current_database()\n"
				 "JOIN pg_subscription s\n"
				 "  ON s.subdbid = d.oid AND s.subslotname IS NOT NULL\n"
				 "WHERE EXISTS\n"
				 "  (SELECT FROM pg_subscription_rel r\n"
				 "   WHERE r.srsubid = s.oid AND r.srrelid IN\n"
				 "         " FAMILY ")",
				 version >= 160000 ? "s.suborigin" : "'any'");
	statement->result = "subscriptions json";
	statement->nparams = 2;
	statement->params[0] = "text[]";
	statement->params[1] = "text[]";
	return statement;
}

/*
 * Ask a publisher which subscriptions of list $1 it feeds, those that are
 * enabled first: whose slot is one of this database, and whose publications
 * send rows that a merge writes.
 */
const Statement *
steep_echo_slots_sql(Site site)
{
	static const Statement statement = {
		.writes = true,
		.purpose = "look for the slots of subscriptions",
		.text =
		"SELECT w.subscription, w.enabled, w.origin, w.schema_name, w.table_name\n"
		"FROM json_to_recordset($1) AS w(\n"
		"  subscription text, slot text, publications text[], enabled bool,\n"
		"  origin text, schema_name text, table_name text)\n"
		"JOIN pg_replication_slots s\n"
		"  ON s.slot_name = w.slot AND s.plugin = 'pgoutput'\n"
		"     AND s.database = current_database()\n"
		"JOIN pg_namespace n ON n.nspname = w.schema_name\n"
		"JOIN pg_class c\n"
		"  ON c.relnamespace = n.oid AND c.relname = w.table_name\n"
		"WHERE EXISTS\n"
		"  (SELECT FROM pg_publication p\n"
		"   CROSS JOIN pg_class f\n"
		"   WHERE p.pubname = ANY (w.publications)\n"
		"     AND (p.pubinsert OR p.pubupdate)\n"
		"     AND f.oid IN\n"
		"         " FAMILY "\n"
		"     AND (p.puballtables\n"
		"          OR EXISTS (SELECT FROM pg_publication_rel r\n"
		"                     WHERE r.prpubid = p.oid AND r.prrelid = f.oid)\n"
		"          OR EXISTS (SELECT FROM pg_publication_namespace m\n"
		"                     WHERE m.pnpubid = p.oid\n"
		"                       AND m.pnnspid = f.relnamespace)))\n"
		"ORDER BY w.enabled DESC, w.subscription, w.schema_name, w.table_name",
		.result = "subscription text, enabled bool, origin text, "
		"schema_name text, table_name text",
		.nparams = 1,
		.params = {"json"},
	};

	return steep_statement_at(&statement, site);
}

/* May the role mark what it writes, as steep_repl.tag_writes() does? */
const Statement *
steep_echo_may_tag_sql(Site site)
{
	static const Statement statement = {
		.purpose = "look for the right to mark writes",
		.text = "SELECT has_function_privilege(\n"
		"  'pg_catalog.pg_replication_origin_session_setup(text)', 'EXECUTE')",
		.result = "may bool",
	};

	return steep_statement_at(&statement, site);
}
