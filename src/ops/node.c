/*-------------------------------------------------------------------------
 *
 * node.c
 *		A node that is registered in steep_repl.nodes.
 *
 * A row never holds a secret: it names a postgres_fdw server, whose user
 * mapping does, or a host, for which libpq looks where it always does.  The
 * row without either is this very database.  That another row leads back
 * here too is seen only by who connects, as steep_node_open() does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "jobs/books.h"
#include "ops/node.h"

static const Statement find_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "find the node",
	.text = "SELECT node_name, host, port, server FROM steep_repl.find_node($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement touch_node = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "note that the node is alive",
	.text = "SELECT steep_repl.touch_node($1)",
	.nparams = 1,
	.params = {"text"},
};

/* Refuse what cannot be the id of a node. */
static void
check_id(const char *id)
{
	if (id == NULL || id[strspn(id, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the id of a node must not be null or empty"),
				 errhint("steep_repl.node_status() lists the nodes.")));
}

/* Take the id of a node from the arguments of a SQL function. */
const char *
steep_node_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *id = PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));

	check_id(id);
	return id;
}

/* Say that there is no node of this id. */
void
steep_node_report_unknown(const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("node \"%s\" does not exist", id),
			 errhint("steep_repl.node_status() lists the nodes, steep_repl.register_node() adds one.")));
}

/* Find a node; an error if there is none of this id. */
RegisteredNode *
steep_node_find(const char *id)
{
	RegisteredNode *node = palloc0(sizeof(RegisteredNode));
	Books		books;
	char	  **row;

	check_id(id);
	books = steep_books_open();
	row = steep_local_row(&find_node, &id, NIL);
	steep_books_close(books);
	if (row == NULL)
		steep_node_report_unknown(id);
	node->id = id;
	node->name = row[0];
	node->host = row[1];
	node->port = (int) steep_books_integer(row[2]);
	node->server = row[3];
	node->local = (node->host == NULL && node->server == NULL);
	return node;
}

/* Note that a node is alive; false if there is none of this id. */
bool
steep_node_touch(const char *id)
{
	Books		books = steep_books_open();
	char	   *touched = steep_local_value(&touch_node, &id, NIL);

	steep_books_close(books);
	return touched != NULL;
}

/*
 * Say how to reach a node, or NULL if it is this very database.
 *
 * By host it is reached in the database and as the role that the caller is in
 * and is here.  Checks that the caller may use the server.
 */
PeerAddress *
steep_node_address(const RegisteredNode *node)
{
	PeerAddress *address;

	if (node->local)
		return NULL;
	if (node->server != NULL)
		address = steep_peer_address_of_server(node->server);
	else
		address = steep_peer_address_of_host(node->host, node->port,
											 get_database_name(MyDatabaseId),
											 GetUserNameFromId(GetUserId(), false));
	address->label = psprintf("%s (%s)", node->id, address->label);
	return address;
}

/*
 * Connect to a node that is another one, and refuse it if it turns out to be
 * this very database after all.
 */
Session *
steep_node_open(const RegisteredNode *node)
{
	Session    *session = steep_session_begin(steep_node_address(node));

	PG_TRY();
	{
		steep_session_check_other(session);
	}
	PG_CATCH();
	{
		steep_session_abandon(session);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return session;
}
