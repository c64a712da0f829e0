/*-------------------------------------------------------------------------
 *
 * merge_sql.h
 *		Statements that plan, apply and verify a merge.
 *
 * Spools that the local statements read, by name: local_rows and peer_rows
 * (numbers, digests and images of both sides) and decided (decisions to be
 * recorded).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_SQL_H
#define STEEP_REPL_MERGE_SQL_H

#include "base/exclusion.h"
#include "base/fkgraph.h"
#include "base/relinfo.h"
#include "base/statement.h"

/* How the rows of a table are decided. */
typedef struct DecisionRule
{
	const char *strategy;
	bool		by_time;		/* the newer row wins */
	const char *time_column;	/* when a row was changed; NULL: its commit */
	const char *winner;			/* of other conflicts, and of those that are
								 * equally new: local, remote or NULL: a
								 * person */
	bool		inserts;		/* rows may be inserted */
	bool		updates;
	bool		to_local;		/* this node may be written */
	bool		to_peer;
} DecisionRule;

/* Which decisions on a table a statement cuts. */
typedef enum Cut
{
	CUT_PLANNED,				/* with the digests before */
	CUT_PLANNED_HERE,			/* the same, if this node is to be written */
	CUT_STALE,
	CUT_STALE_ONE_SIDED,		/* those that were on one node only */
	CUT_WRITTEN_HERE,			/* planned, inserted or updated here */
	CUT_WRITTEN_THERE,
	CUT_APPLIED					/* with the digests after */
} Cut;

/* What steep_merge_batches_sql() cuts. */
enum
{
	BATCH_HERE,					/* list of number and key here */
	BATCH_THERE					/* list of number and key on the peer */
};

/* The columns of steep_merge_generated_sql(). */
enum
{
	GENERATED_COLUMN,
	GENERATED_EXPRESSION,
	GENERATED_TYPE
};

/* plan */
extern const Statement *steep_merge_batches_sql(const TablePair *pair);
extern const Statement *steep_merge_read_sql(Site site, const TablePair *pair,
											 const DecisionRule *rule);
extern const Statement *steep_merge_decide_sql(const TablePair *pair,
											   const DecisionRule *rule);

extern const Statement *steep_merge_generated_sql(void);
extern const Statement *steep_merge_custom_sql(const char *table,
											   List *names, int nkeys,
											   List *generated);
extern const Statement *steep_merge_commit_times_sql(Site site);
extern const Statement *steep_merge_clock_sql(Site site);

/* apply: the transaction */
extern const Statement *steep_merge_may_mark_sql(void);
extern const Statement *steep_merge_may_replicate_sql(Site site);
extern const Statement *steep_merge_begin_sql(void);
extern const Statement *steep_merge_settings_sql(Site site);
extern const Statement *steep_merge_claim_sql(void);
extern const Statement *steep_merge_result_sql(void);
extern const Statement *steep_merge_record_sql(void);
extern const Statement *steep_merge_forget_sql(void);
extern const Statement *steep_merge_deferred_sql(Site site);
extern const Statement *steep_merge_immediate_sql(Site site);
extern const Statement *steep_merge_savepoint_sql(void);
extern const Statement *steep_merge_release_sql(void);
extern const Statement *steep_merge_rollback_sql(void);
extern const Statement *steep_merge_commit_sql(void);
extern const Statement *steep_merge_abort_sql(void);
extern const Statement *steep_merge_exclude_sql(Site site);

/* apply: one table */
extern const Statement *steep_merge_guard_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_lock_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_insert_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_update_sql(Site site, const TablePair *pair);
extern const Statement *steep_merge_delete_sql(Site site, const TablePair *pair);
extern bool steep_merge_is_rigid(Site site, const TablePair *pair);
extern bool steep_merge_replaces(Site site, const TablePair *pair);
extern const Statement *steep_merge_orphan_sql(Site site, const TablePair *pair,
											   const ForeignKey *fk);
extern bool steep_merge_can_widow(const TablePair *pair, const ForeignKey *fk);
extern const Statement *steep_merge_widow_sql(Site site, const TablePair *pair,
											  const ForeignKey *fk);
extern const Statement *steep_merge_exclusion_sql(Site site,
												  const TablePair *pair,
												  const Exclusion *exclusion);

/* verify */
extern const Statement *steep_merge_look_sql(Site site, const TablePair *pair);

/* our own table, cut into chunks */
extern char *steep_merge_key_list(const char *n, const char *format,
								  const char *more, List *keys,
								  const char *filter);
extern const Statement *steep_merge_keys_chunk_sql(const TablePair *pair, Cut cut);
extern const Statement *steep_merge_old_chunk_sql(Site site,
												  const TablePair *pair,
												  const ForeignKey *fk);
extern void steep_merge_chunk_params(Statement *statement);

#endif							/* STEEP_REPL_MERGE_SQL_H */
