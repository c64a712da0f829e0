/*-------------------------------------------------------------------------
 *
 * merge_references.c
 *		Check the foreign keys of the rows that a merge has written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/table_sql.h"
#include "ops/merge_write.h"

/* One check of one foreign key on one node. */
typedef struct Check
{
	const Statement *statement;
	const ForeignKey *fk;
	bool		orphan;			/* looks for children, not for parents */
	bool		broken;			/* found one, and may wait for those left out */
} Check;

/* Refuse a row that has no parent. */
static void
report(const TablePair *pair, const Check *check, const char *row)
{
	const ForeignKey *fk = check->fk;
	char	   *child = steep_sql_name(fk->child_schema, fk->child);
	char	   *parent = steep_sql_name(fk->parent_schema, fk->parent);
	const char *where = check->statement->site == SITE_LOCAL ? "here" :
		"on the peer";

	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 check->orphan ?
			 errmsg("merged row of table \"%s\" would have no parent %s",
					steep_merge_table(pair), where) :
			 errmsg("row of table \"%s\" would lose its parent %s", child, where),
			 errdetail("Foreign key \"%s\": no row of table \"%s\" has %s.",
					   fk->name, parent, row),
			 errhint("Merge table \"%s\" as well, in the same call.",
					 check->orphan ? parent : child)));
}

/* Check a chunk of rows. */
static void
check_chunk(Apply *apply, TablePair *pair, char **chunk, Check *check)
{
	Site		site = check->statement->site;
	const char *list = !check->orphan ? chunk[1] :
		chunk[site == SITE_LOCAL ? CHUNK_LOCAL : CHUNK_PEER];
	char	  **row;

	row = site == SITE_LOCAL ? steep_local_row(check->statement, &list, NIL) :
		steep_peer_row(apply->session->peer, check->statement, &list);
	if (row == NULL)
		return;
	if (!apply->moved || !apply->may_retreat)
		report(pair, check, row[0]);
	check->broken = true;
}

/* Check one foreign key, from or to a table; false if it is broken. */
static bool
check_key(Apply *apply, TablePair *pair, Site site, const ForeignKey *fk,
		  bool orphan)
{
	Check		check = {.fk = fk,.orphan = orphan};
	const Statement *cut;
	ChunkWalk  *walk;
	char	  **chunk;

	check.statement = orphan ? steep_merge_orphan_sql(site, pair, fk) :
		steep_merge_widow_sql(site, pair, fk);
	cut = !orphan ? steep_merge_old_chunk_sql(site, pair, fk) :
		steep_merge_keys_chunk_sql(pair, site == SITE_LOCAL ?
								   CUT_WRITTEN_HERE : CUT_WRITTEN_THERE);
	walk = steep_merge_walk_batch(apply, pair, cut);
	while (!check.broken && (chunk = steep_merge_walk_next(walk)) != NULL)
		check_chunk(apply, pair, chunk, &check);
	steep_merge_walk_end(walk);
	return !check.broken;
}

/* Check the foreign keys of the rows written to one node. */
static bool
check_site(Apply *apply, Site site, List *keys)
{
	bool		whole = true;
	ListCell   *cell;
	ListCell   *key;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);
		const RelInfo *rel = steep_table_side(site, pair);

		foreach(key, keys)
		{
			const ForeignKey *fk = lfirst(key);

			if (whole && steep_fkgraph_is_child(fk, rel))
				whole = check_key(apply, pair, site, fk, true);
			if (whole && steep_fkgraph_is_parent(fk, rel) &&
				steep_merge_can_widow(pair, fk))
				whole = check_key(apply, pair, site, fk, false);
		}
	}
	return whole;
}

/*
 * Check the foreign keys of what was written where they did not fire; where
 * they fire, they have.  False if a row has no parent, and the reason may be
 * that another row was left out.
 */
bool
steep_merge_check_references(Apply *apply)
{
	if (apply->local_replica &&
		!check_site(apply, SITE_LOCAL, apply->here->keys))
		return false;
	return !apply->peer_replica || apply->forward ||
		check_site(apply, SITE_PEER, apply->there->keys);
}
