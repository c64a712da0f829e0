/*-------------------------------------------------------------------------
 *
 * merge_submit.c
 *		The SQL function that submits a merge.
 *
 * A merge is checked on both nodes when it is submitted, so that what the
 * caller got wrong is an error of his call and not of a worker's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/image.h"
#include "base/options.h"
#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/filters.h"
#include "ops/merge.h"
#include "ops/merge_echo.h"
#include "ops/merge_options.h"
#include "ops/schema.h"
#include "ops/tables.h"
#include "run/server.h"

PG_FUNCTION_INFO_V1(steep_repl_start_merge);

static const Statement new_merge = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the merge",
	.text = "SELECT steep_repl.new_merge($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	.nparams = 11,
	.params = {
		"text[]", "text", "boolean", "jsonb", "text", "text", "text", "oid",
		"interval", "text", "text"
	},
};

static const Statement add_table = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record a table of the merge",
	.text = "SELECT steep_repl.add_merge_table($1, $2, $3, $4, $5, $6, $7, $8)",
	.nparams = 8,
	.params = {"text", "int4", "text", "text", "text[]", "text", "text", "text[]"},
};

/* A merge that is being submitted. */
typedef struct Submission
{
	PeerAddress *address;
	List	   *asked;			/* the tables' pairs, as the caller lists them */
	TableOptions *tables;		/* in the order of asked */
	List	   *pairs;			/* parents first */
	const char *strategy;		/* of tables that have none of their own */
	bool		dry_run;
	Jsonb	   *json;			/* the options */
	MergeOptions *options;
	const char *identity;		/* of the peer */
	const char *skew;			/* of its clock */
	const char *id;				/* once recorded */
} Submission;

/* Warn that triggers and foreign keys will fire on one node. */
static void
warn_of_triggers(const Session *session, Site site)
{
	char	   *may = steep_session_value(session,
										  steep_merge_may_replicate_sql(site),
										  NULL);

	if (strcmp(may, "t") != 0)
		ereport(WARNING,
				(errmsg("triggers will fire %s", steep_session_place(session, site)),
				 errdetail("The role may not set session_replication_role."),
				 errhint("GRANT SET ON PARAMETER session_replication_role to the role.")));
}

/* Refuse a table that is asked for twice. */
static void
check_distinct(List *pairs)
{
	ListCell   *a;
	ListCell   *b;

	foreach(a, pairs)
	{
		foreach(b, pairs)
		{
			if (a != b && strcmp(steep_merge_table(lfirst(a)),
								 steep_merge_table(lfirst(b))) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("table \"%s\" is listed twice",
								steep_merge_table(lfirst(a))),
						 errhint("Name each table once.")));
		}
	}
}

/* Settle what each table is merged by, and check it on both nodes. */
static void
check_tables(Submission *merge, Session *session)
{
	ListCell   *cell;

	merge->asked = steep_tables_expand(session, merge->asked);
	check_distinct(merge->asked);
	merge->tables = steep_merge_table_options(merge->json, merge->asked,
											  merge->strategy);
	foreach(cell, merge->asked)
	{
		TablePair  *pair = lfirst(cell);

		pair->where = merge->tables[foreach_current_index(cell)].where;
		pair->excluded = merge->tables[foreach_current_index(cell)].excluded;
	}
	steep_session_read(session);
	steep_tables_check(session, merge->asked,
					   steep_options_object(merge->json, "primary_keys"));
	steep_merge_check_pairs(session, merge->asked);
	foreach(cell, merge->asked)
	{
		if (merge->options->to_local)
			steep_filters_check_excluded(session, lfirst(cell), SITE_LOCAL);
		if (merge->options->to_remote)
			steep_filters_check_excluded(session, lfirst(cell), SITE_PEER);
	}
	if (!merge->options->allow_echo)
		steep_merge_foresee_echo(session, merge->asked, merge->dry_run);
	merge->skew = steep_merge_settle_times(session, merge->asked, merge->tables);
	if (merge->options->sequences && !merge->dry_run)
		steep_merge_check_sequences(session, merge->asked);
}

/*
 * Order the tables by the foreign keys of both nodes.  Rows of tables that
 * refer to each other need each other, so they are no batches.
 */
static void
order_tables(Submission *merge, Session *session)
{
	List	   *keys = list_concat(steep_merge_foreign_keys(session, SITE_LOCAL,
															merge->asked),
								   steep_merge_foreign_keys(session, SITE_PEER,
															merge->asked));
	const ForeignKey *fk;

	merge->pairs = steep_fkgraph_order(merge->asked, keys);
	fk = steep_fkgraph_cycle(merge->pairs, keys);
	if (fk == NULL || !merge->options->by_batch || !merge->options->inserts)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("tables whose foreign keys form a cycle cannot be merged in batches"),
			 errdetail("Table \"%s\" refers to table \"%s\" by foreign key \"%s\", and is referred to in turn.",
					   steep_sql_name(fk->child_schema, fk->child),
					   steep_sql_name(fk->parent_schema, fk->parent), fk->name),
			 errhint("Merge these tables as a whole: without the option atomicity, in a call of their own.")));
}

/*
 * Look at how the tables' schemas differ, and do about it what the caller
 * wants.  A dry run creates nothing.
 */
static void
settle_drift(const Submission *merge, ArrayType *tables)
{
	DriftMode	mode = steep_drift_mode(steep_options_text(merge->json, "schema"));

	if (mode == DRIFT_AUTO && merge->dry_run)
		mode = DRIFT_MANUAL;
	if (mode != DRIFT_IGNORE && tables != NULL)
		steep_drift_settle(merge->address, steep_image_array(tables), mode);
}

