/*-------------------------------------------------------------------------
 *
 * merge_write.h
 *		Lock, check and write the rows of one batch of a merge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_WRITE_H
#define STEEP_REPL_MERGE_WRITE_H

#include "ops/merge_walk.h"

/* One batch, while it is applied. */
typedef struct Apply
{
	StepContext *step;
	Merge	   *merge;
	Session    *session;
	const char *table;			/* the only one, or NULL: all */
	List	   *pairs;			/* parents first */
	Constraints *here;			/* of this node */
	Constraints *there;			/* of the peer */
	const char *batch;			/* its number, as text */
	const char *after;			/* its decisions: after this one, */
	const char *until;			/* up to this one */
	int			round;
	int			replans;		/* rows that move may be planned as often
								 * again */
	bool		forward;		/* the peer has done it before */
	bool		moved;			/* a row of the batch is left out */
	bool		may_retreat;	/* nothing need be written in this round */
	bool		local_replica;	/* no trigger and no foreign key fires here */
	bool		peer_replica;
	bool		local_tagged;	/* what is written here is not sent on */
	bool		peer_tagged;
	int64		chunks;			/* of rows, so far */
	int64		chunk;			/* the one that is being written, or 0 */
	int64		suspect;		/* the one with a row that can't be written,
								 * if it is looked for, or 0 */
} Apply;

/* Rows of one table to be written to one node in one way. */
typedef struct Writing
{
	const Apply *apply;
	TablePair  *pair;
	Site		site;
	const char *actions;		/* that it is about, as an array */
	bool		old;			/* the rows as they were */
	const Statement *statement;
	int			event;			/* for which triggers fire, as in tgtype */
	ChunkWalk  *walk;			/* of the rows, or NULL: there are none */
	int64		chunk;			/* the number of this one */
	char		after[32];		/* the decision after which it starts */
} Writing;

/* What steep_merge_cut_rows() cuts. */
enum
{
	ROWS_LAST,					/* number of the last decision */
	ROWS_COUNT,
	ROWS_IMAGES,				/* an array */
	ROWS_DIGESTS				/* another */
};

/* merge_apply.c */
extern Apply *steep_merge_prepare(StepContext *step);
extern void steep_merge_claim_batch(Apply *apply);
extern bool steep_merge_finish_batch(Apply *apply);
extern ErrorData *steep_merge_try_batch(Apply *apply, bool *written);
extern void steep_merge_mark_round(const Apply *apply);

/* merge_batch.c */
extern void steep_merge_mark_batch(const Apply *apply, bool written);

/* merge_guard.c */
extern void steep_merge_exclude_others(Apply *apply);
extern void steep_merge_guard_tables(Apply *apply);

/* merge_write.c */
extern ChunkWalk *steep_merge_walk_batch(const Apply *apply,
										 const TablePair *pair,
										 const Statement *cut);
extern void steep_merge_lock_rows(Apply *apply);
extern void steep_merge_write_rows(Apply *apply);

extern char **steep_merge_cut_rows(const Writing *writing, const char *after,
								   int64 n);
extern void steep_merge_send_chunk(Apply *apply, const Writing *writing,
								   char **chunk);
extern void steep_merge_write_chunk(Apply *apply, const Writing *writing,
									char **chunk);

/* merge_written.c */
extern bool steep_merge_is_replica(const Apply *apply, Site site);
extern void steep_merge_add_hint(void *arg);
extern void steep_merge_check_written(Apply *apply, const Writing *writing,
									  const char *wanted, char **row);

/* merge_await.c */
extern bool steep_merge_is_quiet(const Apply *apply);

/* merge_search.c */
extern ErrorData *steep_merge_try(Apply *apply,
								  void (*work) (Apply *apply, void *arg),
								  void *arg);
extern bool steep_merge_search(Apply *apply, const ErrorData *error);
extern void steep_merge_write_halves(Apply *apply, const Writing *writing,
									 const char *after, int64 n);

/* merge_exclusions.c */
extern void steep_merge_check_exclusions(Apply *apply);

/* merge_references.c */
extern bool steep_merge_check_references(Apply *apply);

#endif							/* STEEP_REPL_MERGE_WRITE_H */
