/*-------------------------------------------------------------------------
 *
 * init_submit.c
 *		The SQL function that submits an init.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/sqltext.h"
#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/init_files.h"
#include "ops/init_merge.h"
#include "ops/snapshot.h"
#include "run/subscription.h"

PG_FUNCTION_INFO_V1(steep_repl_start_init);

static const Statement lock_init = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "keep others from initialising the node",
	.text = "SELECT may, init_state, job_runs FROM steep_repl.lock_init($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static void
check_self(Session *session, void *arg)
{
	if (steep_session_is_self(session))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("node \"%s\" is not this one", (const char *) arg),
			 errdetail("An init is run on the node that becomes the copy."),
			 errhint("Call it there.")));
}

/* Does the address of a node say by itself that it is this server? */
static bool
is_own_address(const RegisteredNode *node)
{
	return node->local ||
		(node->server == NULL && node->port == PostPortNumber &&
		 steep_peer_host_is_local(node->host));
}

/* Require a node to be this very database, by whatever it is registered. */
void
steep_init_check_here(const char *id)
{
	RegisteredNode *node = steep_node_find(id);

	if (!is_own_address(node))
		steep_session_look(steep_node_address(node), check_self,
						   unconstify(char *, id));
}

/*
 * Make a name for what an init makes, of the node's id.  Slots have lower-case
 * letters, digits and underscores only; ids that differ in what is left out
 * get names that differ, too.
 */
char *
steep_init_object_name(const char *node)
{
	StringInfoData name;
	bool		changed = false;

	initStringInfo(&name);
	appendStringInfoString(&name, "steep_repl_");
	for (const char *c = node; *c; c++)
	{
		bool		allowed = (*c >= 'a' && *c <= 'z') ||
			(*c >= '0' && *c <= '9') || *c == '_';

		appendStringInfoChar(&name, allowed ? *c : '_');
		changed = changed || !allowed;
	}
	if (changed || name.len >= NAMEDATALEN)
	{
		uint32		hash = DatumGetUInt32(hash_any((const unsigned char *) node,
												   strlen(node)));

		name.len = Min(name.len, NAMEDATALEN - 10);
		name.data[name.len] = '\0';
		appendStringInfo(&name, "_%08x", hash);
	}
	return name.data;
}

static const char *
option_or(const Init *init, const char *option, const char *otherwise)
{
	const char *text = steep_init_text(init, option);

	return text ? text : otherwise;
}

/* Settle what will be made is called. */
void
steep_init_settle_names(Init *init)
{
	const char *name = steep_init_object_name(init->node);

	init->publication = option_or(init, "publication", name);
	init->slot = option_or(init, "slot", name);
	init->subscription = option_or(init, "subscription", name);
}

/* Say how to reach the source. */
PeerAddress *
steep_init_source_address(const Init *init)
{
	RegisteredNode *source = steep_node_find(init->source);

	if (source->local)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node \"%s\" is this very database", init->source),
				 errhint("Name another node as the source.")));
	return steep_node_address(source);
}

/* Look at the source, and at this node's tables. */
static void
check(Session *session, void *arg)
{
	Init	   *init = arg;
	List	   *tables;

	steep_session_check_other(session);
	steep_init_check_source(session, init);
	if (init->method->files)
		steep_files_check_source(session);
	tables = steep_init_find_tables(session, init->asked,
									steep_init_text(init, "publication"));
	init->tables = steep_init_table_names(tables);
	steep_init_check_target(init, tables);
	if (steep_init_is_mutual(init))
		steep_init_check_back(session, init, tables);
}

void
steep_init_deny(const char *node)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for the init of node \"%s\"", node),
			 errhint("Ask as the role that has started it.")));
}

/*
 * Lock a node that is to be initialised, and return its state.  Inits of one
 * node follow each other.
 */
