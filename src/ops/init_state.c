/*-------------------------------------------------------------------------
 *
 * init_state.c
 *		The states of nodes that are initialised, and how they follow each
 *		other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/audit.h"
#include "jobs/ledger.h"
#include "ops/init.h"

static const Statement move_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "move the node to its next state",
	.text = "SELECT steep_repl.move_node($1, $2, $3, $4, $5)",
	.nparams = 5,
	.params = {"text", "text", "text", "text", "text"},
};

static const char *const names[] = {
	[NODE_UNINITIALIZED] = "uninitialized",
	[NODE_PREPARING] = "preparing",
	[NODE_COPYING] = "copying",
	[NODE_CATCHING_UP] = "catching_up",
	[NODE_SYNCHRONIZED] = "synchronized",
	[NODE_DIVERGED] = "diverged",
	[NODE_FAILED] = "failed",
	[NODE_REINITIALIZING] = "reinitializing",
};

static const struct
{
	InitState	from;
	InitState	to;
	const char *when;			/* for who reads this */
}			moves[] =

{
	{NODE_UNINITIALIZED, NODE_PREPARING, "an init is submitted, or a slot prepared"},
	{NODE_FAILED, NODE_PREPARING, "started again; its first step cleans"},
	{NODE_DIVERGED, NODE_PREPARING, "started again"},
	{NODE_PREPARING, NODE_COPYING, "both nodes are checked, the publication is there"},
	{NODE_PREPARING, NODE_CATCHING_UP, "the rows are of the user's own backup"},
	{NODE_COPYING, NODE_CATCHING_UP, "rows are here, the subscription is made"},
	{NODE_CATCHING_UP, NODE_SYNCHRONIZED, "the source's log is applied"},
	{NODE_CATCHING_UP, NODE_DIVERGED, "it is, but rows differ"},
	{NODE_SYNCHRONIZED, NODE_DIVERGED, "rows were found to differ"},
	{NODE_DIVERGED, NODE_SYNCHRONIZED, "they don't any more"},

	{NODE_SYNCHRONIZED, NODE_REINITIALIZING, "a reinit is submitted"},
	{NODE_DIVERGED, NODE_REINITIALIZING, "a reinit is submitted"},
	{NODE_FAILED, NODE_REINITIALIZING, "a failed reinit is submitted again"},
	{NODE_REINITIALIZING, NODE_CATCHING_UP, "rows are removed, to be copied again"},
	{NODE_REINITIALIZING, NODE_DIVERGED, "a reinit is cancelled"},

	{NODE_PREPARING, NODE_FAILED, "an error"},
	{NODE_COPYING, NODE_FAILED, "an error"},
	{NODE_CATCHING_UP, NODE_FAILED, "an error"},
	{NODE_REINITIALIZING, NODE_FAILED, "an error"},
	{NODE_FAILED, NODE_FAILED, "what is left could not be removed"},

	{NODE_PREPARING, NODE_UNINITIALIZED, "cancelled and cleaned"},
	{NODE_COPYING, NODE_UNINITIALIZED, "cancelled and cleaned"},
	{NODE_CATCHING_UP, NODE_UNINITIALIZED, "cancelled and cleaned"},
	{NODE_FAILED, NODE_UNINITIALIZED, "cancelled and cleaned"},
};

const char *
steep_init_state_name(InitState state)
{
	return names[state];
}

InitState
steep_init_state_parse(const char *name)
{
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return (InitState) i;
	}
	elog(ERROR, "unknown state \"%s\" of a node", name);
	return NODE_UNINITIALIZED;
}

static bool
is_move(InitState from, InitState to)
{
	for (int i = 0; i < (int) lengthof(moves); i++)
	{
		if (moves[i].from == from && moves[i].to == to)
			return true;
	}
	return false;
}

/* Say what can be done with a node in a state. */
static const char *
next_hint(InitState state)
{
	switch (state)
	{
		case NODE_UNINITIALIZED:
			return "Call steep_repl.start_init() first.";
		case NODE_SYNCHRONIZED:
			return "steep_repl.start_reinit() copies tables again.";
		case NODE_DIVERGED:
		case NODE_FAILED:
			return "Call steep_repl.start_init() or start_reinit() again, or steep_repl.cancel_init() to remove what is left.";
		default:
			return "Wait for its end with steep_repl.wait_init(), or end it with steep_repl.cancel_init().";
	}
}

/* Refuse a move that is not in the table. */
void
steep_init_check_move(const char *node, InitState from, InitState to)
{
	if (is_move(from, to))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("node \"%s\" is %s", node, names[from]),
			 errdetail("It cannot become %s from there.", names[to]),
			 errhint("%s", next_hint(from))));
}

/*
 * Move a node from one state to another, and note it in the audit log as done
 * by a role.  The last init of the node becomes another unless that is NULL.
 */
void
steep_init_move(const char *node, InitState from, InitState to,
				const char *role, const char *init, const char *error)
{
	const char *values[] = {node, names[from], names[to], init, error};

	steep_init_check_move(node, from, to);
	if (!steep_books_bool(steep_books_row(&move_node, values)[0]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" is not %s any more", node, names[from]),
				 errhint("steep_repl.init_progress() shows how it stands.")));
	steep_audit_note(role, "node.state", node,
					 psprintf("\"%s\"", names[from]),
					 psprintf("\"%s\"", names[to]));
}