/* Check the merge on both nodes, and order its tables. */
static void
check_merge(Submission *merge)
{
	Session    *session = steep_session_begin(merge->address);

	PG_TRY();
	{
		steep_merge_check_peer(session);
		if (!merge->dry_run && !merge->options->fire_triggers)
		{
			warn_of_triggers(session, SITE_LOCAL);
			warn_of_triggers(session, SITE_PEER);
		}
		check_tables(merge, session);
		order_tables(merge, session);
		merge->identity = steep_merge_identity(session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	steep_session_end(session);
}

/* Return the options by table of a pair. */
static const TableOptions *
options_of(const Submission *merge, const TablePair *pair)
{
	ListCell   *cell;

	foreach(cell, merge->asked)
	{
		if (lfirst(cell) == pair)
			return &merge->tables[foreach_current_index(cell)];
	}
	return NULL;
}

/* Name a pair's key columns, as the text of an array. */
static char *
key_names(const TablePair *pair)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, pair->key)
		names = lappend(names, ((ColumnInfo *) lfirst(cell))->name);
	return steep_sql_array(names);
}

/* Record a table of the merge. */
static void
record_table(const Submission *merge, const TablePair *pair, int seq)
{
	const TableOptions *options = options_of(merge, pair);
	const char *values[] = {
		merge->id, psprintf("%d", seq), steep_merge_table(pair),
		options->strategy, key_names(pair), options->modified_column,
		options->where, steep_sql_array(options->excluded)
	};

	(void) steep_merge_book(&add_table, values, NIL);
}

/*
 * Record a merge; returns its id.  Its server is made, too, if the address is
 * not that of one.
 */
char *
steep_merge_record_new(const PeerAddress *address, const char *tables,
					   const char *strategy, bool dry_run, Jsonb *options,
					   const char *skew, const char *reverts,
					   const char *identity)
{
	const char *values[] = {
		tables, strategy, dry_run ? "true" : "false",
		JsonbToCString(NULL, &options->root, VARSIZE(options)),
		address->label, address->server,
		steep_peer_address_public(address), psprintf("%u", GetUserId()),
		skew, reverts, identity
	};
	char	   *id = steep_merge_ask(&new_merge, values)[0];

	if (address->server == NULL)
		steep_server_create(psprintf("steep_repl_%s", id), address);
	return id;
}

/* Record the merge and its tables in our own tables. */
static void
record_merge(Submission *merge)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, merge->pairs)
		names = lappend(names, unconstify(char *, steep_merge_table(lfirst(cell))));
	merge->id = steep_merge_record_new(merge->address, steep_sql_array(names),
									   merge->strategy, merge->dry_run,
									   merge->json, merge->skew, NULL,
									   merge->identity);
	foreach(cell, merge->pairs)
		record_table(merge, lfirst(cell), foreach_current_index(cell) + 1);
}

/* Submit the job. */
static void
enqueue(const Submission *merge)
{
	uint64	   *weights = palloc(list_length(merge->pairs) * sizeof(uint64));
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, merge->pairs)
	{
		TablePair  *pair = lfirst(cell);

		weights[foreach_current_index(cell)] = Max(pair->local->rows, 1);
		names = lappend(names, unconstify(char *, steep_merge_table(pair)));
	}
	steep_merge_enqueue(merge->id, merge->options, "plan", names, weights,
						merge->dry_run);
}

/* Check, record and submit a merge of tables. */
static void
submit(Submission *merge, ArrayType *tables)
{
	settle_drift(merge, tables);
	/* what that has created is newer than the caller's snapshot */
	PushActiveSnapshot(GetLatestSnapshot());
	merge->asked = steep_tables_resolve(tables);
	check_merge(merge);
	PopActiveSnapshot();
	record_merge(merge);
	enqueue(merge);
}

/* Read the options of a merge. */
static void
take_options(Submission *merge, Jsonb *options)
{
	merge->json = options;
	steep_options_check(options);
	merge->options = steep_options_read(options);
	steep_job_check();
}

/*
 * Submit a merge with the peer of an address, as start_merge() does; returns
 * its id.
 */
const char *
steep_merge_submit(PeerAddress *address, ArrayType *tables,
				   const char *strategy, Jsonb *options)
{
	Submission	merge = {.address = address};

	merge.strategy = steep_options_strategy(strategy);
	take_options(&merge, options);
	submit(&merge, tables);
	return merge.id;
}

/*
 * start_merge(p_peer_connstr text, p_tables text[], p_strategy text,
 *			   p_dry_run boolean, p_options jsonb)
 */
Datum
steep_repl_start_merge(PG_FUNCTION_ARGS)
{
	Submission	merge = {0};

	merge.strategy = steep_options_strategy(PG_ARGISNULL(2) ? NULL :
											text_to_cstring(PG_GETARG_TEXT_PP(2)));
	merge.dry_run = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	take_options(&merge, PG_ARGISNULL(4) ?
				 DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
				 PG_GETARG_JSONB_P(4));
	merge.address = steep_peer_address_parse(PG_ARGISNULL(0) ? NULL :
											 text_to_cstring(PG_GETARG_TEXT_PP(0)));
	submit(&merge, PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1));
	PG_RETURN_DATUM(steep_merge_record(merge.id));
}
