/*-------------------------------------------------------------------------
 *
 * overlap.c
 *		SQL functions that say how the tables of two nodes differ.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "generate/catalog_sql.h"
#include "generate/overlap_sql.h"
#include "ops/compare.h"
#include "ops/tables.h"

PG_FUNCTION_INFO_V1(steep_repl_analyze_overlap);
PG_FUNCTION_INFO_V1(steep_repl_assert_in_sync);
PG_FUNCTION_INFO_V1(steep_repl_overlap_sql);
PG_FUNCTION_INFO_V1(steep_repl_diff);

#define BATCH_ROWS 5000			/* at most, read at once */

/* What a function does with the tables once both nodes are ready. */
typedef void (*TablesWork) (Session *session, List *pairs, void *arg);

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/*
 * Resolve the tables, connect, check that they fit, and do the work; leave
 * no connection behind, whatever happens.
 */
static void
with_tables(const char *peer, ArrayType *tables, Jsonb *primary_keys,
			TablesWork work, void *arg)
{
	PeerAddress *address = steep_peer_address_parse(peer);
	List	   *pairs = steep_tables_resolve(tables);
	Session    *session = steep_session_begin(address);

	PG_TRY();
	{
		pairs = steep_tables_expand(session, pairs);
		steep_session_read(session);
		steep_tables_check(session, pairs, primary_keys);
		work(session, pairs, arg);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}

static void
count_tables(Session *session, List *pairs, void *arg)
{
	ReturnSetInfo *result = arg;
	ListCell   *cell;

	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);
		Counts		counts = steep_compare_count(session, pair);
		bool		nulls[5] = {false};
		Datum		values[] = {
			CStringGetTextDatum(pair->asked),
			Int64GetDatum(counts.local_only),
			Int64GetDatum(counts.remote_only),
			Int64GetDatum(counts.match),
			Int64GetDatum(counts.conflict)
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * analyze_overlap(p_peer_connstr text, p_tables text[], p_primary_keys jsonb)
 */
Datum
steep_repl_analyze_overlap(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	with_tables(text_argument(fcinfo, 0),
				PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1),
				PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2),
				count_tables, fcinfo->resultinfo);
	return (Datum) 0;
}

static void
require_match(Session *session, List *pairs, void *arg)
{
	ListCell   *cell;

	foreach(cell, pairs)
	{
		TablePair  *pair = lfirst(cell);
		Counts		counts = steep_compare_count(session, pair);

		if (counts.local_only + counts.remote_only + counts.conflict > 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("table \"%s\" differs from peer \"%s\"",
							pair->asked, steep_peer_label(session->peer)),
					 errdetail("%lld rows only here, %lld only on the peer, %lld in conflict, %lld match.",
							   (long long) counts.local_only,
							   (long long) counts.remote_only,
							   (long long) counts.conflict,
							   (long long) counts.match),
					 errhint("See the rows with steep_repl.diff(), and merge them with steep_repl.start_merge().")));
	}
}

/* assert_in_sync(p_peer_connstr text, p_tables text[]) */
Datum
steep_repl_assert_in_sync(PG_FUNCTION_ARGS)
{
	with_tables(text_argument(fcinfo, 0),
				PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1), NULL,
				require_match, NULL);
	PG_RETURN_VOID();
}

/* Make the arguments of one table into those of several. */
static ArrayType *
one_table(FunctionCallInfo fcinfo, int n)
{
	return steep_tables_one(PG_ARGISNULL(n) ? NULL : PG_GETARG_TEXT_PP(n));
}

