/*-------------------------------------------------------------------------
 *
 * merge_constraints.c
 *		The constraints that a merge has to keep, and the statements that do
 *		it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "generate/table_sql.h"
#include "ops/merge.h"

/* Ask one node a question about the tables; the rows of the answer. */
static List *
ask(Session *session, const Statement *statement, List *pairs)
{
	Spool	   *spool = steep_spool_create("constraints");
	List	   *schemas = NIL;
	List	   *names = NIL;
	List	   *rows;
	ListCell   *cell;
	const char *values[2];

	foreach(cell, pairs)
	{
		RelInfo    *rel = ((TablePair *) lfirst(cell))->local;

		schemas = lappend(schemas, rel->schema);
		names = lappend(names, rel->name);
	}
	values[0] = steep_sql_array(schemas);
	values[1] = steep_sql_array(names);
	if (statement->site == SITE_LOCAL)
		steep_local_rows(statement, values, NIL, spool);
	else
		steep_peer_rows(session->peer, statement, values, spool);
	rows = steep_spool_texts(spool);
	steep_spool_end(spool);
	return rows;
}

/* Read one side's foreign keys from and to the tables. */
List *
steep_merge_foreign_keys(Session *session, Site site, List *pairs)
{
	return steep_fkgraph_build(ask(session,
								   steep_catalog_foreign_keys_sql(site), pairs));
}

/* Read what one side's triggers would check of the tables. */
Constraints *
steep_merge_constraints(Session *session, Site site, List *pairs)
{
	Constraints *constraints = palloc(sizeof(Constraints));

	constraints->keys = steep_merge_foreign_keys(session, site, pairs);
	constraints->exclusions =
		steep_exclusion_build(ask(session, steep_catalog_exclusions_sql(site),
								  pairs));
	return constraints;
}

/* Append a generator's statement to a list. */
static List *
add(List *statements, const Statement *statement)
{
	return lappend(statements, unconstify(Statement *, statement));
}

/*
 * Refuse to leave alone a part of what other rows refer to: what they refer
 * to now would not be in the images.
 */
static void
check_referenced(const TablePair *pair, const RelInfo *rel, const ForeignKey *fk)
{
	ListCell   *cell;

	foreach(cell, fk->referenced)
	{
		if (!steep_relinfo_column(rel, lfirst(cell))->excluded)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" cannot be excluded",
						(char *) lfirst(cell), steep_merge_table(pair)),
				 errdetail("Foreign key \"%s\" refers to it together with columns that are merged.",
						   fk->name),
				 errhint("Exclude all these columns, or none.")));
	}
}

/* Append the checks of the constraints from and to one side's table. */
static List *
add_checks(List *statements, Site site, const TablePair *pair,
		   const Constraints *constraints)
{
	const RelInfo *rel = steep_table_side(site, pair);
	ListCell   *cell;

	foreach(cell, constraints->exclusions)
	{
		if (steep_exclusion_is_of(lfirst(cell), rel))
			statements = add(statements,
							 steep_merge_exclusion_sql(site, pair, lfirst(cell)));
	}
	foreach(cell, constraints->keys)
	{
		const ForeignKey *fk = lfirst(cell);

		if (steep_fkgraph_is_child(fk, rel))
			statements = add(statements, steep_merge_orphan_sql(site, pair, fk));
		if (!steep_fkgraph_is_parent(fk, rel) || !steep_merge_can_widow(pair, fk))
			continue;
		check_referenced(pair, rel, fk);
		statements = add(statements, steep_merge_widow_sql(site, pair, fk));
	}
	return statements;
}

/*
 * List the statements that apply a plan to one table, in their order.  Their
 * text follows from the table's shape, so when it is another one by the time
 * of applying, the shape has changed.
 */
List *
steep_merge_statements(const TablePair *pair, const Constraints *here,
					   const Constraints *there)
{
	List	   *list = NIL;

	list = add(list, steep_merge_guard_sql(SITE_LOCAL, pair));
	list = add(list, steep_merge_guard_sql(SITE_PEER, pair));
	list = add(list, steep_merge_lock_sql(SITE_LOCAL, pair));
	list = add(list, steep_merge_lock_sql(SITE_PEER, pair));
	list = add(list, steep_merge_insert_sql(SITE_LOCAL, pair));
	list = add(list, steep_merge_insert_sql(SITE_PEER, pair));
	list = add(list, steep_merge_update_sql(SITE_LOCAL, pair));
	list = add(list, steep_merge_update_sql(SITE_PEER, pair));
	if (pair->deletes || steep_merge_replaces(SITE_LOCAL, pair))
		list = add(list, steep_merge_delete_sql(SITE_LOCAL, pair));
	if (pair->deletes || steep_merge_replaces(SITE_PEER, pair))
		list = add(list, steep_merge_delete_sql(SITE_PEER, pair));
	list = add_checks(list, SITE_LOCAL, pair, here);
	return add_checks(list, SITE_PEER, pair, there);
}
