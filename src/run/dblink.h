/*-------------------------------------------------------------------------
 *
 * dblink.h
 *		Where dblink's functions are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DBLINK_H
#define STEEP_REPL_DBLINK_H

#include "fmgr.h"

typedef struct DblinkCalls
{
	char	   *schema;			/* where dblink lives, quoted */
	FmgrInfo	connect;
	FmgrInfo	disconnect;
	FmgrInfo	send_query;
	FmgrInfo	is_busy;
	FmgrInfo	error_message;
} DblinkCalls;

extern void steep_dblink_find(DblinkCalls *calls);

#endif							/* STEEP_REPL_DBLINK_H */
