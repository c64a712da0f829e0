/*-------------------------------------------------------------------------
 *
 * compare.h
 *		Find how one table differs between this node and a peer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COMPARE_H
#define STEEP_REPL_COMPARE_H

#include "ops/session.h"

typedef struct Counts
{
	int64		local_only;
	int64		remote_only;
	int64		match;
	int64		conflict;
} Counts;

extern Counts steep_compare_count(Session *session, const TablePair *pair);
extern Spool *steep_compare_differences(Session *session,
										const TablePair *pair,
										const char *limit, Counts *counts);

extern char *steep_compare_batch_rows(const TablePair *pair, int most);

#endif							/* STEEP_REPL_COMPARE_H */
