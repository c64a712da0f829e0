/*-------------------------------------------------------------------------
 *
 * books.h
 *		Act as the extension's owner, and speak with its SQL functions.
 *
 * For book-keeping in our own tables by static statements, never for what a
 * user has a say in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_BOOKS_H
#define STEEP_REPL_BOOKS_H

#include "jobs/operation.h"
#include "run/local.h"

/* The columns that steep_books_job() reads, in this order. */
#define STEEP_JOB_COLUMNS \
	"id, operation, merge_id, snapshot_id, init_id, params, owner, owner_name, parallel, attempt"
#define STEEP_JOB_NCOLUMNS 10

/* The extension's owner at work; an error undoes it with the transaction. */
typedef struct Books
{
	SavedUser	user;
	int			nestlevel;
} Books;

extern Books steep_books_open(void);
extern void steep_books_close(Books books);
extern uint64 steep_books_none(const Statement *statement,
							   const char *const *values, List *with);
extern char **steep_books_row(const Statement *statement,
							  const char *const *values);
extern List *steep_books_rows(const Statement *statement,
							  const char *const *values);
extern bool steep_books_hold_extension(void);
extern const char *steep_books_number(int64 number);
extern const char *steep_books_list(const int64 *numbers, int count);
extern Job *steep_books_job(char **row);
extern int64 steep_books_integer(const char *text);
extern bool steep_books_bool(const char *text);

#endif							/* STEEP_REPL_BOOKS_H */
