/*-------------------------------------------------------------------------
 *
 * peer_conninfo.c
 *		The address of a peer, written as a connection string.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "base/guc.h"
#include "run/peer_address.h"

/* Return the value of an option in a list, or NULL. */
const char *
steep_peer_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0)
			return strVal(option->arg);
	}
	return NULL;
}

/*
 * Could this value be part of a password?  A URI whose password holds a
 * character with a meaning of its own is cut at the wrong places.
 */
bool
steep_peer_option_suspect(const char *keyword, const char *value)
{
	if (strcmp(keyword, "port") == 0)
		return value[strspn(value, "0123456789,")] != '\0';
	if (strcmp(keyword, "host") == 0 && value[0] == '@')
		value++;				/* an abstract socket */
	return strpbrk(value, "@=") != NULL;
}

/* Write options as a connection string. */
char *
steep_peer_options_write(List *options)
{
	StringInfoData conninfo;
	ListCell   *cell;

	initStringInfo(&conninfo);
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		appendStringInfo(&conninfo, "%s='", option->defname);
		for (const char *c = strVal(option->arg); *c; c++)
		{
			if (*c == '\'' || *c == '\\')
				appendStringInfoChar(&conninfo, '\\');
			appendStringInfoChar(&conninfo, *c);
		}
		appendStringInfoString(&conninfo, "' ");
	}
	return conninfo.data;
}

/* Write the options as a connection string: it holds the secrets. */
char *
steep_peer_address_conninfo(const PeerAddress *address)
{
	return steep_peer_options_write(list_concat_copy(address->server_options,
													 address->user_options));
}

/* Add those options of a server or a mapping that libpq knows. */
static List *
add_known(List *known, List *options, const PQconninfoOption *defaults)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		const char *name = ((DefElem *) lfirst(cell))->defname;

		for (const PQconninfoOption *option = defaults; option->keyword; option++)
		{
			if (strcmp(option->keyword, name) == 0 &&
				strcmp(name, "application_name") != 0)
				known = lappend(known, lfirst(cell));
		}
	}
	return known;
}

/*
 * Write a connection string for somebody who will connect by himself, as the
 * workers of a subscription do: with the secrets, also those of a server's
 * user mapping.  Says whether there is a password among them.
 */
char *
steep_peer_address_lasting(const PeerAddress *address, bool *password)
{
	PQconninfoOption *defaults = PQconndefaults();
	List	   *options;

	if (defaults == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	options = add_known(NIL, address->server_options, defaults);
	options = add_known(options, address->user_options, defaults);
	if (address->server != NULL)
	{
		ForeignServer *server = GetForeignServerByName(address->server, false);
		UserMapping *mapping = GetUserMapping(GetUserId(), server->serverid);

		options = add_known(options, server->options, defaults);
		options = add_known(options, mapping->options, defaults);
	}
	PQconninfoFree(defaults);
	*password = steep_peer_option(options, "password") != NULL;
	return steep_peer_options_write(options);
}

/*
 * Write the options as a connection string without secrets.  NULL if the
 * address is a server, or has a password, without which there is no way in,
 * or if a value might hold a piece of one.
 */
char *
steep_peer_address_public(const PeerAddress *address)
{
	List	   *options = list_copy(address->server_options);
	ListCell   *cell;

	if (address->server != NULL ||
		steep_peer_option(address->user_options, "password"))
		return NULL;
	foreach(cell, address->user_options)
	{
		if (strcmp(((DefElem *) lfirst(cell))->defname, "user") == 0)
			options = lappend(options, lfirst(cell));
	}
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (steep_peer_option_suspect(option->defname, strVal(option->arg)))
			return NULL;
	}
	return steep_peer_options_write(options);
}

/*
 * How many seconds may a connection take?  Each host has as many as libpq
 * gives it; 0 means no limit.
 */
int
steep_peer_address_timeout(const PeerAddress *address)
{
	const char *hosts = steep_peer_option(address->server_options, "host");
	const char *limit = steep_peer_option(address->server_options,
										  "connect_timeout");
	int			seconds = steep_guc_connect_timeout;
	int			nhosts = 1;

	if (address->server == NULL && limit != NULL)
		seconds = atoi(limit);
	if (hosts == NULL)
		hosts = steep_peer_option(address->server_options, "hostaddr");
	for (const char *c = hosts; c && *c; c++)
		nhosts += *c == ',';
	return seconds <= 0 ? 0 : Min(Max(seconds, 2), 3600) * Min(nhosts, 100) + 1;
}
