/*-------------------------------------------------------------------------
 *
 * testpoint.c
 *		Named places where a test can make the code wait, fail or die.
 *
 * A point takes and gives back a shared advisory lock (TEST_POINT_CLASS,
 * hashtext(name)); a test that holds it exclusively stops the code there, for
 * as long as it likes whatever lock_timeout says.
 * The settings steep_repl.fail_point and steep_repl.crash_point name a point
 * that raises an error, or that kills its process as kill -9 would.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/testpoint.h"

#ifdef STEEP_TEST_POINTS

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "catalog/pg_collation.h"

#define TEST_POINT_CLASS 7378	/* first key of the advisory locks */

static char *fail_point = NULL;
static char *crash_point = NULL;

/* Define the settings that arm a point. */
void
steep_testpoint_init(void)
{
	DefineCustomStringVariable("steep_repl.fail_point",
							   "Names the test point that raises an error.",
							   NULL, &fail_point, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("steep_repl.crash_point",
							   "Names the test point that kills its process.",
							   NULL, &crash_point, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
}

/* Wait here if a test holds the lock. */
static void
wait_for_test(const char *name)
{
	Datum		key1 = Int32GetDatum(TEST_POINT_CLASS);
	Datum		key2 = DirectFunctionCall1Coll(hashtext, C_COLLATION_OID,
											   CStringGetTextDatum(name));
	int			timeout = LockTimeout;

	LockTimeout = 0;
	PG_TRY();
	{
		DirectFunctionCall2(pg_advisory_lock_shared_int4, key1, key2);
	}
	PG_FINALLY();
	{
		LockTimeout = timeout;
	}
	PG_END_TRY();
	DirectFunctionCall2(pg_advisory_unlock_shared_int4, key1, key2);
}

/* Wait, fail or die here if a test asked for it. */
void
steep_testpoint_reach(const char *name)
{
	elog(DEBUG1, "test point \"%s\"", name);
	if (strcmp(crash_point, name) == 0)
		kill(MyProcPid, SIGKILL);
	if (strcmp(fail_point, name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("test point \"%s\" failed", name)));
	if (OidIsValid(MyDatabaseId))
		wait_for_test(name);
}

#endif							/* STEEP_TEST_POINTS */
