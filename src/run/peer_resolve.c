/*-------------------------------------------------------------------------
 *
 * peer_resolve.c
 *		What the address of a peer stands for: libpq's own options.
 *
 * dblink and postgres_fdw look up by themselves what a server of the user's
 * says; whoever connects without them finds it here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "libpq-fe.h"
#include "miscadmin.h"

#include "run/peer_resolve.h"

/* Is this an option of libpq that a server or a mapping may say? */
static bool
is_libpq_option(const PQconninfoOption *options, const char *name)
{
	for (const PQconninfoOption *option = options; option->keyword; option++)
	{
		if (strcmp(option->keyword, name) == 0)
			return strchr(option->dispchar, 'D') == NULL &&
				strcmp(name, "client_encoding") != 0 &&
				strcmp(name, "fallback_application_name") != 0;
	}
	return false;
}

/* Keep the options that are libpq's. */
static List *
take_libpq_options(List *options)
{
	PQconninfoOption *known = PQconninfoParse("", NULL);
	List	   *taken = NIL;
	ListCell   *cell;

	if (known == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (is_libpq_option(known, option->defname))
			taken = lappend(taken, option);
	}
	PQconninfoFree(known);
	return taken;
}

/*
 * Look up what a server and the current role's mapping for it say, secrets
 * and all.  Another address is complete as it is.
 */
const PeerAddress *
steep_peer_address_resolve(const PeerAddress *address)
{
	PeerAddress *resolved = palloc(sizeof(PeerAddress));
	ForeignServer *server;

	if (address->server == NULL)
		return address;
	server = GetForeignServerByName(address->server, false);
	*resolved = *address;
	resolved->server = NULL;
	resolved->server_options = take_libpq_options(server->options);
	resolved->user_options =
		take_libpq_options(GetUserMapping(GetUserId(),
										  server->serverid)->options);
	return resolved;
}

/* Does an address, once it is resolved, hold a password? */
bool
steep_peer_address_has_password(const PeerAddress *address)
{
	ListCell   *cell;

	foreach(cell, address->user_options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "password") == 0)
			return defGetString(option)[0] != '\0';
	}
	return false;
}
