/*-------------------------------------------------------------------------
 *
 * compare.c
 *		Find how one table differs between this node and a peer.
 *
 * First pass: both nodes digest their table into leaves at once.  Leaves
 * that are equal hold equal rows.  Second pass: both nodes read the keys and
 * row digests of the other leaves, the suspects, and a join tells.
 *
 * Every statement here reads the active snapshot of this node and the one
 * snapshot of the peer's transaction, so the counts of a table add up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/testpoint.h"
#include "generate/overlap_sql.h"
#include "ops/compare.h"

#define BATCH_BYTES (16 * 1024 * 1024)	/* of rows, on each side */
#define BULK_SUSPECTS 50000		/* from here the answer comes in pieces */

/* What the first pass found. */
typedef struct Suspects
{
	int64		local_rows;
	int64		peer_rows;
	int			differing;		/* leaves that differ */
	int64		peer_suspects;	/* rows of the peer in them */
	const char *leaves;			/* which, as the second pass wants them */
} Suspects;

/* Run a statement on both nodes at once. */
static void
on_both(Session *session, const Statement *local, const Statement *peer,
		const char *const *values, bool bulk, Spool *here, Spool *there)
{
	if (bulk)
		steep_peer_send_bulk(session->peer, peer, values);
	else
		steep_peer_send(session->peer, peer, values);
	steep_local_rows(local, values, NIL, here);
	steep_peer_collect(session->peer, there);
}

/* First pass: find the leaves that differ. */
static Suspects
find_suspects(Session *session, const TablePair *pair)
{
	Spool	   *here = steep_spool_create("local_leaves");
	Spool	   *there = steep_spool_create("peer_leaves");
	Suspects	suspects;
	char	  **row;

	on_both(session, steep_overlap_digest_sql(SITE_LOCAL, pair),
			steep_overlap_digest_sql(SITE_PEER, pair), NULL, false,
			here, there);
	row = steep_local_row(steep_overlap_leaves_sql(pair), NULL,
						  list_make2(here, there));
	suspects.local_rows = strtoll(row[0], NULL, 10);
	suspects.peer_rows = strtoll(row[1], NULL, 10);
	suspects.differing = atoi(row[2]);
	suspects.peer_suspects = strtoll(row[3], NULL, 10);
	suspects.leaves = row[4];
	steep_spool_end(here);
	steep_spool_end(there);
	return suspects;
}

/*
 * Second pass: read the keys and digests of the suspects of both nodes.
 *
 * When most leaves differ, or there are no leaves to name, all rows are read.
 */
static List *
read_suspects(Session *session, const TablePair *pair,
			  const Suspects *suspects)
{
	bool		filtered = suspects->leaves != NULL &&
		suspects->differing < pair->leaves / 2;
	const char *values[] = {suspects->leaves};
	Spool	   *here = steep_spool_create("local_keys");
	Spool	   *there = steep_spool_create("peer_keys");

	TEST_POINT("compare-second-pass");
	on_both(session, steep_overlap_keys_sql(SITE_LOCAL, pair, filtered),
			steep_overlap_keys_sql(SITE_PEER, pair, filtered), values,
			(filtered ? suspects->peer_suspects : suspects->peer_rows) > BULK_SUSPECTS,
			here, there);
	return list_make2(here, there);
}

static void
end_spools(List *spools)
{
	steep_spool_end(linitial(spools));
	steep_spool_end(lsecond(spools));
}

/*
 * Count the rows that match: all that are not different.  Both nodes must
 * come to the same number.
 */
static void
count_matches(const TablePair *pair, const Suspects *suspects, Counts *counts)
{
	counts->match = suspects->local_rows - counts->local_only - counts->conflict;
	if (counts->match != suspects->peer_rows - counts->remote_only -
		counts->conflict || counts->match < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("counts of table \"%s\" do not add up", pair->asked),
				 errdetail("A key is there more than once, or an index is corrupt."),
				 errhint("Check the unique indexes of the table on both nodes with amcheck.")));
}

/* Count by a join of the suspects. */
static void
count_suspects(Session *session, const TablePair *pair,
			   const Suspects *suspects, Counts *counts)
{
	List	   *spools = read_suspects(session, pair, suspects);
	char	  **row = steep_local_row(steep_overlap_count_sql(pair), NULL,
									  spools);

	counts->local_only = strtoll(row[0], NULL, 10);
	counts->remote_only = strtoll(row[1], NULL, 10);
	counts->conflict = strtoll(row[2], NULL, 10);
	end_spools(spools);
}

/* Count how the rows of one table differ. */
Counts
steep_compare_count(Session *session, const TablePair *pair)
{
	Suspects	suspects = find_suspects(session, pair);
	Counts		counts = {0};

	if (suspects.local_rows == 0 || suspects.peer_rows == 0)
	{
		counts.local_only = suspects.local_rows;
		counts.remote_only = suspects.peer_rows;
	}
	else if (suspects.differing > 0)
		count_suspects(session, pair, &suspects, &counts);
	count_matches(pair, &suspects, &counts);
	return counts;
}

/* Count the rows of a list of differences, which must be whole. */
static void
count_categories(const TablePair *pair, Spool *differences, Counts *counts)
{
	char	  **row = steep_local_row(steep_overlap_categories_sql(pair), NULL,
									  list_make1(differences));

	counts->local_only = strtoll(row[0], NULL, 10);
	counts->remote_only = strtoll(row[1], NULL, 10);
	counts->conflict = strtoll(row[2], NULL, 10);
}

/*
 * List the rows that differ, numbered in key order, in a spool "differences";
 * limit is a number as text, or NULL.  counts may be NULL, and must be if there
 * is a limit.
 */
Spool *
steep_compare_differences(Session *session, const TablePair *pair,
						  const char *limit, Counts *counts)
{
	Suspects	suspects = find_suspects(session, pair);
	Spool	   *differences = steep_spool_create("differences");
	const char *values[] = {limit};
	List	   *spools;

	if (suspects.differing > 0)
	{
		spools = read_suspects(session, pair, &suspects);
		steep_local_rows(steep_overlap_differences_sql(pair), values, spools,
						 differences);
		if (counts)
			count_categories(pair, differences, counts);
		end_spools(spools);
	}
	if (counts)
		count_matches(pair, &suspects, counts);
	return differences;
}

/* Say how many rows of a table make a batch of reasonable size, as text. */
char *
steep_compare_batch_rows(const TablePair *pair, int most)
{
	double		width = Max(pair->local->bytes / Max(pair->local->rows, 1),
							pair->peer->bytes / Max(pair->peer->rows, 1));
	double		rows = BATCH_BYTES / Max(width, 1);

	return psprintf("%d", (int) Min(Max(rows, 1), most));
}
