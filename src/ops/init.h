/*-------------------------------------------------------------------------
 *
 * init.h
 *		Inits: this node becomes a copy of another, and follows it.
 *
 * Stage by stage; each method has some of them:
 *
 *	1	clean		remove what an earlier init has left here
 *	2	source		remove what it has left on the source
 *	3	prepare		record what will be made; make the publication
 *	4	schema		create what tables are missing here
 *	5	plan		how to copy the rows
 *	6	copy		the rows: how depends on the method
 *	7	index		build indexes and keys
 *	8	finish		constraints, comments, grants
 *	9	analyze		gather statistics
 *	10	subscribe	make the subscription
 *	11	mutual		make the one back; or wait until its workers have copied
 *	12	catchup		wait until the source's log is applied
 *	13	settle		look again at rows that both nodes have changed
 *	14	await		wait for the merge that settles them
 *	15	conclude	say whether any are left
 *
 * What an init makes, here or on the source, is recorded and committed before
 * it is made: names are settled when the init is submitted, tables in stage 3.
 * So whatever crashes, a later step or job knows what there is to remove.
 *
 * A worker reaches the source by its entry in steep_repl.nodes, which holds no
 * secret, as the job's owner; so an init needs no server of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INIT_H
#define STEEP_REPL_INIT_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "jobs/operation.h"
#include "ops/node.h"

#define INIT_START "init_start"
#define INIT_REINIT "reinit"
#define INIT_CLEAN "init_clean"

#define INIT_STAGE_CLEAN 1
#define INIT_STAGE_SOURCE 2
#define INIT_STAGE_PREPARE 3
#define INIT_STAGE_SCHEMA 4
#define INIT_STAGE_PLAN 5
#define INIT_STAGE_COPY 6
#define INIT_STAGE_INDEX 7
#define INIT_STAGE_FINISH 8
#define INIT_STAGE_ANALYZE 9
#define INIT_STAGE_SUBSCRIBE 10
#define INIT_STAGE_MUTUAL 11
#define INIT_STAGE_CATCHUP 12
#define INIT_STAGE_SETTLE 13
#define INIT_STAGE_AWAIT 14
#define INIT_STAGE_CONCLUDE 15

/* nodes.init_state */
typedef enum InitState
{
	NODE_UNINITIALIZED,
	NODE_PREPARING,
	NODE_COPYING,
	NODE_CATCHING_UP,
	NODE_SYNCHRONIZED,
	NODE_DIVERGED,
	NODE_FAILED,
	NODE_REINITIALIZING
} InitState;

typedef struct Init Init;

/* How rows get here. */
typedef struct InitMethod
{
	const char *name;
	bool		empty;			/* tables here must have no rows */
	int			version;		/* server_version_num that both need at least */
	void		(*plan) (List **steps); /* adds StepSpecs from
										 * INIT_STAGE_SCHEMA on */
	bool		files;			/* the source writes files for its slot */
	bool		own;			/* rows are of the user's own backup */
	void		(*check) (const Init *init);	/* the options; or NULL */
} InitMethod;

/* A row of steep_repl.inits, and what is to be known of it before that. */
struct Init
{
	const char *id;				/* NULL until it is recorded */
	const char *node;			/* that becomes a copy: this one */
	const char *source;			/* node that is copied */
	const InitMethod *method;
	Jsonb	   *options;
	List	   *asked;			/* entries of the option "tables", or NIL */
	const char *tables;			/* text[] of quoted names, as the source has
								 * them */
	const char *publication;
	const char *slot;
	const char *subscription;
	const char *snapshot_id;	/* or NULL */
	const char *merge_id;		/* or NULL */
	const char *lsn;			/* where the slot starts, or NULL */
};

/* A row of steep_repl.init_objects. */
typedef struct InitObject
{
	const char *id;
	const char *node;			/* that has it */
	const char *kind;			/* subscription, slot, publication, table,
								 * rows, snapshot: here by its id, on the
								 * source by the slot it is for */
	const char *name;
} InitObject;

/* A table, as the source has it. */
typedef struct InitTable
{
	const char *schema;
	const char *name;
	bool		identified;		/* its updates can be replicated */
} InitTable;

/* init.c */
extern const InitMethod *steep_init_method(const char *name);
extern void steep_init_new(Init *init, const char *kind);
extern Init *steep_init_load(const char *id);
extern void steep_init_mark(const char *id, const char *status,
							const JobError *error);
extern void steep_init_record_lsn(const Init *init, const char *lsn);
extern Datum steep_init_node_record(const char *node);

/* init_object.c */
extern void steep_init_record_object(const Init *init, const char *node,
									 const char *kind, const char *name);
extern List *steep_init_left_objects(const char *node, const char *except);
extern bool steep_init_is_left(const Init *init, const char *kind,
							   const char *name);
extern void steep_init_enqueue_clean(const char *id);
extern void steep_init_forget_object(const InitObject *object);

/* init_state.c */
extern const char *steep_init_state_name(InitState state);
extern InitState steep_init_state_parse(const char *name);
extern void steep_init_check_move(const char *node, InitState from,
								  InitState to);
extern void steep_init_move(const char *node, InitState from, InitState to,
							const char *role, const char *init,
							const char *error);

/* init_options.c */
extern void steep_init_check_options(Jsonb *options);
extern bool steep_init_flag(const Init *init, const char *name);
extern const char *steep_init_text(const Init *init, const char *name);
extern int	steep_init_parallel(const Init *init);

/* init_check.c */
extern void steep_init_check_publisher(const char *label, char **facts,
									   bool publishes);
extern void steep_init_check_source(Session *session, const Init *init);
extern void steep_init_check_target(const Init *init, List *tables);

/* init_tables.c */
extern List *steep_init_qualify(ArrayType *asked);
extern List *steep_init_find_tables(Session *session, List *asked,
									const char *publication);
extern char *steep_init_table_names(List *tables);
extern List *steep_init_tables(const Init *init);

/* init_submit.c */
extern void steep_init_check_here(const char *id);
extern char *steep_init_object_name(const char *node);
extern void steep_init_settle_names(Init *init);
extern PeerAddress *steep_init_source_address(const Init *init);
extern InitState steep_init_lock(const char *node);
extern void steep_init_enqueue(const Init *init);
extern void steep_init_deny(const char *node);

/* the steps, and what plans them */
extern void steep_init_clean(StepContext *step);
extern void steep_init_clean_source(StepContext *step);
extern void steep_init_drop_slot(const Session *session, Site site,
								 const char *name);
extern void steep_init_prepare(StepContext *step);
extern void steep_init_schema(StepContext *step);
extern void steep_init_slot(StepContext *step);
extern void steep_init_subscribe(StepContext *step);
extern void steep_init_copy(StepContext *step);
extern void steep_init_reset(StepContext *step);
extern void steep_init_catch_up(StepContext *step);
extern void steep_init_wait_until(bool (*done) (void *arg), void *arg);
extern void steep_init_plan_snapshot(List **steps);
extern void steep_init_plan_merge(List **steps);
extern void steep_init_plan_direct(List **steps);
extern void steep_init_plan_files(List **steps);
extern void steep_init_plan_manual(List **steps);
extern void steep_init_plan_step(List **steps, int stage, const char *kind);

/* init_operation.c */
extern const Operation steep_init_operation;
extern const Operation steep_reinit_operation;
extern const Operation steep_init_clean_operation;

#endif							/* STEEP_REPL_INIT_H */
