/*-------------------------------------------------------------------------
 *
 * init_clean.c
 *		The steps that remove what inits have left on either node.
 *
 * What is recorded may be there or not: the record comes first.  This node is
 * cleaned in one transaction, the source in a step after that, so that one
 * that cannot be reached keeps nothing here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "generate/subscription_sql.h"
#include "generate/table_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "ops/init_files.h"
#include "ops/tables.h"

#define RELEASE_MS 100			/* between two tries to drop a slot in use */
#define RELEASE_TRIES 100

static bool
is_kind(const InitObject *object, const char *kind)
{
	return strcmp(object->kind, kind) == 0;
}

/* What is to be removed. */
typedef struct Cleaning
{
	const Init *init;
	List	   *objects;		/* InitObjects */
	const char *source;			/* node that is connected to */
} Cleaning;

/*
 * Record the slots that workers of a subscription may have made on the source,
 * one for each table that they copy.
 */
static void
record_table_slots(const Init *init, const char *subscription)
{
	const char *values[] = {subscription};
	Spool	   *spool = steep_spool_create("tables");
	char	  **row;

	steep_local_rows(steep_subscription_slots_sql(), values, NIL, spool);
	while ((row = steep_spool_next(spool)) != NULL)
		steep_init_record_object(init, init->source, "slot", row[0]);
	steep_spool_end(spool);
}

static void
drop_subscription(const Init *init, const char *name)
{
	ListCell   *cell;

	if (steep_local_value(steep_subscription_exists_sql(), &name, NIL) == NULL)
		return;
	record_table_slots(init, name);
	foreach(cell, steep_subscription_drop_sql(name))
		(void) steep_local_none(lfirst(cell), NULL, NIL);
}

/*
 * Drop a slot, once nobody reads from it; an error if that does not come to
 * be, so that nobody takes a slot that is there for one that is gone.
 */
void
steep_init_drop_slot(const Session *session, Site site, const char *name)
{
	const Statement *drop = steep_statement_at(steep_slot_drop_sql(), site);
	const Statement *release = steep_statement_at(steep_slot_release_sql(), site);

	for (int i = 0; i < RELEASE_TRIES; i++)
	{
		(void) steep_session_value(session, drop, &name);
		if (steep_session_value(session, steep_slot_reader_sql(site), &name) == NULL)
			return;
		(void) steep_session_value(session, release, &name);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 RELEASE_MS, WaitEventExtensionNew("SteepReplClean"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("slot \"%s\" cannot be dropped", name),
			 errdetail("Somebody keeps reading from it."),
			 errhint("See in pg_stat_replication who does, and call steep_repl.cancel_init() again.")));
}

/* Read what all inits of the node have left, but for the one that begins. */
static Cleaning
read_objects(const StepContext *step)
{
	Cleaning	cleaning = {.init = steep_init_load(step->job->init_id)};
	bool		begins = strcmp(step->job->operation, INIT_CLEAN) != 0;

	cleaning.objects = steep_init_left_objects(cleaning.init->node,
											   begins ? cleaning.init->id : NULL);
	return cleaning;
}

/* Remove what the source has, and forget it. */
static void
clean_source(Session *session, void *arg)
{
	const Cleaning *cleaning = arg;
	ListCell   *cell;

	foreach(cell, cleaning->objects)
	{
		const InitObject *object = lfirst(cell);

		if (strcmp(object->node, cleaning->source) != 0)
			continue;
		if (is_kind(object, "slot"))
			steep_init_drop_slot(session, SITE_PEER, object->name);
		else if (is_kind(object, "snapshot"))
			steep_files_discard(session, object->name);
		else if (is_kind(object, "subscription"))
			(void) steep_peer_value(session->peer, steep_subscription_undo_sql(),
									&object->name);
		else if (is_kind(object, "publication"))
			steep_peer_none(session->peer,
							steep_publication_drop_sql(object->name), NULL);
		steep_init_forget_object(object);
	}
}

/* Empty tables that were empty, and drop those that were not there. */
static void
clean_tables(const Cleaning *cleaning, const char *kind)
{
	List	   *names = NIL;
	Statement	statement = {
		.site = SITE_LOCAL,
		.writes = true,
		.purpose = "remove what was copied",
	};
	ListCell   *cell;

	foreach(cell, cleaning->objects)
	{
		const InitObject *object = lfirst(cell);

		if (is_kind(object, kind) && steep_tables_find(object->name) != NULL)
			names = lappend(names, unconstify(char *, object->name));
	}
	if (names == NIL)
		return;
	statement.text = psprintf("%s %s", strcmp(kind, "table") == 0 ?
							  "DROP TABLE" : "TRUNCATE",
							  steep_sql_join(names, ", "));
	(void) steep_local_none(&statement, NULL, NIL);
}

/* Remove what the source has followed this node by. */
static void
clean_back(const InitObject *object)
{
	if (is_kind(object, "slot"))
		steep_init_drop_slot(NULL, SITE_LOCAL, object->name);
	else if (is_kind(object, "publication"))
		(void) steep_local_none(steep_statement_at(steep_publication_drop_sql(object->name),
												   SITE_LOCAL), NULL, NIL);
}

/* Remove what inits have made here, and forget it. */
void
steep_init_clean(StepContext *step)
{
	Cleaning	cleaning = read_objects(step);
	const char *here = cleaning.init->node;
	ListCell   *cell;

	steep_progress_phase("cleaning");
	foreach(cell, cleaning.objects)
	{
		const InitObject *object = lfirst(cell);

		if (is_kind(object, "snapshot") && strcmp(object->node, here) == 0)
			steep_files_await_end(object);
		if (is_kind(object, "subscription") && strcmp(object->node, here) == 0)
			drop_subscription(cleaning.init, object->name);
	}
	clean_tables(&cleaning, "rows");
	clean_tables(&cleaning, "table");
	foreach(cell, cleaning.objects)
	{
		if (strcmp(((InitObject *) lfirst(cell))->node, here) != 0)
			continue;
		clean_back(lfirst(cell));
		steep_init_forget_object(lfirst(cell));
	}
}

/* List the nodes, other than this one, that still have something. */
static List *
list_sources(const Cleaning *cleaning)
{
	List	   *sources = NIL;
	ListCell   *cell;

	foreach(cell, cleaning->objects)
	{
		const InitObject *object = lfirst(cell);
		String	   *node = makeString(pstrdup(object->node));

		if (strcmp(object->node, cleaning->init->node) != 0 &&
			!list_member(sources, node))
			sources = lappend(sources, node);
	}
	return sources;
}

/*
 * Remove what inits have made on their sources, and forget it.  What cannot be
 * reached stays in the record, where steep_repl.leftovers() shows it.
 */
void
steep_init_clean_source(StepContext *step)
{
	Cleaning	cleaning = read_objects(step);
	ListCell   *cell;

	foreach(cell, list_sources(&cleaning))
	{
		cleaning.source = strVal(lfirst(cell));
		steep_session_look(steep_node_address(steep_node_find(cleaning.source)),
						   clean_source, &cleaning);
	}
}
