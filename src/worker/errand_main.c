/*-------------------------------------------------------------------------
 *
 * errand_main.c
 *		The worker that submits a job for a session that waits for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/dsm.h"
#include "utils/memutils.h"

#include "jobs/errand.h"
#include "worker/worker.h"

/* Submit the job, and commit. */
static void
submit(const Errand *errand)
{
	const Operation *operation = steep_operation_find(errand->operation);

	steep_worker_begin(TopMemoryContext);
	if (operation == NULL || operation->submit == NULL ||
		!steep_books_hold_extension())
		elog(ERROR, "operation \"%s\" cannot be submitted", errand->operation);
	operation->submit(errand->params);
	steep_worker_commit(TopMemoryContext);
}

/* Hand the error over to who waits. */
static void
report(Errand *errand, const JobError *error)
{
	const char *state = error->sqlstate;

	strlcpy(errand->message, error->message, sizeof(errand->message));
	if (error->hint != NULL)
		strlcpy(errand->hint, error->hint, sizeof(errand->hint));
	errand->sqlstate = MAKE_SQLSTATE(state[0], state[1], state[2], state[3],
									 state[4]);
}

void
steep_errand_main(Datum arg)
{
	dsm_segment *segment;
	Errand	   *errand;

	steep_worker_signals();
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		return;					/* nobody waits any more */
	dsm_pin_mapping(segment);
	errand = dsm_segment_address(segment);
	steep_worker_connect_as(errand->database, errand->role);
	PG_TRY();
	{
		submit(errand);
		errand->done = true;
	}
	PG_CATCH();
	{
		report(errand, steep_worker_take_error(TopMemoryContext));
	}
	PG_END_TRY();
}
