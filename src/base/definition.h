/*-------------------------------------------------------------------------
 *
 * definition.h
 *		SQL text that is to create something, and to do nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DEFINITION_H
#define STEEP_REPL_DEFINITION_H

extern void steep_definition_check(const char *object, const char *text);

#endif							/* STEEP_REPL_DEFINITION_H */
