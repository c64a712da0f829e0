/*-------------------------------------------------------------------------
 *
 * merge_written.c
 *		What became of rows that a merge has written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "generate/table_sql.h"
#include "ops/merge_write.h"

/* Does no trigger fire on a node? */
bool
steep_merge_is_replica(const Apply *apply, Site site)
{
	return site == SITE_LOCAL ? apply->local_replica : apply->peer_replica;
}

/* Say what it takes to delete and insert rows instead, or NULL. */
static char *
way_to_replace(const Writing *writing)
{
	const TablePair *pair = writing->pair;
	const RelInfo *rel = steep_table_side(writing->site, pair);
	List	   *grants = NIL;

	if (pair->excluded != NIL)
		return NULL;
	if (writing->apply->merge->options->fire_triggers)
		return "merge without the option fire_triggers";
	if (!rel->deletable)
		grants = lappend(grants, psprintf("DELETE ON %s",
										  steep_sql_name(rel->schema, rel->name)));
	if (!steep_merge_is_replica(writing->apply, writing->site))
		grants = lappend(grants, "SET ON PARAMETER session_replication_role");
	return grants == NIL ? NULL :
		psprintf("GRANT %s to the role that connects there",
				 steep_sql_join(grants, " and "));
}

/* In the context of an error: tell how unique values can change places. */
void
steep_merge_add_hint(void *arg)
{
	int			code = geterrcode();
	char	   *way = way_to_replace(arg);

	if ((code == ERRCODE_UNIQUE_VIOLATION ||
		 code == ERRCODE_EXCLUSION_VIOLATION) && way != NULL)
		errhint("If rows exchange such values, %s.", way);
}

/* Name the triggers that may change rows before they are written, or NULL. */
static char *
find_triggers(Apply *apply, const Writing *writing)
{
	const RelInfo *rel = steep_table_side(writing->site, writing->pair);
	const Statement *find = steep_catalog_triggers_sql(writing->site);
	const char *values[] = {
		rel->schema, rel->name, psprintf("%d", writing->event)
	};

	return writing->site == SITE_LOCAL ?
		steep_local_value(find, values, NIL) :
		steep_peer_value(apply->session->peer, find, values);
}

/*
 * Refuse what became of rows that were written.
 *
 * They are locked, so those that are updated or deleted can't have gone; one
 * that is inserted may have come meanwhile.
 */
void
steep_merge_check_written(Apply *apply, const Writing *writing,
						  const char *wanted, char **row)
{
	const char *table = steep_merge_table(writing->pair);
	bool		whole = strcmp(row[0], wanted) == 0;
	char	   *triggers;
	char	   *way;

	if (whole && strcmp(row[1], wanted) == 0)
		return;
	triggers = find_triggers(apply, writing);
	if (!whole && triggers == NULL && steep_merge_is_replica(apply, writing->site))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of table \"%s\" appeared or went while they were merged",
						table),
				 errdetail("Step \"%s\" wrote %s rows of %s.",
						   writing->statement->purpose, row[0], wanted)));
	way = steep_merge_is_rigid(writing->site, writing->pair) ?
		way_to_replace(writing) : NULL;
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("rows of table \"%s\" are not what was written %s", table,
					writing->site == SITE_LOCAL ? "here" : "on the peer"),
			 triggers ? errdetail("%s of %s rows are, after trigger %s.",
								  row[1], wanted, triggers) :
			 errdetail("%s of %s rows are.", row[1], wanted),
			 way ? errhint("No update can write an identity column that is always generated: %s.", way) :
			 errhint("Look for triggers and generated columns that differ between the nodes; if there are none, start a new merge.")));
}
