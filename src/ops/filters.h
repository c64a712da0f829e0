/*-------------------------------------------------------------------------
 *
 * filters.h
 *		Which columns and rows of two tables take part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_FILTERS_H
#define STEEP_REPL_FILTERS_H

#include "base/relinfo.h"
#include "ops/session.h"

extern void steep_filters_exclude(TablePair *pair);
extern void steep_filters_check_where(Session *session,
									  const TablePair *pair);
extern void steep_filters_check_excluded(Session *session,
										 const TablePair *pair, Site site);

#endif							/* STEEP_REPL_FILTERS_H */
