/*-------------------------------------------------------------------------
 *
 * init_check.c
 *		Whether both nodes of an init are ready for it.
 *
 * All is checked when the init is submitted, so that what the caller got wrong
 * is an error of his call and not of a worker's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/subscription_sql.h"
#include "jobs/ledger.h"
#include "ops/init.h"
#include "ops/tables.h"

static void
check_versions(const Session *session, const Init *init)
{
	int			lower = Min(session->here->version, session->there->version);

	if (lower >= init->method->version)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("method \"%s\" needs PostgreSQL %d or later on both nodes",
					init->method->name, init->method->version / 10000),
			 errdetail("This node has release %d, node \"%s\" has %d.",
					   session->here->version / 10000,
					   steep_peer_label(session->peer),
					   session->there->version / 10000),
			 errhint("Upgrade first, or choose another method.")));
}

static void
check_primary(const Session *session)
{
	if (session->there->standby)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" is a standby",
						steep_peer_label(session->peer)),
				 errhint("Register its primary server, or promote it.")));
}

static void
check_level(const char *label, char **facts)
{
	if (strcmp(facts[PUBLISH_LEVEL], "logical") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" does not write what logical replication needs",
						label),
				 errdetail("Its wal_level is %s.", facts[PUBLISH_LEVEL]),
				 errhint("ALTER SYSTEM SET wal_level = 'logical' there, and restart the server.")));
}

static void
check_rights(const char *label, char **facts, bool publishes)
{
	if (!steep_books_bool(facts[PUBLISH_REPLICATION]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to replicate from node \"%s\"", label),
				 errhint("ALTER ROLE ... REPLICATION, for the role that connects there.")));
	if (publishes && !steep_books_bool(facts[PUBLISH_CREATE]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create a publication on node \"%s\"",
						label),
				 errhint("GRANT CREATE ON DATABASE there to the role that connects, or name a publication in the option \"publication\".")));
}

/* Is there room for one more slot and one more sender? */
static void
check_room(const char *label, char **facts)
{
	static const struct
	{
		int			limit;
		const char *setting;
	}			rooms[] =
	{
		{PUBLISH_SLOTS, "max_replication_slots"},
		{PUBLISH_SENDERS, "max_wal_senders"},
	};

	for (int i = 0; i < (int) lengthof(rooms); i++)
	{
		if (atoi(facts[rooms[i].limit]) > atoi(facts[rooms[i].limit + 1]))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("node \"%s\" has no room for another subscriber",
						label),
				 errdetail("All %s of its %s are in use.",
						   facts[rooms[i].limit], rooms[i].setting),
				 errhint("Drop slots that nobody needs, or raise %s there and restart the server.",
						 rooms[i].setting)));
	}
}

/* Refuse a node that can't publish, by the answer to steep_publish_facts_sql(). */
void
steep_init_check_publisher(const char *label, char **facts, bool publishes)
{
	check_level(label, facts);
	check_rights(label, facts, publishes);
	check_room(label, facts);
}

/* What is there already must be ours, or what the caller has named. */
static void
check_names(const Session *session, const Init *init, char **facts)
{
	const char *label = steep_peer_label(session->peer);
	bool		named = steep_init_text(init, "publication") != NULL;

	if (steep_books_bool(facts[PUBLISH_SLOT_EXISTS]) &&
		!steep_init_is_left(init, "slot", init->slot))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("slot \"%s\" exists already on node \"%s\"",
						init->slot, label),
				 errhint("Drop it with pg_drop_replication_slot() there if nobody needs it, or choose another name in the option \"slot\".")));
	if (!named && steep_books_bool(facts[PUBLISH_PUBLICATION_EXISTS]) &&
		!steep_init_is_left(init, "publication", init->publication))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("publication \"%s\" exists already on node \"%s\"",
						init->publication, label),
				 errhint("Name it in the option \"publication\" to use it, or drop it there.")));
	if (named && !steep_books_bool(facts[PUBLISH_PUBLICATION_EXISTS]))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("publication \"%s\" does not exist on node \"%s\"",
						init->publication, label),
				 errhint("Create it there, or leave the option \"publication\" out to have one made.")));
}

/* Refuse a source that cannot be copied and followed. */
void
steep_init_check_source(Session *session, const Init *init)
{
	const char *names[] = {init->slot, init->publication};
	char	  **facts;

	check_versions(session, init);
	facts = steep_peer_row(session->peer, steep_publish_facts_sql(), names);
	if (facts == NULL)
		elog(ERROR, "the source does not say what it is");
	check_primary(session);
	steep_init_check_publisher(steep_peer_label(session->peer), facts,
							   steep_init_text(init, "publication") == NULL);
	check_names(session, init, facts);
}

static void
check_subscription(const Init *init)
{
	const char *values[] = {init->subscription};

	if (!steep_books_bool(steep_local_value(steep_subscription_may_sql(), NULL, NIL)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create a subscription"),
				 errhint("GRANT pg_create_subscription, and CREATE ON DATABASE, to the role; on PostgreSQL 15 only a superuser can.")));
	if (steep_local_value(steep_subscription_exists_sql(), values, NIL) != NULL &&
		!steep_init_is_left(init, "subscription", init->subscription))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("subscription \"%s\" exists already", init->subscription),
				 errhint("Drop it, or choose another name in the option \"subscription\".")));
}

/* Refuse a table that has rows: they would stay, and those copied may clash. */
static void
check_empty(const Init *init, const InitTable *table)
{
	const char *name = steep_sql_name(table->schema, table->name);

	if (steep_tables_find(name) == NULL ||
		steep_init_is_left(init, "rows", name) ||
		steep_init_is_left(init, "table", name) ||
		!steep_books_bool(steep_local_value(steep_subscription_has_rows_sql(name),
											NULL, NIL)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" is not empty", name),
			 errdetail("An init copies all rows of the source into it."),
			 errhint("TRUNCATE it, use the method \"bidirectional-merge\" to keep its rows, or set the option \"force\" to add to them.")));
}

/* Refuse to initialise this node where it is not ready for these tables. */
void
steep_init_check_target(const Init *init, List *tables)
{
	ListCell   *cell;

	check_subscription(init);
	if (!init->method->empty || steep_init_flag(init, "force"))
		return;
	foreach(cell, tables)
		check_empty(init, lfirst(cell));
}
