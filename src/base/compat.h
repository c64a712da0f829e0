/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between the server releases 15 to 18.
 *
 * Every other file reads as if only the newest release existed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COMPAT_H
#define STEEP_REPL_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "steep_repl needs PostgreSQL 15, 16, 17 or 18"
#endif

#include "parser/parse_type.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM >= 160000

/* 16 took this out of postgres.h. */
#include "varatt.h"

#endif							/* 16 and later */

#if PG_VERSION_NUM < 160000

/* 16 gave the parser of type names a context for soft errors. */
#define steep_parse_type(name, type, typmod) \
	parseTypeString(name, type, typmod, false)

/* 16 renamed pg_xxx_aclcheck() and made it one function. */
#include "utils/acl.h"

#define object_aclcheck(classid, objectid, roleid, mode) \
	steep_object_aclcheck(classid, objectid, roleid, mode)

#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"

static inline AclResult
steep_object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	switch (classid)
	{
		case ForeignServerRelationId:
			return pg_foreign_server_aclcheck(objectid, roleid, mode);
		case ForeignDataWrapperRelationId:
			return pg_foreign_data_wrapper_aclcheck(objectid, roleid, mode);
		case NamespaceRelationId:
			return pg_namespace_aclcheck(objectid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objectid, roleid, mode);
		default:
			elog(ERROR, "unexpected object class %u", classid);
			return ACLCHECK_NO_PRIV;
	}
}

#else

#define steep_parse_type(name, type, typmod) \
	parseTypeString(name, type, typmod, NULL)

#endif							/* before 16 */

#if PG_VERSION_NUM < 170000

/* 17 has slots that standbys keep, too. */
#define steep_slot_create(name, logical, persistency) \
	ReplicationSlotCreate(name, logical, persistency, false)

/* 17 lets an extension name its wait events. */
#define WaitEventExtensionNew(name) PG_WAIT_EXTENSION

#else

#define steep_slot_create(name, logical, persistency) \
	ReplicationSlotCreate(name, logical, persistency, false, false, false)

#endif							/* before 17 */

#if PG_VERSION_NUM < 180000

/* 18 lets the caller hold the subscription's lock already. */
#define UpdateSubscriptionRelState(subid, relid, state, lsn, locked) \
	(UpdateSubscriptionRelState) (subid, relid, state, lsn)

#endif							/* before 18 */

#endif							/* STEEP_REPL_COMPAT_H */
