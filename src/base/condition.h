/*-------------------------------------------------------------------------
 *
 * condition.h
 *		A condition about the rows of a table, as a user writes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CONDITION_H
#define STEEP_REPL_CONDITION_H

#define CONDITION_MAX_BYTES 8192

#define CONDITION_HINT "Write one condition about the columns of a row, as after WHERE, without subqueries. Name columns plainly or as t.column, and whatever is not in pg_catalog with its schema: s.f(a) OPERATOR(s.=) b."

extern void steep_condition_check(const char *table, const char *condition);
extern bool steep_condition_at_fault(const ErrorData *error);

#endif							/* STEEP_REPL_CONDITION_H */
