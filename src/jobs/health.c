/*-------------------------------------------------------------------------
 *
 * health.c
 *		The SQL function that says whether all is well.
 *
 * It looks at shared memory and at small parts of our own tables only, so it
 * answers at once, also when no worker runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "jobs/books.h"
#include "jobs/slot.h"

PG_FUNCTION_INFO_V1(steep_repl_health);
PG_FUNCTION_INFO_V1(steep_repl_launcher_running);
PG_FUNCTION_INFO_V1(steep_repl_launcher_beat);

static const Statement facts = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "look for what is not well",
	.text = "SELECT * FROM steep_repl.health_facts($1)",
	.nparams = 1,
	.params = {"oid"},
};

/* The columns of the answer; FACT_… are those of steep_repl.health_facts(). */
enum
{
	HEALTH_STATUS,
	HEALTH_VERSION,
	HEALTH_SERVER,
	HEALTH_WORKER,
	HEALTH_MEMORY,
	HEALTH_ACTIVE,
	HEALTH_ERROR,
	HEALTH_NCOLUMNS
};

enum
{
	FACT_VERSION,
	FACT_SERVER,
	FACT_ACTIVE,
	FACT_ERROR,
	FACT_FAILING				/* the error still needs somebody */
};

/* Is the launcher there, and not stopped or stuck? */
static bool
launcher_works(void)
{
	return steep_slots_launcher_pid() != 0 &&
		!TimestampDifferenceExceeds(steep_slots_last_beat(),
									GetCurrentTimestamp(), STEEP_ALIVE_MS);
}

/* Name the state of this node. */
static const char *
status(bool working, bool failing)
{
	if (!working)
		return "unhealthy";
	return failing ? "degraded" : "healthy";
}

/* health() */
Datum
steep_repl_health(PG_FUNCTION_ARGS)
{
	const char *values[] = {psprintf("%u", GetUserId())};
	bool		working = launcher_works();
	Books		books = steep_books_open();
	char	  **fact = steep_local_row(&facts, values, NIL);
	Datum		answer[HEALTH_NCOLUMNS];
	bool		nulls[HEALTH_NCOLUMNS] = {false};
	TupleDesc	desc;

	steep_books_close(books);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	answer[HEALTH_STATUS] = CStringGetTextDatum(status(working, fact[FACT_FAILING][0] == 't'));
	answer[HEALTH_VERSION] = CStringGetTextDatum(fact[FACT_VERSION]);
	answer[HEALTH_SERVER] = CStringGetTextDatum(fact[FACT_SERVER]);
	answer[HEALTH_WORKER] = BoolGetDatum(working);
	answer[HEALTH_MEMORY] = BoolGetDatum(steep_jobs != NULL);
	answer[HEALTH_ACTIVE] = Int32GetDatum(atoi(fact[FACT_ACTIVE]));
	nulls[HEALTH_ERROR] = fact[FACT_ERROR] == NULL;
	if (fact[FACT_ERROR] != NULL)
		answer[HEALTH_ERROR] = CStringGetTextDatum(fact[FACT_ERROR]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  answer, nulls)));
}

Datum
steep_repl_launcher_running(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(steep_slots_launcher_pid() != 0);
}

Datum
steep_repl_launcher_beat(PG_FUNCTION_ARGS)
{
	TimestampTz beat = steep_slots_last_beat();

	if (beat == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(beat);
}
