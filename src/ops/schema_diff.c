/*-------------------------------------------------------------------------
 *
 * schema_diff.c
 *		SQL function that lists how a table differs from that of a peer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "ops/schema.h"
#include "ops/tables.h"

PG_FUNCTION_INFO_V1(steep_repl_schema_diff);

typedef struct DiffWork
{
	ReturnSetInfo *result;
	RelInfo    *table;
} DiffWork;

/* A text that may be NULL as a value. */
static Datum
text_value(const char *text, bool *isnull)
{
	*isnull = (text == NULL);
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Append the differences to the result of schema_diff(). */
static void
put_differences(Session *session, void *arg)
{
	DiffWork   *work = arg;
	ListCell   *cell;

	foreach(cell, steep_schema_differences(session, work->table))
	{
		Difference *difference = lfirst(cell);
		const char *texts[] = {
			difference->object, difference->what,
			steep_schema_severity(difference->severity), difference->local,
			difference->remote, difference->fix.sql, difference->fix.destructive
		};
		Datum		values[lengthof(texts)];
		bool		nulls[lengthof(texts)];

		for (size_t i = 0; i < lengthof(texts); i++)
			values[i] = text_value(texts[i], &nulls[i]);
		tuplestore_putvalues(work->result->setResult, work->result->setDesc,
							 values, nulls);
	}
}

/* schema_diff(p_peer_connstr text, p_table text) */
Datum
steep_repl_schema_diff(PG_FUNCTION_ARGS)
{
	PeerAddress *address = steep_peer_address_parse(PG_ARGISNULL(0) ? NULL :
													text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *asked = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	DiffWork	work = {(ReturnSetInfo *) fcinfo->resultinfo, NULL};

	InitMaterializedSRF(fcinfo, 0);
	if (asked == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of a table must not be null")));
	work.table = steep_tables_find(asked);
	if (work.table == NULL)
		work.table = steep_tables_imagine(asked);
	steep_session_look(address, put_differences, &work);
	return (Datum) 0;
}
