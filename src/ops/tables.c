/*-------------------------------------------------------------------------
 *
 * tables.c
 *		Which tables a caller means.
 *
 * An entry is a table, "schema.*" or "publication:name".  A table is looked
 * up by the caller's own search_path, before it is pinned, and locked; from
 * then on it is known by schema and name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "ops/tables.h"

#define PUBLICATION_PREFIX "publication:"

static void
report_denied(const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table \"%s\"", table),
			 errhint("GRANT SELECT on the table, and USAGE on its schema, to the role \"%s\".",
					 GetUserNameFromId(GetUserId(), false))));
}

static void
report_missing(const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("table \"%s\" does not exist", table),
			 errhint("Name it with its schema, in double quotes if it has capitals: public.\"Orders\".")));
}

/* Before a table is locked: the caller must be able to read some of it. */
static void
check_readable(const RangeVar *range, Oid relid, Oid old_relid, void *arg)
{
	if (!OidIsValid(relid) || !OidIsValid(GetUserId()))
		return;
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ANY) != ACLCHECK_OK)
		report_denied((const char *) arg);
}

/* Refuse what is not a plain or partitioned table of the users'. */
static void
check_kind(Oid relid, const char *asked)
{
	char		kind = get_rel_relkind(relid);
	Oid			schema = get_rel_namespace(relid);
	char	   *schema_name = get_namespace_name(schema);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", asked),
				 errhint("Only tables and partitioned tables can be compared.")));
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is temporary", asked),
				 errhint("A temporary table exists on one node only.")));
	if (IsCatalogRelationOid(relid) || IsCatalogNamespace(schema) ||
		IsToastNamespace(schema) ||
		strcmp(schema_name, "information_schema") == 0 ||
		strcmp(schema_name, "steep_repl") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" belongs to the system", asked),
				 errhint("Only users' tables can be compared.")));
}

/* Read a possibly quoted, possibly qualified name. */
static List *
parse_name(const char *name)
{
	return textToQualifiedNameList(cstring_to_text(name));
}

/*
 * Look up one table by the caller's search_path, and lock it; NULL if there is
 * none.
 */
RelInfo *
steep_tables_find(const char *asked)
{
	RangeVar   *range = makeRangeVarFromNameList(parse_name(asked));
	RelInfo    *rel = palloc0(sizeof(RelInfo));
	Oid			relid = RangeVarGetRelidExtended(range, AccessShareLock,
												 RVR_MISSING_OK, check_readable,
												 unconstify(char *, asked));

	if (!OidIsValid(relid))
		return NULL;
	check_kind(relid, asked);
	rel->schema = get_namespace_name(get_rel_namespace(relid));
	rel->name = get_rel_name(relid);
	return rel;
}

/*
 * The name of a table that is not here: where the caller's search_path would
 * create it.
 */
RelInfo *
steep_tables_imagine(const char *asked)
{
	RangeVar   *range = makeRangeVarFromNameList(parse_name(asked));
	List	   *path = fetch_search_path(false);
	RelInfo    *rel = palloc0(sizeof(RelInfo));

	rel->name = range->relname;
	rel->schema = range->schemaname;
	if (rel->schema == NULL && path != NIL)
		rel->schema = get_namespace_name(linitial_oid(path));
	if (rel->schema == NULL)
		report_missing(asked);
	return rel;
}

/* Look up one table; an error if there is none. */
static RelInfo *
resolve_table(const char *asked)
{
	RelInfo    *rel = steep_tables_find(asked);

	if (rel == NULL)
		report_missing(asked);
	return rel;
}

static bool
ends_with(const char *whole, const char *end)
{
	size_t		length = strlen(whole);

	return length > strlen(end) &&
		strcmp(whole + length - strlen(end), end) == 0;
}

/* Read the one name in an entry such as "schema.*". */
static char *
single_name(char *name, const char *asked)
{
	List	   *names = parse_name(name);

	if (list_length(names) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("cannot understand \"%s\"", asked),
				 errhint("Write schema.table, table, schema.* or publication:name.")));
	return strVal(linitial(names));
}

static bool
is_publication(const char *asked)
{
	return strncmp(asked, PUBLICATION_PREFIX, strlen(PUBLICATION_PREFIX)) == 0;
}

/* May an entry stand for several tables? */
bool
steep_tables_is_pattern(const char *asked)
{
	return ends_with(asked, ".*") || is_publication(asked);
}

