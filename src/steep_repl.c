/*-------------------------------------------------------------------------
 *
 * steep_repl.c
 *		Entry of the library: calls each room's init.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "base/testpoint.h"
#include "jobs/slot.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
#ifdef STEEP_TEST_POINTS
	steep_testpoint_init();
#endif
	steep_guc_init();
	steep_handlers_init();
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
	{
		steep_slots_init();
		steep_launcher_register();
	}
}
