/*-------------------------------------------------------------------------
 *
 * init_back.c
 *		What the source of an init needs to follow this node, too.
 *
 * The source subscribes by its own entry for this node, since it is the one
 * that has to get here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/echo_sql.h"
#include "generate/subscription_sql.h"
#include "generate/table_sql.h"
#include "jobs/ledger.h"
#include "jobs/progress.h"
#include "jobs/queue.h"
#include "ops/init_merge.h"

/* Does the source of an init follow this node, too? */
bool
steep_init_is_mutual(const Init *init)
{
	return strcmp(init->method->name, "bidirectional-merge") == 0;
}

/* Name the slot and publication here, and the subscription on the source. */
char *
steep_init_back_name(const Init *init)
{
	return steep_init_object_name(psprintf("%s_back", init->node));
}

/* What is the id of this node on the source? */
static const char *
id_there(const Init *init)
{
	const char *id = steep_init_text(init, "reverse_node");

	return id ? id : init->node;
}

/* Record what will be made for the way back. */
void
steep_init_record_back(const Init *init)
{
	char	   *name = steep_init_back_name(init);

	steep_init_record_object(init, init->node, "slot", name);
	steep_init_record_object(init, init->node, "publication", name);
	steep_init_record_object(init, init->source, "subscription", name);
}

/* Refuse a name that is taken here by what no init has left. */
static void
check_free(const Init *init, const char *kind, const char *name, char *taken)
{
	if (!steep_books_bool(taken) || steep_init_is_left(init, kind, name))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("%s \"%s\" exists already here", kind, name),
			 errhint("Drop it if nobody needs it.")));
}

/*
 * Refuse a role whose merge would be sent on.  The slots are there before the
 * subscriptions are, so the merge itself can't know.
 */
static void
check_tags(const Session *session)
{
	for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
	{
		if (steep_books_bool(steep_session_value(session, steep_echo_may_tag_sql(site), NULL)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to mark merged rows %s",
						steep_session_place(session, site)),
				 errdetail("Without a mark the nodes would send each other what the merge writes."),
				 errhint("GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_origin_session_setup(text) to the role, there.")));
	}
}

/* Refuse what can't be followed both ways. */
static void
check_tables(const Init *init, List *tables)
{
	ListCell   *cell;

	if (steep_init_text(init, "publication") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("method \"%s\" makes its own publications",
						init->method->name),
				 errhint("Name the tables in the option \"tables\" instead of a publication.")));
	foreach(cell, tables)
	{
		const InitTable *table = lfirst(cell);

		if (!table->identified)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" on node \"%s\" has no replica identity",
							steep_sql_name(table->schema, table->name),
							init->source),
					 errdetail("Rows without a key cannot be merged, nor their changes replicated."),
					 errhint("Give it a primary key, or name other tables in the option \"tables\".")));
	}
}

/*
 * Refuse an init for which the way back is not free: the source has to reach
 * this node, which has to publish.
 */
void
steep_init_check_back(Session *session, const Init *init, List *tables)
{
	const char *id = id_there(init);
	char	   *name = steep_init_back_name(init);
	const char *names[] = {name, name};
	char	  **facts = steep_local_row(steep_statement_at(steep_publish_facts_sql(),
														   SITE_LOCAL),
										names, NIL);

	check_tables(init, tables);
	check_tags(session);
	steep_init_check_publisher(init->node, facts, true);
	check_free(init, "slot", name, facts[PUBLISH_SLOT_EXISTS]);
	check_free(init, "publication", name, facts[PUBLISH_PUBLICATION_EXISTS]);
	(void) steep_peer_row(session->peer, steep_subscription_foreign_sql(), &id);
}

/*
 * Step "publish_back": publish the tables here, and plan the steps for which
 * it has to be known what is made.
 */
void
steep_init_publish_back(StepContext *step)
{
	const Init *init = steep_init_load(step->job->init_id);
	char	   *name = steep_init_back_name(init);
	StepSpec	spec = {.stage = step->stage + 1,.weight = 1};

	(void) steep_local_none(steep_statement_at(steep_publication_create_sql(name, steep_init_tables(init)),
											   SITE_LOCAL), NULL, NIL);
	spec.kind = "hold_slots";
	spec.target = name;
	steep_job_add_step(step, &spec);
	spec.kind = "merge";
	spec.target = NULL;
	steep_job_add_step(step, &spec);
}

static void
subscribe(Session *session, void *arg)
{
	const Init *init = arg;
	char	   *name = steep_init_back_name(init);
	const char *values[] = {id_there(init), name, name, name};

	steep_peer_none(session->peer, steep_subscription_make_sql(), values);
}

/* Step "subscribe_back": have the source subscribe to this node. */
void
steep_init_subscribe_back(StepContext *step)
{
	Init	   *init = steep_init_load(step->job->init_id);

	steep_progress_phase("subscribing");
	steep_session_look(steep_init_source_address(init), subscribe, init);
}
