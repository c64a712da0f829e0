/*-------------------------------------------------------------------------
 *
 * server.c
 *		A postgres_fdw server of our own, with its user mapping.
 *
 * A server holds a peer's address for the moment it takes to connect, or for
 * as long as a job lives.  It is made through the C API: as SQL text the
 * password would show in the log, in pg_stat_statements and in errors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "run/server.h"

/* Require the privilege to create a server, where none can be created. */
void
steep_server_check_usage(void)
{
	Oid			wrapper = get_foreign_data_wrapper_oid("postgres_fdw", false);

	if (object_aclcheck(ForeignDataWrapperRelationId, wrapper, GetUserId(),
						ACL_USAGE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign-data wrapper %s",
						"postgres_fdw"),
				 errhint("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw to the role.")));
}

/* Have an object dropped with the extension, without a word. */
static void
depend_on_extension(ObjectAddress object)
{
	Oid			oid = get_extension_oid("steep_repl", true);
	ObjectAddress extension;

	if (!OidIsValid(oid))
		return;
	ObjectAddressSet(extension, ExtensionRelationId, oid);
	recordDependencyOn(&object, &extension, DEPENDENCY_AUTO);
}

/*
 * Create a server and the current role's user mapping for it.
 *
 * Both go with the extension: a job that it is dropped under can't drop them.
 * Needs USAGE on the foreign-data wrapper postgres_fdw.
 */
void
steep_server_create(const char *name, const PeerAddress *address)
{
	CreateForeignServerStmt *server = makeNode(CreateForeignServerStmt);
	CreateUserMappingStmt *mapping = makeNode(CreateUserMappingStmt);
	RoleSpec   *role = makeNode(RoleSpec);

	server->servername = pstrdup(name);
	server->fdwname = pstrdup("postgres_fdw");
	server->options = address->server_options;
	depend_on_extension(CreateForeignServer(server));
	CommandCounterIncrement();

	role->roletype = ROLESPEC_CURRENT_USER;
	role->location = -1;
	mapping->user = role;
	mapping->servername = pstrdup(name);
	mapping->options = address->user_options;
	depend_on_extension(CreateUserMapping(mapping));
	CommandCounterIncrement();
}

/* Drop a server of our own with its user mappings, if it is still there. */
void
steep_server_drop(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);
	ObjectAddress address;

	if (server == NULL)
		return;
	ObjectAddressSet(address, ForeignServerRelationId, server->serverid);
	performDeletion(&address, DROP_CASCADE,
					PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	CommandCounterIncrement();
}
