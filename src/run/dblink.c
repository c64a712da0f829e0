/*-------------------------------------------------------------------------
 *
 * dblink.c
 *		Where dblink's functions are.
 *
 * They are looked up once a connection, so that it can be closed after an
 * error, when no catalog can be read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "base/sqltext.h"
#include "run/dblink.h"
#include "run/local.h"

static const Statement find_dblink = {
	.site = SITE_LOCAL,
	.purpose = "find dblink",
	.text = "SELECT n.nspname\n"
	"FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace\n"
	"WHERE e.extname = 'dblink'",
};

/* Look up one of dblink's functions, by its exact arguments. */
static void
look_up(FmgrInfo *call, const char *schema, const char *function, int nargs)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Oid			oid = LookupFuncName(list_make2(makeString(pstrdup(schema)),
												makeString(pstrdup(function))),
									 nargs, types, false);

	if (object_aclcheck(ProcedureRelationId, oid, GetUserId(),
						ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s.%s",
						schema, function),
				 errhint("GRANT EXECUTE on dblink's functions to the role.")));
	fmgr_info(oid, call);
}

/* Find dblink and its functions. */
void
steep_dblink_find(DblinkCalls *calls)
{
	char	   *schema = steep_local_value(&find_dblink, NULL, NIL);

	if (schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" is not installed", "dblink"),
				 errhint("Run CREATE EXTENSION dblink.")));
	calls->schema = steep_sql_ident(schema);
	look_up(&calls->connect, schema, "dblink_connect", 2);
	look_up(&calls->disconnect, schema, "dblink_disconnect", 1);
	look_up(&calls->send_query, schema, "dblink_send_query", 2);
	look_up(&calls->is_busy, schema, "dblink_is_busy", 1);
	look_up(&calls->error_message, schema, "dblink_error_message", 1);
}