/* Make p_primary_key of one table into p_primary_keys of several. */
static Jsonb *
one_key(FunctionCallInfo fcinfo, int table, int key)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;
	List	   *columns;
	ListCell   *cell;

	if (PG_ARGISNULL(key) || PG_ARGISNULL(table))
		return NULL;
	columns = steep_image_array(PG_GETARG_ARRAYTYPE_P(key));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	value.type = jbvString;
	value.val.string.val = text_argument(fcinfo, table);
	value.val.string.len = strlen(value.val.string.val);
	pushJsonbValue(&state, WJB_KEY, &value);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, columns)
	{
		value.val.string.val = lfirst(cell);
		value.val.string.len = strlen(value.val.string.val);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Append one statement to the result of a *_sql() function. */
static void
put_statement(ReturnSetInfo *result, int seq, const Statement *statement)
{
	bool		nulls[4] = {false};
	Datum		values[] = {
		Int32GetDatum(seq),
		CStringGetTextDatum(statement->site == SITE_LOCAL ? "local" : "peer"),
		CStringGetTextDatum(statement->purpose),
		CStringGetTextDatum(statement->text)
	};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
print_statements(Session *session, List *pairs, void *arg)
{
	TablePair  *pair = linitial(pairs);
	const Statement *statements[] = {
		steep_session_path_sql(),
		steep_session_pin_sql(),
		steep_session_read_sql(),
		steep_overlap_digest_sql(SITE_PEER, pair),
		steep_overlap_digest_sql(SITE_LOCAL, pair),
		steep_overlap_leaves_sql(pair),
		steep_overlap_keys_sql(SITE_PEER, pair, true),
		steep_overlap_keys_sql(SITE_LOCAL, pair, true),
		steep_overlap_count_sql(pair)
	};
	int			seq = 0;

	for (size_t i = 0; i < lengthof(statements); i++)
		put_statement(arg, ++seq, statements[i]);
}

/*
 * overlap_sql(p_peer_connstr text, p_table text, p_primary_key text[])
 */
Datum
steep_repl_overlap_sql(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	with_tables(text_argument(fcinfo, 0), one_table(fcinfo, 1),
				one_key(fcinfo, 1, 2), print_statements, fcinfo->resultinfo);
	return (Datum) 0;
}

/* What diff() needs beside the tables. */
typedef struct DiffWork
{
	ReturnSetInfo *result;
	const char *limit;
} DiffWork;

/* Read the rows of one batch on both nodes, and append them to the result. */
static void
put_batch(Session *session, const TablePair *pair, const char *const *batch,
		  Spool *result)
{
	Spool	   *here = steep_spool_create("local_rows");
	Spool	   *there = steep_spool_create("peer_rows");

	steep_peer_send(session->peer, steep_overlap_rows_sql(SITE_PEER, pair),
					batch + BATCH_PEER);
	steep_local_rows(steep_overlap_rows_sql(SITE_LOCAL, pair), batch + BATCH_LOCAL, NIL,
					 here);
	steep_peer_collect(session->peer, there);
	steep_local_rows(steep_overlap_images_sql(pair), batch + BATCH_KEYS,
					 list_make2(here, there), result);
	steep_spool_end(here);
	steep_spool_end(there);
}

static void
list_differences(Session *session, List *pairs, void *arg)
{
	DiffWork   *work = arg;
	TablePair  *pair = linitial(pairs);
	Spool	   *differences = steep_compare_differences(session, pair,
														work->limit, NULL);
	Spool	   *batches = steep_spool_create("batches");
	Spool		result = {.name = "result",.store = work->result->setResult,
	.desc = work->result->setDesc};
	const char *values[] = {steep_compare_batch_rows(pair, BATCH_ROWS)};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "steep_repl batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	char	  **batch;

	if (differences->nrows == 0)
		return;
	steep_local_rows(steep_overlap_batches_sql(pair), values,
					 list_make1(differences), batches);
	caller = MemoryContextSwitchTo(context);
	while ((batch = steep_spool_next(batches)) != NULL)
	{
		put_batch(session, pair, (const char *const *) batch, &result);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	steep_spool_end(batches);
	steep_spool_end(differences);
}

/*
 * diff(p_peer_connstr text, p_table text, p_primary_key text[], p_limit bigint)
 */
Datum
steep_repl_diff(PG_FUNCTION_ARGS)
{
	DiffWork	work;

	InitMaterializedSRF(fcinfo, 0);
	work.result = (ReturnSetInfo *) fcinfo->resultinfo;
	work.limit = PG_ARGISNULL(3) ? NULL : psprintf(INT64_FORMAT, PG_GETARG_INT64(3));
	if (work.limit && PG_GETARG_INT64(3) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE),
				 errmsg("p_limit must not be negative")));
	with_tables(text_argument(fcinfo, 0), one_table(fcinfo, 1),
				one_key(fcinfo, 1, 2), list_differences, &work);
	return (Datum) 0;
}
