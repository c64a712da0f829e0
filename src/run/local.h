/*-------------------------------------------------------------------------
 *
 * local.h
 *		Run a Statement on this node, through SPI.
 *
 * Four verbs, by what comes back: none, value, row, rows; and send, for rows
 * that go to a receiver one by one.  Values are the text forms of the
 * parameters, NULL for null.  "with" is a list of Spools that the statement
 * may read as relations, by their names.
 *
 * A statement that does not write reads the active snapshot, so several of
 * them see the same rows.  Results live in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LOCAL_H
#define STEEP_REPL_LOCAL_H

#include "access/tupdesc.h"
#include "tcop/dest.h"
#include "utils/tuplestore.h"

#include "base/statement.h"

/* Rows kept in a tuplestore: memory up to work_mem, then a file. */
typedef struct Spool
{
	const char *name;			/* how SQL text calls it */
	Tuplestorestate *store;
	TupleDesc	desc;			/* NULL until a statement filled it */
	int64		nrows;
} Spool;

/* Who this backend was before it acted as the extension's owner. */
typedef struct SavedUser
{
	Oid			user;
	int			context;
} SavedUser;

extern Spool *steep_spool_create(const char *name);
extern void steep_spool_end(Spool *spool);
extern List *steep_spool_texts(Spool *spool);
extern char **steep_spool_next(Spool *spool);

extern uint64 steep_local_none(const Statement *statement,
							   const char *const *values, List *with);
extern char *steep_local_value(const Statement *statement,
							   const char *const *values, List *with);
extern char **steep_local_row(const Statement *statement,
							  const char *const *values, List *with);
extern Datum steep_local_record(const Statement *statement,
								const char *const *values);
extern void steep_local_rows(const Statement *statement,
							 const char *const *values, List *with,
							 Spool *into);

extern uint64 steep_local_send(const Statement *statement,
							   const char *const *values,
							   DestReceiver *receiver);

extern SavedUser steep_local_become_owner(void);
extern void steep_local_become_user(SavedUser saved);

#endif							/* STEEP_REPL_LOCAL_H */
