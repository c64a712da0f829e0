/*-------------------------------------------------------------------------
 *
 * script_object.c
 *		Sets of the objects that schema files name, and whether they exist.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/script.h"

/* Make an empty set in the current memory context. */
HTAB *
steep_script_set(const char *name)
{
	HASHCTL		control = {
		.keysize = sizeof(ScriptObject),
		.entrysize = sizeof(ScriptObject),
		.hcxt = CurrentMemoryContext
	};

	return hash_create(name, 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
steep_script_add(HTAB *set, const ScriptObject *object)
{
	(void) hash_search(set, object, HASH_ENTER, NULL);
}

bool
steep_script_has(HTAB *set, const ScriptObject *object)
{
	return hash_search(set, object, HASH_FIND, NULL) != NULL;
}

/* Name a table as statements about it do. */
ScriptObject
steep_script_table(const char *schema, const char *name)
{
	ScriptObject object;

	memset(&object, 0, sizeof(object));
	object.class = SCRIPT_CLASS_TYPE;
	namestrcpy(&object.schema, schema);
	namestrcpy(&object.name, name);
	return object;
}

/* Is an object of that name here? */
bool
steep_script_exists(const ScriptObject *object)
{
	const char *name = NameStr(object->name);
	Oid			schema = InvalidOid;

	if (object->class == SCRIPT_CLASS_SCHEMA)
		return OidIsValid(get_namespace_oid(name, true));
	if (object->class == SCRIPT_CLASS_EXTENSION)
		return OidIsValid(get_extension_oid(name, true));
	if (NameStr(object->schema)[0] != '\0')
		schema = get_namespace_oid(NameStr(object->schema), true);
	if (!OidIsValid(schema))
		return false;
	if (object->class == SCRIPT_CLASS_COLLATION)
		return OidIsValid(get_collation_oid(list_make2(makeString(pstrdup(NameStr(object->schema))),
													   makeString(pstrdup(name))), true));
	return OidIsValid(get_relname_relid(name, schema)) ||
		(object->class == SCRIPT_CLASS_TYPE &&
		 OidIsValid(GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									CStringGetDatum(name),
									ObjectIdGetDatum(schema))));
}
