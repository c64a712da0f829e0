/*-------------------------------------------------------------------------
 *
 * node_register.c
 *		SQL functions that register nodes and forget them.
 *
 * Whoever changes where a node is sends others, and their passwords, there;
 * so only who registered a node may change it, as with jobs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "jobs/audit.h"
#include "jobs/books.h"
#include "ops/node.h"

#define MAX_ID 63				/* characters */
#define MAX_NAME 255

PG_FUNCTION_INFO_V1(steep_repl_register_node);
PG_FUNCTION_INFO_V1(steep_repl_unregister_node);

static const Statement lock_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "keep others off the node",
	.text = "SELECT p_may, p_registered_by, p_config FROM steep_repl.lock_node($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement local_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find this node",
	.text = "SELECT steep_repl.local_node()",
	.nparams = 0,
};

static const Statement add_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "register the node",
	.text = "SELECT * FROM steep_repl.add_node($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.params = {"text", "text", "text", "integer", "integer", "text", "text"},
};

static const Statement change_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "change the node",
	.text = "SELECT * FROM steep_repl.change_node($1, $2, $3, $4, $5, $6)",
	.nparams = 6,
	.params = {"text", "text", "text", "integer", "integer", "text"},
};

static const Statement remove_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "forget the node",
	.text = "SELECT steep_repl.remove_node($1)",
	.nparams = 1,
	.params = {"text"},
};

/* The columns of lock_node. */
enum
{
	LOCKED_MAY,
	LOCKED_BY,
	LOCKED_CONFIG
};

/* The arguments of register_node(), which are those of the SQL functions. */
enum
{
	ARG_ID,
	ARG_NAME,
	ARG_HOST,
	ARG_PORT,
	ARG_PRIORITY,
	ARG_SERVER,
	ARG_BY,
	NARGS
};

static const char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* Refuse a text that is empty or too long; NULL is for the caller to judge. */
static void
check_text(const char *argument, const char *text, int longest)
{
	if (text == NULL)
		return;
	if (text[strspn(text, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", argument),
				 errhint("Give 1 to %d characters.", longest)));
	if (pg_mbstrlen(text) > longest)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("%s is too long", argument),
				 errhint("Give 1 to %d characters.", longest)));
}

/* Take a number that lies between 1 and another, as text. */
static const char *
number_argument(FunctionCallInfo fcinfo, int number, const char *argument,
				int most)
{
	if (PG_ARGISNULL(number) || PG_GETARG_INT32(number) < 1 ||
		PG_GETARG_INT32(number) > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 1 and %d", argument, most),
				 errhint("Leave it out for the default.")));
	return steep_books_number(PG_GETARG_INT32(number));
}

/*
 * Refuse a connection string where one does not belong.  It is not repeated,
 * as it may hold a password.
 */
static void
check_plain(const char *argument, const char *text, const char *foreign,
			const char *what)
{
	if (text == NULL ||
		(strpbrk(text, foreign) == NULL && strstr(text, "://") == NULL))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be %s", argument, what),
			 errdetail("What was given is not shown because it may hold a password."),
			 errhint("For a connection string make a postgres_fdw server, and give its name in p_server.")));
}

/* Read and check the arguments of register_node(). */
static void
read_arguments(FunctionCallInfo fcinfo, const char **values)
{
	values[ARG_ID] = steep_node_argument(fcinfo, ARG_ID);
	values[ARG_NAME] = text_argument(fcinfo, ARG_NAME);
	values[ARG_HOST] = text_argument(fcinfo, ARG_HOST);
	values[ARG_PORT] = number_argument(fcinfo, ARG_PORT, "p_port", 65535);
	values[ARG_PRIORITY] = number_argument(fcinfo, ARG_PRIORITY, "p_priority", 100);
	values[ARG_SERVER] = text_argument(fcinfo, ARG_SERVER);
	values[ARG_BY] = GetUserNameFromId(GetUserId(), false);

	check_text("p_node_id", values[ARG_ID], MAX_ID);
	check_text("p_node_name", values[ARG_NAME] ? values[ARG_NAME] : "", MAX_NAME);
	check_plain("p_host", values[ARG_HOST], "=@ \t\r\n'\"\\",
				"the name or the address of a host");
	check_text("p_host", values[ARG_HOST], MAX_NAME);
	check_plain("p_server", values[ARG_SERVER], "=",
				"the name of a postgres_fdw server");
	check_text("p_server", values[ARG_SERVER], MAX_ID);
	if (values[ARG_SERVER] != NULL)
		(void) steep_peer_address_of_server(values[ARG_SERVER]);
}

/* Lock a node that the caller may change; NULL if there is none of this id. */
static char **
take_node(const char *id, Oid caller)
{
	const char *values[] = {id, steep_books_number(caller)};
	char	  **found = steep_local_row(&lock_node, values, NIL);

	if (found != NULL && !steep_books_bool(found[LOCKED_MAY]))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change node \"%s\"", id),
				 errdetail("Only roles with the privileges of \"%s\", who registered it, or of the owner of steep_repl, may do so.",
						   found[LOCKED_BY])));
	return found;
}

/* Refuse a second name for this very node. */
static void
check_local(const char *const *values)
{
	char	   *local;

	if (values[ARG_HOST] != NULL || values[ARG_SERVER] != NULL)
		return;
	local = steep_local_value(&local_node, NULL, NIL);
	if (local != NULL && strcmp(local, values[ARG_ID]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("this node is registered as \"%s\"", local),
				 errhint("Give p_host or p_server for another node, or unregister \"%s\" first.", local)));
}

/* Note what a role has made of a node, if anything. */
static void
audit(const char *role, const char *id, char **before, char **after)
{
	const char *old = before ? before[LOCKED_CONFIG] : NULL;
	const char *new = after ? after[LOCKED_CONFIG] : NULL;

	if (old != NULL && new != NULL && strcmp(old, new) == 0)
		return;
	steep_audit_note(role, old == NULL ? "node.register" :
					 new == NULL ? "node.unregister" : "node.change",
					 id, old, new);
}

/*
 * register_node(p_node_id text, p_node_name text, p_host text, p_port int,
 *				 p_priority int, p_server text)
 */
Datum
steep_repl_register_node(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();	/* before we act as another */
	const char *values[NARGS];
	Books		books;
	char	  **found;
	Datum		node;

	read_arguments(fcinfo, values);
	books = steep_books_open();
	found = take_node(values[ARG_ID], caller);
	check_local(values);
	node = steep_local_record(found ? &change_node : &add_node, values);
	audit(values[ARG_BY], values[ARG_ID], found,
		  take_node(values[ARG_ID], caller));
	steep_books_close(books);
	PG_RETURN_DATUM(node);
}

/* unregister_node(p_node_id text) */
Datum
steep_repl_unregister_node(PG_FUNCTION_ARGS)
{
	Oid			caller = GetUserId();	/* before we act as another */
	const char *id = steep_node_argument(fcinfo, 0);
	Books		books = steep_books_open();
	char	  **found = take_node(id, caller);

	if (found == NULL)
		steep_node_report_unknown(id);
	(void) steep_local_none(&remove_node, &id, NIL);
	audit(GetUserNameFromId(caller, false), id, found, NULL);
	steep_books_close(books);
	PG_RETURN_VOID();
}
