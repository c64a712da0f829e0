/*-------------------------------------------------------------------------
 *
 * guc.c
 *		The settings of steep_repl.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/guc.h"

int			steep_guc_max_workers = 4;
int			steep_guc_max_jobs = 32;
char	   *steep_guc_snapshot_directory = NULL;
int			steep_guc_connect_timeout = 10;
int			steep_guc_lock_timeout = 10000;
int			steep_guc_leaf_rows = 1000;

/*
 * Define every setting.  Those that size shared memory can only be set when
 * the library is preloaded; elsewhere they show their default.
 */
void
steep_guc_init(void)
{
	GucContext	at_start = process_shared_preload_libraries_in_progress ?
		PGC_POSTMASTER : PGC_INTERNAL;

	DefineCustomIntVariable("steep_repl.max_workers",
							"Limits the background workers that run jobs at once.",
							NULL, &steep_guc_max_workers, 4, 1, 64,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("steep_repl.max_jobs",
							"Limits the jobs that run at once.",
							"Each takes a slot of shared memory.",
							&steep_guc_max_jobs, 32, 1, 1024,
							at_start, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("steep_repl.snapshot_directory",
							   "Names the directory below which snapshots may be written and read.",
							   "If empty, only the file roles may name a path.",
							   &steep_guc_snapshot_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable("steep_repl.connect_timeout",
							"Limits the time a connection to a peer may take.",
							NULL, &steep_guc_connect_timeout, 10, 1, 3600,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("steep_repl.lock_timeout",
							"Limits the wait for a lock in a merge, on both nodes.",
							NULL, &steep_guc_lock_timeout, 10000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("steep_repl.leaf_rows",
							"Limits the rows that a compared leaf is planned to hold.",
							"Smaller tables get smaller leaves.",
							&steep_guc_leaf_rows, 1000, 1, 1000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("steep_repl");
}