/* Make the name of one table into a list of tables; NULL stays NULL. */
ArrayType *
steep_tables_one(text *table)
{
	Datum		value = PointerGetDatum(table);
	char	   *name;

	if (table == NULL)
		return NULL;
	name = text_to_cstring(table);
	if (steep_tables_is_pattern(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" may name more than one table", name),
				 errhint("Name one table here; see many at once with steep_repl.analyze_overlap().")));
	return construct_array(&value, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Start a pair for one entry; only a plain table is looked up already. */
static TablePair *
resolve_entry(char *asked)
{
	TablePair  *pair = palloc0(sizeof(TablePair));

	pair->asked = asked;
	if (!steep_tables_is_pattern(asked))
		pair->local = resolve_table(asked);
	return pair;
}

/*
 * Read the caller's list of tables, by his own search_path.
 *
 * Returns TablePairs; those of patterns have no table yet and are expanded
 * by steep_tables_expand() under the pinned path.
 */
List *
steep_tables_resolve(ArrayType *tables)
{
	Datum	   *values;
	bool	   *nulls;
	int			count = 0;
	List	   *pairs = NIL;

	if (tables != NULL)
		deconstruct_array(tables, TEXTOID, -1, false, TYPALIGN_INT,
						  &values, &nulls, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of tables must not be null or empty"),
				 errhint("Write ARRAY['schema.table'], or 'schema.*', or 'publication:name'.")));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of a table must not be null")));
		pairs = lappend(pairs, resolve_entry(TextDatumGetCString(values[i])));
	}
	return pairs;
}

/* List the tables that one node has of a pattern: schema and name each. */
static List *
read_pattern(Session *session, Site site, const char *asked)
{
	bool		publication = is_publication(asked);
	char	   *name = publication ? pstrdup(asked + strlen(PUBLICATION_PREFIX)) :
		pnstrdup(asked, strlen(asked) - 2);
	const char *values[] = {single_name(name, asked)};
	const Statement *statement = publication ?
		steep_catalog_expand_publication_sql(site) :
		steep_catalog_expand_schema_sql(site);
	Spool	   *spool = steep_spool_create("tables");
	List	   *rows;

	if (site == SITE_LOCAL)
		steep_local_rows(statement, values, NIL, spool);
	else
		steep_peer_rows(session->peer, statement, values, spool);
	rows = steep_spool_texts(spool);
	steep_spool_end(spool);
	return rows;
}

/*
 * Refuse a schema of which the peer has a table that this node has not: left
 * out, it would make two nodes look equal that are not.
 */
static void
check_only_there(Session *session, const char *asked, List *pairs)
{
	ListCell   *cell;

	foreach(cell, read_pattern(session, SITE_PEER, asked))
	{
		char	  **row = lfirst(cell);
		char	   *qualified = steep_sql_name(row[0], row[1]);
		ListCell   *pair;
		bool		found = false;

		foreach(pair, pairs)
			found = found ||
			strcmp(((TablePair *) lfirst(pair))->asked, qualified) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table \"%s\" exists on peer \"%s\" only",
							qualified, steep_peer_label(session->peer)),
					 errhint("Create it here, or name the tables one by one.")));
	}
}

/* List the tables of a pattern; there must be one at least. */
static List *
expand_entry(Session *session, char *asked)
{
	bool		publication = is_publication(asked);
	List	   *pairs = NIL;
	ListCell   *cell;

	foreach(cell, read_pattern(session, SITE_LOCAL, asked))
	{
		char	  **row = lfirst(cell);
		char	   *qualified = steep_sql_name(row[0], row[1]);
		TablePair  *pair = palloc0(sizeof(TablePair));

		pair->asked = qualified;
		pair->local = resolve_table(qualified);
		pairs = lappend(pairs, pair);
	}
	if (pairs == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("\"%s\" names no table", asked),
				 errhint(publication ?
						 "Check that the publication exists and has tables." :
						 "Check that the schema exists and has tables.")));
	if (!publication && session)
		check_only_there(session, asked, pairs);
	return pairs;
}

/* List the tables of a pattern that either node has, as RelInfos. */
List *
steep_tables_of_either(Session *session, const char *asked)
{
	List	   *rows = read_pattern(session, SITE_LOCAL, asked);
	List	   *names = NIL;
	List	   *rels = NIL;
	ListCell   *cell;

	if (!is_publication(asked))
		rows = list_concat(rows, read_pattern(session, SITE_PEER, asked));
	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);
		String	   *name = makeString(steep_sql_name(row[0], row[1]));
		RelInfo    *rel = palloc0(sizeof(RelInfo));

		if (list_member(names, name))
			continue;
		names = lappend(names, name);
		rel->schema = row[0];
		rel->name = row[1];
		rels = lappend(rels, rel);
	}
	return rels;
}

/* List the tables of a pattern that the peer has: schema and name each. */
List *
steep_tables_of_peer(Session *session, const char *asked)
{
	return read_pattern(session, SITE_PEER, asked);
}

/*
 * Replace the patterns among the pairs by the tables they name; by those of
 * this node if there is no session.
 */
List *
steep_tables_expand(Session *session, List *pairs)
{
	List	   *expanded = NIL;
	ListCell   *cell;

	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);

		expanded = pair->local ? lappend(expanded, pair) :
			list_concat(expanded, expand_entry(session, pair->asked));
	}
	return expanded;
}

/* Does a name that the caller wrote mean this table? */
bool
steep_tables_names(const char *written, const TablePair *pair)
{
	List	   *names;

	if (strcmp(written, pair->asked) == 0)
		return true;
	names = parse_name(written);
	if (strcmp(strVal(llast(names)), pair->local->name) != 0)
		return false;
	return list_length(names) == 1 ||
		strcmp(strVal(list_nth(names, list_length(names) - 2)),
			   pair->local->schema) == 0;
}
