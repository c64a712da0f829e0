/*-------------------------------------------------------------------------
 *
 * copyout.h
 *		Rows of this node as COPY's text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYOUT_H
#define STEEP_REPL_COPYOUT_H

#include "base/copytext.h"
#include "base/statement.h"

/*
 * Run a query and hand its rows to a sink as COPY's text; without a sink
 * they are only digested.  Privileges and row security are the query's.
 */
extern void steep_copyout_run(const Statement *query,
							  const char *const *values, CopyTextSink sink,
							  void *arg, CopyTotals *totals);

#endif							/* STEEP_REPL_COPYOUT_H */
