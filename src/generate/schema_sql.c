/*-------------------------------------------------------------------------
 *
 * schema_sql.c
 *		Statements that ask a node what its tables are.
 *
 * Stock SQL, the same for both nodes, whether they have the extension or not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/schema_facts_sql.h"
#include "generate/schema_sql.h"

/* Of another number if the facts or their bytes are others. */
#define FINGERPRINT_VERSION "2"

/* One field: how many characters it has, and these; without a number: null. */
#define FIELD(name) "length(" name "), ':', " name

/*
 * SHA-256 of a table's facts, in the order of their bytes.  A fact has always
 * eight fields and each field its length, so no name can pass for something
 * else.  The bytes are of one encoding, whatever that of the database is.
 */
#define FINGERPRINTS \
	"SELECT t.nspname::text AS table_schema, t.relname::text AS table_name,\n" \
	"       t.visible,\n" \
	"       '" FINGERPRINT_VERSION ":' || encode(sha256(string_agg(DISTINCT\n" \
	"         convert_to(concat(" FIELD("f.kind") ",\n" \
	"             " FIELD("f.f1") ", " FIELD("f.f2") ",\n" \
	"             " FIELD("f.f3") ", " FIELD("f.f4") ",\n" \
	"             " FIELD("f.f5") ", " FIELD("f.f6") ",\n" \
	"             " FIELD("f.f7") "),\n" \
	"           CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII'\n" \
	"             ELSE 'UTF8' END), '')), 'hex')\n" \
	"         AS fingerprint\n" \
	"FROM tables t JOIN facts f ON f.relid = t.oid\n" \
	"GROUP BY t.nspname, t.relname, t.visible\n" \
	"ORDER BY t.nspname, t.relname"

#define FINGERPRINT_COLUMNS \
	"table_schema text, table_name text, visible bool, fingerprint text"

/* Ask for the fingerprints of all tables of users, sorted. */
const Statement *
steep_schema_fingerprints_sql(Site site)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = "fingerprint the tables";
	statement->text = psprintf("%s" FINGERPRINTS, steep_schema_all_facts());
	statement->result = FINGERPRINT_COLUMNS;
	return statement;
}

/* Ask for the fingerprint of the table of schema $1 and name $2. */
const Statement *
steep_schema_fingerprint_sql(Site site)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = "fingerprint a table";
	statement->text = psprintf("%s" FINGERPRINTS, steep_schema_table_facts());
	statement->result = FINGERPRINT_COLUMNS;
	statement->nparams = 2;
	statement->params[0] = "text";
	statement->params[1] = "text";
	return statement;
}

/*
 * Ask for the facts of the table of schema $1 and name $2, in an order in
 * which they can be created, and for the types that the array $3 names.
 */
const Statement *
steep_schema_facts_sql(Site site)
{
	Statement  *statement = palloc0(sizeof(Statement));

	statement->site = site;
	statement->purpose = "read what a table is";
	statement->text =
		psprintf("%s"
				 "SELECT f.kind, f.label, f.f1, f.f2, f.f3, f.f4, f.f5, f.f6, f.f7,\n"
				 "       coalesce(t.visible, true), format_type(c.atttypid, -1), c.atttypmod,\n"
				 "       CASE f.kind\n"
				 "         WHEN 'constraint' THEN pg_get_constraintdef(f.source::oid)\n"
				 "         WHEN 'index' THEN pg_get_indexdef(f.source::oid) END\n"
				 "FROM facts f LEFT JOIN tables t ON t.oid = f.relid\n"
				 "LEFT JOIN columns c ON f.kind = 'column' AND c.attnum = f.source\n"
				 "ORDER BY f.place, f.source",
				 steep_schema_table_and_type_facts());
	statement->result = "kind text, label text, f1 text, f2 text, f3 text, "
		"f4 text, f5 text, f6 text, f7 text, visible bool, plain text, "
		"modifier int4, definition text";
	statement->nparams = 3;
	statement->params[0] = "text";
	statement->params[1] = "text";
	statement->params[2] = "text[]";
	return statement;
}

/* Put the fingerprints of both nodes beside each other. */
const Statement *
steep_schema_compare_sql(void)
{
	static const Statement statement = {
		.site = SITE_LOCAL,
		.purpose = "compare the fingerprints",
		.text =
		"SELECT table_schema, table_name, l.fingerprint, p.fingerprint,\n"
		"       CASE WHEN p.fingerprint IS NULL THEN 'local_only'\n"
		"            WHEN l.fingerprint IS NULL THEN 'remote_only'\n"
		"            WHEN l.fingerprint = p.fingerprint THEN 'match'\n"
		"            ELSE 'mismatch' END\n"
		"FROM local_fingerprints l\n"
		"FULL JOIN peer_fingerprints p USING (table_schema, table_name)\n"
		"ORDER BY table_schema COLLATE \"C\", table_name COLLATE \"C\"",
	};

	return &statement;
}
