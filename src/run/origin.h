/*-------------------------------------------------------------------------
 *
 * origin.h
 *		Tell logical replication not to send on what a transaction writes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ORIGIN_H
#define STEEP_REPL_ORIGIN_H

extern bool steep_origin_may_tag(void);
extern bool steep_origin_tag(void);

#endif							/* STEEP_REPL_ORIGIN_H */
