/*-------------------------------------------------------------------------
 *
 * subscription.c
 *		Make a subscription of this node to a peer.
 *
 * It is made through the C API: its connection string may hold a password,
 * which as SQL text would show in the log, in pg_stat_statements and in
 * errors.  It is where the password stays: in pg_subscription.subconninfo,
 * which only superusers can read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_subscription_rel.h"
#include "commands/subscriptioncmds.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "replication/origin.h"
#include "utils/fmgrprotos.h"
#include "utils/pg_lsn.h"

#include "base/compat.h"
#include "run/subscription.h"

static DefElem *
text_option(const char *name, const char *value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pstrdup(value)), -1);
}

static DefElem *
flag_option(const char *name, bool value)
{
	return makeDefElem(pstrdup(name), (Node *) makeBoolean(value), -1);
}

static List *
list_options(const SubscriptionSpec *spec)
{
	List	   *options = list_make4(text_option("slot_name", spec->slot),
									 flag_option("create_slot", false),
									 flag_option("copy_data", spec->copy),
									 flag_option("enabled", true));

	if (spec->no_origin)
		options = lappend(options, text_option("origin", "none"));
	return options;
}

/* Have the subscription skip what was committed up to a place in the log. */
static void
skip_to(Oid subscription, const char *lsn)
{
	char	   *name = psprintf("pg_%u", subscription);
	RepOriginId origin = replorigin_by_name(name, false);
	XLogRecPtr	place = DatumGetLSN(DirectFunctionCall1(pg_lsn_in,
														CStringGetDatum(lsn)));

	replorigin_advance(origin, place, InvalidXLogRecPtr, true, true);
}

/*
 * Create a subscription, which starts to work at the commit.
 *
 * Needs what CREATE SUBSCRIPTION does: a superuser on 15, the role
 * pg_create_subscription and CREATE on the database from 16 on.
 */
void
steep_subscription_create(const SubscriptionSpec *spec,
						  const PeerAddress *address)
{
	CreateSubscriptionStmt *statement = makeNode(CreateSubscriptionStmt);
	ParseState *pstate = make_parsestate(NULL);
	bool		password;
	ObjectAddress created;

	statement->subname = pstrdup(spec->name);
	statement->conninfo = steep_peer_address_lasting(address, &password);
	statement->publication = list_make1(makeString(pstrdup(spec->publication)));
	statement->options = list_options(spec);
	if (password)
		ereport(WARNING,
				(errmsg("subscription \"%s\" keeps the password of its connection",
						spec->name),
				 errdetail("It is in pg_subscription.subconninfo, which superusers can read and dumps of the whole cluster leave out."),
				 errhint("Give the node's server a passfile or a service, or certificates, instead of a password.")));
	created = CreateSubscription(pstate, statement, false);
	free_parsestate(pstate);
	CommandCounterIncrement();
	if (spec->start != NULL)
		skip_to(created.objectId, spec->start);
}

/*
 * Have a subscription copy a table again, as if it had just been added: what
 * ALTER SUBSCRIPTION can't be asked for.
 *
 * A worker that applies changes remembers which tables are ready.  So the
 * caller holds a lock that keeps it from the table, and ends it before he
 * commits; the one that follows finds the table to be copied.
 */
void
steep_subscription_copy_again(Oid subscription, Oid table)
{
	UpdateSubscriptionRelState(subscription, table, SUBREL_STATE_INIT,
							   InvalidXLogRecPtr, false);
}
