/*-------------------------------------------------------------------------
 *
 * handlers.c
 *		The table of operations that the workers can run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/operation.h"
#include "ops/apply.h"
#include "ops/init.h"
#include "ops/merge.h"
#include "ops/snapshot.h"
#include "worker/worker.h"

#ifdef STEEP_TEST_POINTS
extern const Operation steep_test_operation;
#endif

static const Operation *const operations[] = {
	&steep_merge_operation,
	&steep_snapshot_operation,
	&steep_apply_operation,
	&steep_init_operation,
	&steep_reinit_operation,
	&steep_init_clean_operation,
#ifdef STEEP_TEST_POINTS
	&steep_test_operation,
#endif
	NULL
};

/* Make the table known to the queue. */
void
steep_handlers_init(void)
{
	steep_operations_set(operations);
}
