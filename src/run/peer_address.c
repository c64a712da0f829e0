/*-------------------------------------------------------------------------
 *
 * peer_address.c
 *		What a caller calls a peer: a conninfo string, a URI or a server.
 *
 * libpq's own parser reads conninfo strings and URIs.  Its error messages
 * quote the string, password and all, so they are never passed on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "base/guc.h"
#include "run/peer_address.h"

/* Options that a server of our own has unless the caller sets them. */
static const struct
{
	const char *name;
	const char *value;
}			defaults[] =

{
	{"application_name", "steep_repl"},
	{"keepalives_idle", "10"},
	{"keepalives_interval", "5"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "30000"},
};

static void
report_malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("could not understand the peer's connection string"),
			 errdetail("It is not shown because it may hold a password."),
			 errhint("Write \"host=… dbname=… user=…\", a postgresql:// URI, or the name of a postgres_fdw server.")));
}

/* Is this an option that neither postgres_fdw nor dblink lets through? */
static bool
ignored(const PQconninfoOption *option)
{
	return option->val == NULL || option->val[0] == '\0' ||
		strchr(option->dispchar, 'D') != NULL ||
		strcmp(option->keyword, "client_encoding") == 0 ||
		strcmp(option->keyword, "fallback_application_name") == 0;
}

/* Does this option belong to the user mapping? */
static bool
of_user(const PQconninfoOption *option)
{
	return strchr(option->dispchar, '*') != NULL ||
		strcmp(option->keyword, "user") == 0;
}

static DefElem *
make_option(const char *name, const char *value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pstrdup(value)), -1);
}

/* Give a server of our own what the caller did not say. */
static void
add_defaults(PeerAddress *address)
{
	char		timeout[32];

	for (size_t i = 0; i < lengthof(defaults); i++)
	{
		if (!steep_peer_option(address->server_options, defaults[i].name))
			address->server_options =
				lappend(address->server_options,
						make_option(defaults[i].name, defaults[i].value));
	}
	if (steep_peer_option(address->server_options, "connect_timeout"))
		return;
	snprintf(timeout, sizeof(timeout), "%d", steep_guc_connect_timeout);
	address->server_options = lappend(address->server_options,
									  make_option("connect_timeout", timeout));
}

/* Is a host this machine, by its name alone? */
bool
steep_peer_host_is_local(const char *host)
{
	return host[0] == '/' || strcmp(host, "localhost") == 0 ||
		strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* Would a password or a row cross a network in the clear? */
static bool
sent_in_clear(const char *host, const char *sslmode)
{
	if (host == NULL || steep_peer_host_is_local(host))
		return false;
	return sslmode == NULL || strcmp(sslmode, "disable") == 0 ||
		strcmp(sslmode, "allow") == 0 || strcmp(sslmode, "prefer") == 0;
}

/* Add an option to what people see. */
static void
add_label(StringInfo label, const PQconninfoOption *option)
{
	bool		hidden = steep_peer_option_suspect(option->keyword, option->val);

	if (hidden && strcmp(option->keyword, "dbname") != 0)
		report_malformed();
	appendStringInfo(label, "%s%s=%s", label->len ? " " : "", option->keyword,
					 hidden ? "…" : option->val);
}

/* Sort the parsed options into server, user mapping and label. */
static void
take_options(PeerAddress *address, const PQconninfoOption *options)
{
	StringInfoData label;
	const char *host = NULL;
	const char *sslmode = NULL;

	initStringInfo(&label);
	for (const PQconninfoOption *option = options; option->keyword; option++)
	{
		DefElem    *element;

		if (ignored(option))
			continue;
		element = make_option(option->keyword, option->val);
		if (of_user(option))
			address->user_options = lappend(address->user_options, element);
		else
			address->server_options = lappend(address->server_options, element);
		if (strcmp(option->keyword, "sslmode") == 0)
			sslmode = pstrdup(option->val);
		if (strcmp(option->keyword, "host") == 0 ||
			strcmp(option->keyword, "hostaddr") == 0)
			host = pstrdup(option->val);
		if (strcmp(option->keyword, "host") == 0 ||
			strcmp(option->keyword, "hostaddr") == 0 ||
			strcmp(option->keyword, "port") == 0 ||
			strcmp(option->keyword, "dbname") == 0 ||
			strcmp(option->keyword, "service") == 0)
			add_label(&label, option);
	}
	address->label = label.data;
	if (sent_in_clear(host, sslmode))
		ereport(WARNING,
				(errmsg("connection to peer \"%s\" may not be encrypted", label.data),
				 errhint("Set sslmode=require or stronger in the connection string.")));
}

/* Read a conninfo string or a URI. */
static void
parse_conninfo(PeerAddress *address, const char *text)
{
	char	   *message = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &message);

	if (message)
		PQfreemem(message);
	if (options == NULL)
		report_malformed();
	PG_TRY();
	{
		take_options(address, options);
	}
	PG_FINALLY();
	{
		PQconninfoFree(options);
	}
	PG_END_TRY();
	add_defaults(address);
}

/*
 * Take a postgres_fdw server that the caller may use.  Its name is one that
 * somebody has chosen as such, so it is no secret.
 */
PeerAddress *
steep_peer_address_of_server(const char *name)
{
	PeerAddress *address = palloc0(sizeof(PeerAddress));
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", name),
				 errhint("Make it with CREATE SERVER ... FOREIGN DATA WRAPPER postgres_fdw.")));
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a postgres_fdw server", name),
				 errhint("Name a server of the foreign-data wrapper postgres_fdw.")));
	if (object_aclcheck(ForeignServerRelationId, server->serverid,
						GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server \"%s\"", name),
				 errhint("GRANT USAGE ON FOREIGN SERVER to the role, and create a user mapping for it.")));
	address->server = pstrdup(name);
	address->label = psprintf("server %s", name);
	return address;
}

/*
 * Understand what the caller calls a peer.
 *
 * Text with a "=" or "://" is a connection string, anything else the name of
 * a server.  Errors never repeat the text.
 */
PeerAddress *
steep_peer_address_parse(const char *text)
{
	PeerAddress *address;

	if (text == NULL || text[strspn(text, " \t\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("peer must not be null or empty"),
				 errhint("Write \"host=… dbname=… user=…\", a postgresql:// URI, or the name of a postgres_fdw server.")));
	if (strchr(text, '=') == NULL && strstr(text, "://") == NULL)
	{
		if (GetForeignServerByName(text, true) == NULL)
			report_malformed();
		return steep_peer_address_of_server(text);
	}
	address = palloc0(sizeof(PeerAddress));
	parse_conninfo(address, text);
	return address;
}

/* Reach a host by what libpq finds there and here without being told. */
PeerAddress *
steep_peer_address_of_host(const char *host, int port, const char *database,
						   const char *user)
{
	PeerAddress *address = palloc0(sizeof(PeerAddress));
	List	   *options = list_make4(make_option("host", host),
									 make_option("port", psprintf("%d", port)),
									 make_option("dbname", database),
									 make_option("user", user));

	parse_conninfo(address, steep_peer_options_write(options));
	return address;
}
