/*-------------------------------------------------------------------------
 *
 * node_subscribe.c
 *		SQL functions by which one node has another one follow it.
 *
 * Who subscribes needs a way to the publisher and credentials there, which are
 * none of the publisher's business: so this node uses its own entry for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "generate/subscription_sql.h"
#include "ops/node.h"
#include "run/subscription.h"

PG_FUNCTION_INFO_V1(steep_repl_subscribe_node);
PG_FUNCTION_INFO_V1(steep_repl_unsubscribe_node);

static char *
name_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* Is there a subscription of this name in this database? */
static bool
exists(const char *name)
{
	return steep_local_value(steep_subscription_exists_sql(), &name, NIL) != NULL;
}

/* Refuse to subscribe to this very database. */
static PeerAddress *
address_of(const char *id)
{
	RegisteredNode *node = steep_node_find(id);

	if (node->local)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node \"%s\" is this very database", id),
				 errhint("Name another node.")));
	steep_session_end(steep_node_open(node));
	return steep_node_address(node);
}

/*
 * subscribe_node(p_node text, p_subscription text, p_slot text,
 *				  p_publication text)
 */
Datum
steep_repl_subscribe_node(PG_FUNCTION_ARGS)
{
	const char *node = steep_node_argument(fcinfo, 0);
	SubscriptionSpec spec = {
		.name = name_argument(fcinfo, 1, "p_subscription"),
		.slot = name_argument(fcinfo, 2, "p_slot"),
		.publication = name_argument(fcinfo, 3, "p_publication"),
		.no_origin = true,
	};

	if (!exists(spec.name))
		steep_subscription_create(&spec, address_of(node));
	PG_RETURN_VOID();
}

/* unsubscribe_node(p_subscription text) */
Datum
steep_repl_unsubscribe_node(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "p_subscription");
	ListCell   *cell;

	if (!exists(name))
		PG_RETURN_BOOL(false);
	foreach(cell, steep_subscription_drop_sql(name))
		(void) steep_local_none(lfirst(cell), NULL, NIL);
	PG_RETURN_BOOL(true);
}
