/*-------------------------------------------------------------------------
 *
 * merge_sql.h
 *		Statements that plan, apply and verify a merge.
 *
 * Spools that the local statements read, by name: local_rows and peer_rows
 * (keys, digests and images of both sides) and decided (decisions to be
 * recorded).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_SQL_H
#define STEEP_REPL_MERGE_SQL_H

#include "base/fkgraph.h"
#include "base/relinfo.h"
#include "base/statement.h"

/* plan */
extern const Statement *steep_merge_read_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_decide_sql(const TablePair *pair);

/* apply: the transaction */
extern const Statement *steep_merge_may_mark_sql(void);
extern const Statement *steep_merge_may_replicate_sql(Site site);
extern const Statement *steep_merge_begin_sql(void);
extern const Statement *steep_merge_settings_sql(Site site);
extern const Statement *steep_merge_claim_sql(void);
extern const Statement *steep_merge_result_sql(void);
extern const Statement *steep_merge_record_sql(void);
extern const Statement *steep_merge_immediate_sql(Site site);
extern const Statement *steep_merge_commit_sql(void);
extern const Statement *steep_merge_exclude_sql(Site site);

/* apply: one table */
extern const Statement *steep_merge_guard_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_lock_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_insert_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_update_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_orphan_sql(Site site, const TablePair *pair,
											   const ForeignKey *fk);
extern bool steep_merge_can_widow(const TablePair *pair, const ForeignKey *fk);
extern const Statement *steep_merge_widow_sql(Site site, const TablePair *pair,
											  const ForeignKey *fk);

/* verify */
extern const Statement *steep_merge_look_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_verify_sql(const TablePair *pair);

/* our own table, cut into chunks */
extern const Statement *steep_merge_keys_chunk_sql(const TablePair *pair);
extern const Statement *steep_merge_old_chunk_sql(Site site,
												  const TablePair *pair,
												  const ForeignKey *fk);
extern void steep_merge_chunk_params(Statement *statement);

#endif							/* STEEP_REPL_MERGE_SQL_H */
