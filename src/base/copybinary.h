/*-------------------------------------------------------------------------
 *
 * copybinary.h
 *		Which types of columns two nodes may exchange in COPY's binary format.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYBINARY_H
#define STEEP_REPL_COPYBINARY_H

#include "nodes/pg_list.h"

extern bool steep_copybinary_fits(List *types);

#endif							/* STEEP_REPL_COPYBINARY_H */
