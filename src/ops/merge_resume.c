/*-------------------------------------------------------------------------
 *
 * merge_resume.c
 *		SQL functions that go on with a merge: apply it, undo it, forget it.
 *
 * What a merge has planned is kept, so it can be applied when somebody has
 * looked at it.  What it has applied can be undone by another merge, whose
 * decisions are those of the first in reverse.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/image.h"
#include "base/sqltext.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/merge.h"
#include "run/server.h"

PG_FUNCTION_INFO_V1(steep_repl_apply_merge);
PG_FUNCTION_INFO_V1(steep_repl_revert_merge);
PG_FUNCTION_INFO_V1(steep_repl_prune_merges);

static const Statement lock_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "keep others off the merge",
	.text = "SELECT steep_repl.lock_merge($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement reopen_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "have the plan applied",
	.text = "SELECT steep_repl.reopen_merge($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "text", "text", "text"},
};

static const Statement list_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list the tables of the merge",
	.text = "SELECT array_agg(table_name ORDER BY seq) FROM steep_repl.merge_tables\n"
	"WHERE merge_id = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement copy_tables = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "take over the tables",
	.text = "SELECT steep_repl.copy_merge_tables($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

static const Statement plan_revert = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "plan to undo",
	.text = "SELECT steep_repl.plan_revert($1)",
	.nparams = 1,
	.params = {"int8"},
};

static const Statement prune = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget merges",
	.text = "SELECT steep_repl.prune_merge_records($1, $2)",
	.nparams = 2,
	.params = {"oid", "interval"},
};

/*
 * Say how a merge stands that the caller may go on with, and keep others from
 * doing so meanwhile.  Refuse one that a worker is at.
 */
char	  **
steep_merge_take(const char *id)
{
	char	  **found;
	const char *values[] = {id};

	(void) steep_merge_find(id);
	(void) steep_merge_book(&lock_merge, values, NIL);
	found = steep_merge_find(id);
	if (found[FOUND_BUSY][0] == 't')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("merge \"%s\" is still running", id),
				 errhint("Wait for it with steep_repl.wait_merge('%s').", id)));
	return found;
}

/* Refuse what cannot be done before it is known what the peer has applied. */
void
steep_merge_check_settled(const char *id, char **found)
{
	if (found[FOUND_DOUBT][0] == 't')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the peer may have applied a part of merge \"%s\" that is not applied here",
						id),
				 errhint("steep_repl.apply_merge('%s') finds out, and finishes it here.",
						 id)));
}

/* Find the way back to the peer of a merge. */
static PeerAddress *
address_of(FunctionCallInfo fcinfo, const char *id, char **found)
{
	if (!PG_ARGISNULL(1))
		return steep_peer_address_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (found[FOUND_SERVER] != NULL)
		return steep_peer_address_parse(found[FOUND_SERVER]);
	if (found[FOUND_CONNINFO] != NULL)
		return steep_peer_address_parse(found[FOUND_CONNINFO]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the way to the peer of merge \"%s\" was not recorded", id),
			 errdetail("Its connection string had a password, or might have shown one."),
			 errhint("Give the peer as second argument.")));
	return NULL;
}

/* Connect to the peer of a merge and check that it can take part, still. */
static void
check_peer(PeerAddress *address, const char *id, char **found,
		   const Merge *tables_of)
{
	Session    *session = steep_session_begin(address);

	PG_TRY();
	{
		steep_merge_check_peer(session);
		steep_merge_check_identity(session, id, found[FOUND_IDENTITY]);
		if (tables_of != NULL)
			(void) steep_merge_pairs(session, tables_of, NULL);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}

/* List the names of the tables of a merge, parents first. */
static List *
tables_of(const char *id)
{
	const char *values[] = {id};

	return steep_image_names(steep_merge_ask(&list_tables, values)[0]);
}

/* Refuse to apply what is not planned. */
static void
check_plan(const char *id, char **found)
{
	if (found[FOUND_PLANNED][0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("merge \"%s\" has no plan for all of its tables", id),
				 errhint("Start a new merge.")));
	if (found[FOUND_CHANGES][0] != 't' && found[FOUND_DOUBT][0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("merge \"%s\" has nothing to apply", id),
				 strcmp(found[FOUND_STATUS], "needs_resolution") == 0 ?
				 errhint("Resolve what steep_repl.merge_conflicts('%s') lists.", id) :
				 errhint("steep_repl.merge_summary('%s') shows what became of its decisions.", id)));
}

/* Refuse a null for the id of a merge. */
static char *
read_id(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("p_merge_id must not be null"),
				 errhint("Give what start_merge() has returned.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* Read the options of a merge that was found, as JSON. */
static Jsonb *
options_of(char **found)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(found[FOUND_OPTIONS])));
}

