/*-------------------------------------------------------------------------
 *
 * printed.h
 *		Print a value, whatever the session's settings are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PRINTED_H
#define STEEP_REPL_PRINTED_H

#include "fmgr.h"

extern FmgrInfo *steep_printed_prepare(Oid type, MemoryContext context);
extern char *steep_printed_value(FmgrInfo *output, Datum value);

#endif							/* STEEP_REPL_PRINTED_H */