InitState
steep_init_lock(const char *node)
{
	const char *values[] = {node, psprintf("%u", GetUserId())};
	char	  **row = steep_books_row(&lock_init, values);

	if (row == NULL)
		steep_node_report_unknown(node);
	if (!steep_books_bool(row[0]))
		steep_init_deny(node);
	if (steep_books_bool(row[2]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("node \"%s\" is being initialised, or cleaned", node),
				 errhint("Wait for its end with steep_repl.wait_init(), or end it with steep_repl.cancel_init().")));
	return steep_init_state_parse(row[1]);
}

/* Record what the init will make under names that are known. */
static void
record_objects(const Init *init)
{
	steep_init_record_object(init, init->source, "slot", init->slot);
	if (steep_init_text(init, "publication") == NULL)
		steep_init_record_object(init, init->source, "publication",
								 init->publication);
	steep_init_record_object(init, init->node, "subscription",
							 init->subscription);
	if (init->method->files)
		steep_init_record_object(init, init->source, "snapshot", init->slot);
	if (steep_init_is_mutual(init))
		steep_init_record_back(init);
}

/* Plan one step, of a stage and a kind. */
void
steep_init_plan_step(List **steps, int stage, const char *kind)
{
	StepSpec   *step = palloc0(sizeof(StepSpec));

	step->stage = stage;
	step->kind = kind;
	step->weight = 1;
	*steps = lappend(*steps, step);
}

/* Submit the job. */
void
steep_init_enqueue(const Init *init)
{
	JobSpec		job = {
		.operation = INIT_START,
		.init_id = init->id,
		.parallel = steep_init_parallel(init),
	};
	List	   *steps = NIL;

	steep_init_plan_step(&steps, INIT_STAGE_CLEAN, "clean");
	steep_init_plan_step(&steps, INIT_STAGE_SOURCE, "clean_source");
	if (!init->method->own)
		steep_init_plan_step(&steps, INIT_STAGE_PREPARE, "prepare");
	init->method->plan(&steps);
	(void) steep_job_enqueue(&job, steps);
}

static void
report_option(const Init *init, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("method \"%s\" has no option \"%s\"",
					init->method->name, name),
			 errhint("Leave it out, or choose another method.")));
}

/* Refuse what the method can't do. */
static void
check_method(const Init *init)
{
	static const char *const of_files[] = {"path", "input", "compression"};

	for (int i = 0; i < (int) lengthof(of_files); i++)
	{
		if (!init->method->files && steep_init_text(init, of_files[i]) != NULL)
			report_option(init, of_files[i]);
	}
	if (!init->method->own && steep_init_text(init, "lsn") != NULL)
		report_option(init, "lsn");
	if (init->method->own)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"%s\" takes two calls", init->method->name),
				 errhint("Call steep_repl.prepare_init() for the source, restore a backup of it, then call steep_repl.complete_init().")));
	if (init->method->check != NULL)
		init->method->check(init);
}

static const char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * start_init(p_target_node text, p_source_node text, p_method text,
 *			  p_options jsonb)
 */
Datum
steep_repl_start_init(PG_FUNCTION_ARGS)
{
	Init		init = {0};
	InitState	state;

	init.node = steep_node_argument(fcinfo, 0);
	init.source = steep_node_argument(fcinfo, 1);
	init.method = steep_init_method(text_argument(fcinfo, 2));
	init.options = PG_ARGISNULL(3) ?
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(3);
	steep_job_check();
	steep_init_check_options(init.options);
	check_method(&init);
	steep_init_settle_names(&init);
	steep_init_check_here(init.node);
	init.asked = steep_init_qualify(steep_snapshot_tables_option(init.options));
	state = steep_init_lock(init.node);
	steep_init_check_move(init.node, state, NODE_PREPARING);
	steep_session_look(steep_init_source_address(&init), check, &init);
	steep_subscription_warn(init.subscription, steep_init_source_address(&init));
	steep_init_new(&init, "init");
	record_objects(&init);
	steep_init_move(init.node, state, NODE_PREPARING,
					GetUserNameFromId(GetUserId(), false), init.id, NULL);
	steep_init_enqueue(&init);
	PG_RETURN_DATUM(steep_init_node_record(init.node));
}
