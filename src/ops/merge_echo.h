/*-------------------------------------------------------------------------
 *
 * merge_echo.h
 *		Refuse a merge whose writes a subscription would send back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MERGE_ECHO_H
#define STEEP_REPL_MERGE_ECHO_H

#include "ops/session.h"

extern void steep_merge_foresee_echo(Session *session, List *pairs,
									 bool dry_run);
extern void steep_merge_refuse_echo(Session *session, List *pairs,
									bool tagged_here, bool tagged_there);

#endif							/* STEEP_REPL_MERGE_ECHO_H */
