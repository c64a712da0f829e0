/*-------------------------------------------------------------------------
 *
 * copytext.h
 *		Rows as COPY writes them in text format, and their digest.
 *
 * The text goes to a sink in pieces of bounded size, however long a row is:
 * beside a value that has to be detoasted or printed as a whole, this takes
 * no memory that depends on the rows.
 *
 * Values print as under the settings that base/pinned.h pins; the caller has
 * pinned them.  Text is in the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYTEXT_H
#define STEEP_REPL_COPYTEXT_H

#include "executor/tuptable.h"

#include "files/copydigest.h"

/* Takes a piece of the text; it is gone when this returns.  NULL: nobody. */
typedef void (*CopyTextSink) (void *arg, const char *data, size_t length);

typedef struct CopyText CopyText;

extern CopyText *steep_copytext_begin(TupleDesc desc, CopyTextSink sink,
									  void *arg);
extern void steep_copytext_row(CopyText *out, TupleTableSlot *slot);
extern void steep_copytext_end(CopyText *out, CopyTotals *totals);

extern void steep_copytext_add_digest(CopyTotals *totals,
									  const char *digest);
extern void steep_copytext_check_length(size_t length);

#endif							/* STEEP_REPL_COPYTEXT_H */
