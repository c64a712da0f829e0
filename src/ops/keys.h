/*-------------------------------------------------------------------------
 *
 * keys.h
 *		By which columns the rows of two tables are matched.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_KEYS_H
#define STEEP_REPL_KEYS_H

#include "utils/jsonb.h"

#include "base/relinfo.h"
#include "ops/session.h"

extern List *steep_keys_read(Jsonb *primary_keys, List *pairs);
extern void steep_keys_choose(TablePair *pair, List *chosen);
extern void steep_keys_check(Session *session, const TablePair *pair,
							 Site site);

#endif							/* STEEP_REPL_KEYS_H */