/* Read the options of a merge that was found. */
MergeOptions *
steep_merge_options(char **found)
{
	return steep_options_read(options_of(found));
}

/* apply_merge(p_merge_id text, p_peer_connstr text) */
Datum
steep_repl_apply_merge(PG_FUNCTION_ARGS)
{
	char	   *id = read_id(fcinfo);
	char	  **found = steep_merge_take(id);
	PeerAddress *address;
	const char *values[] = {id, NULL, NULL, NULL};

	check_plan(id, found);
	steep_job_check();
	address = address_of(fcinfo, id, found);
	check_peer(address, id, found, NULL);
	values[1] = address->label;
	values[2] = address->server;
	values[3] = steep_peer_address_public(address);
	(void) steep_merge_book(&reopen_merge, values, NIL);
	if (address->server == NULL)
		steep_server_create(psprintf("steep_repl_%s", id), address);
	steep_merge_enqueue_apply(id, steep_merge_options(found), tables_of(id),
							  atoi(found[FOUND_ROUND]));
	PG_RETURN_DATUM(steep_merge_record(id));
}

/* Take from options what would have a merge undone in batches. */
static Jsonb *
whole(Jsonb *options)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete,
											  JsonbPGetDatum(options),
											  CStringGetTextDatum("atomicity")));
}

/* Refuse to undo what was not done. */
static void
check_applied(const char *id, char **found)
{
	steep_merge_check_settled(id, found);
	if (found[FOUND_APPLIED][0] != 't')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("merge \"%s\" has changed nothing that could be undone", id),
				 errhint("steep_repl.merge_summary('%s') shows what became of its decisions.", id)));
}

/* revert_merge(p_merge_id text, p_peer_connstr text) */
Datum
steep_repl_revert_merge(PG_FUNCTION_ARGS)
{
	char	   *of = read_id(fcinfo);
	char	  **found = steep_merge_take(of);
	Jsonb	   *options = whole(options_of(found));
	PeerAddress *address;
	List	   *tables;
	char	   *id;
	const char *values[] = {NULL, of};

	check_applied(of, found);
	steep_job_check();
	address = address_of(fcinfo, of, found);
	tables = tables_of(of);
	id = steep_merge_record_new(address, steep_sql_array(tables), "revert",
								false, options, NULL, of,
								found[FOUND_IDENTITY]);
	values[0] = id;
	(void) steep_merge_book(&copy_tables, values, NIL);
	check_peer(address, of, found, steep_merge_load(id));
	steep_merge_enqueue(id, steep_options_read(options), "revert",
						tables, NULL, false);
	PG_RETURN_DATUM(steep_merge_record(id));
}

/* Step "revert": decide to give the target's rows back what they were. */
void
steep_merge_revert(StepContext *step)
{
	Merge	   *merge = steep_merge_load(step->job->merge_id);
	Session    *session = steep_merge_connect(merge);
	TablePair  *pair;
	const char *values[1];

	steep_progress_phase("plan");
	steep_progress_table(step->target);
	PG_TRY();
	{
		pair = linitial(steep_merge_pairs(session, merge, step->target));
		values[0] = pair->record;
		steep_progress_add_rows(strtoll(steep_merge_ask(&plan_revert, values)[0],
										NULL, 10));
		steep_merge_record_statements(session, merge, pair);
		steep_merge_keep(merge, session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* prune_merges(p_older_than interval) */
Datum
steep_repl_prune_merges(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		psprintf("%u", GetUserId()),
		DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(0)))
	};

	PG_RETURN_INT64(strtoll(steep_merge_ask(&prune, values)[0], NULL, 10));
}
