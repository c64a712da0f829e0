/*-------------------------------------------------------------------------
 *
 * options.h
 *		The options of start_merge(), checked and read; and how to look at
 *		those of other functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_OPTIONS_H
#define STEEP_REPL_OPTIONS_H

#include "utils/jsonb.h"

/* The options that hold for all tables; what is by table is not here. */
typedef struct MergeOptions
{
	bool		by_batch;		/* commit each batch by itself */
	int			batch_size;		/* rows of one statement; 0 = default */
	int			lock_timeout;	/* ms; -1 = default */
	bool		fire_triggers;
	bool		sequences;		/* move them past what is merged */
	bool		inserts;		/* copy rows that one node lacks */
	bool		updates;		/* settle conflicts */
	bool		to_local;		/* this node is written */
	bool		to_remote;		/* the peer is written */
	int64		max_changes;	/* rows; -1 = any */
	double		max_change_percent; /* of a table's rows; -1 = any */
	bool		allow_echo;
	const char *tie;			/* local, remote or manual */
	bool		await_replication;	/* write no row that one is under way to */
	const char *local_snapshot; /* what is planned from; both or neither */
	const char *peer_snapshot;
} MergeOptions;

typedef void (*OptionVisit) (const char *name, const JsonbValue *value,
							 const void *arg);

/* options.c */
extern void steep_options_visit(Jsonb *options, OptionVisit visit,
								const void *arg);
extern void steep_options_check(Jsonb *options);
extern const char *steep_options_strategy(const char *written);

/* options_read.c */
extern Jsonb *steep_options_object(Jsonb *options, const char *name);
extern const char *steep_options_text(Jsonb *options, const char *name);
extern MergeOptions *steep_options_read(Jsonb *options);

#endif							/* STEEP_REPL_OPTIONS_H */
