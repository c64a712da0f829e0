/*-------------------------------------------------------------------------
 *
 * testpoint.h
 *		Named places where a test can make the code wait, fail or die.
 *
 * Compiled in only with make TEST_POINTS=1; otherwise the macro is nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TESTPOINT_H
#define STEEP_REPL_TESTPOINT_H

#ifdef STEEP_TEST_POINTS
extern void steep_testpoint_init(void);
extern void steep_testpoint_reach(const char *name);

#define TEST_POINT(name) steep_testpoint_reach(name)
#else
#define TEST_POINT(name) ((void) 0)
#endif

#endif							/* STEEP_REPL_TESTPOINT_H */
