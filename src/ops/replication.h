/*-------------------------------------------------------------------------
 *
 * replication.h
 *		Wait until two nodes have applied what they wrote for each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REPLICATION_H
#define STEEP_REPL_REPLICATION_H

#include "ops/session.h"

extern bool steep_replication_await(const Session *session, long milliseconds);

#endif							/* STEEP_REPL_REPLICATION_H */
