/*-------------------------------------------------------------------------
 *
 * merge_exclusions.c
 *		Check the deferrable unique and exclusion constraints of the rows that a
 *		merge has written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "generate/table_sql.h"
#include "ops/merge_write.h"

/* One check of one constraint on one node. */
typedef struct Check
{
	const Statement *statement;
	const Exclusion *exclusion;
} Check;

/* Check a chunk of rows. */
static void
check_chunk(Apply *apply, const TablePair *pair, char **chunk,
			const Check *check)
{
	Site		site = check->statement->site;
	const char *keys = chunk[site == SITE_LOCAL ? CHUNK_LOCAL : CHUNK_PEER];
	char	  **row = site == SITE_LOCAL ?
		steep_local_row(check->statement, &keys, NIL) :
		steep_peer_row(apply->session->peer, check->statement, &keys);

	if (row == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("merged row of table \"%s\" would break constraint \"%s\" %s",
					steep_merge_table(pair), check->exclusion->name,
					site == SITE_LOCAL ? "here" : "on the peer"),
			 errdetail("Another row excludes its %s.", row[0]),
			 errhint("Change one of the two rows, and start a new merge.")));
}

/* Check one constraint of the rows written to one node. */
static void
check_constraint(Apply *apply, const TablePair *pair, Site site,
				 const Exclusion *exclusion)
{
	Check		check = {
		.exclusion = exclusion,
		.statement = steep_merge_exclusion_sql(site, pair, exclusion),
	};
	ChunkWalk  *walk =
		steep_merge_walk_batch(apply, pair,
							   steep_merge_keys_chunk_sql(pair, site == SITE_LOCAL ?
														  CUT_WRITTEN_HERE : CUT_WRITTEN_THERE));
	char	  **chunk;

	while ((chunk = steep_merge_walk_next(walk)) != NULL)
		check_chunk(apply, pair, chunk, &check);
	steep_merge_walk_end(walk);
}

/* Check the rows written to one node. */
static void
check_site(Apply *apply, Site site, List *exclusions)
{
	ListCell   *cell;
	ListCell   *of;

	foreach(cell, apply->pairs)
	{
		const TablePair *pair = lfirst(cell);

		foreach(of, exclusions)
		{
			if (steep_exclusion_is_of(lfirst(of), steep_table_side(site, pair)))
				check_constraint(apply, pair, site, lfirst(of));
		}
	}
}

/* Check the constraints of what was written where their triggers do not fire. */
void
steep_merge_check_exclusions(Apply *apply)
{
	if (apply->local_replica)
		check_site(apply, SITE_LOCAL, apply->here->exclusions);
	if (apply->peer_replica && !apply->forward)
		check_site(apply, SITE_PEER, apply->there->exclusions);
}
