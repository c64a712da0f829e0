/*-------------------------------------------------------------------------
 *
 * steep_repl.c
 *		Entry of the library: calls each room's init.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/guc.h"
#include "base/testpoint.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
#ifdef STEEP_TEST_POINTS
	steep_testpoint_init();
#endif
	steep_guc_init();
}
