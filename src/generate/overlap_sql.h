/*-------------------------------------------------------------------------
 *
 * overlap_sql.h
 *		Statements that find the rows in which two tables differ.
 *
 * Spools that the local statements read, by name: local_leaves, peer_leaves,
 * local_keys, peer_keys, differences, local_rows and peer_rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_OVERLAP_SQL_H
#define STEEP_REPL_OVERLAP_SQL_H

#include "base/relinfo.h"
#include "base/statement.h"

/* What steep_overlap_batches_sql() cuts. */
enum
{
	BATCH_KEYS,					/* list of number, category and key */
	BATCH_LOCAL,				/* list of number and key here */
	BATCH_PEER					/* list of number and key on the peer */
};

extern const Statement *steep_overlap_digest_sql(Site site,
												 const TablePair *pair);
extern const Statement *steep_overlap_leaves_sql(const TablePair *pair);
extern const Statement *steep_overlap_keys_sql(Site site,
											   const TablePair *pair,
											   bool filtered);
extern const Statement *steep_overlap_count_sql(const TablePair *pair);
extern const Statement *steep_overlap_differences_sql(const TablePair *pair);
extern const Statement *steep_overlap_categories_sql(const TablePair *pair);
extern const Statement *steep_overlap_batches_sql(const TablePair *pair);
extern const Statement *steep_overlap_rows_sql(Site site,
											   const TablePair *pair);
extern const Statement *steep_overlap_images_sql(const TablePair *pair);

#endif							/* STEEP_REPL_OVERLAP_SQL_H */
