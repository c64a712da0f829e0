/*-------------------------------------------------------------------------
 *
 * enumlabel.c
 *		The label of an enum value, remembered.
 *
 * Labels are kept for as long as the server's own cache would keep them: a
 * label that is renamed meanwhile is read again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/enumlabel.h"

#define LABEL_SLOTS 16

struct EnumLabels
{
	uint64		generation;		/* of the catalog, when these were read */
	struct
	{
		Oid			value;		/* InvalidOid if the slot is free */
		NameData	label;
	}			slots[LABEL_SLOTS];
};

static uint64 catalog_generation = 0;

/* Note that pg_enum changed (a SyscacheCallbackFunction). */
static void
forget_labels(Datum arg, int cacheid, uint32 hashvalue)
{
	catalog_generation++;
}

/* Make an empty memory of labels. */
EnumLabels *
steep_enumlabel_prepare(MemoryContext context)
{
	static bool registered = false;
	EnumLabels *labels = MemoryContextAllocZero(context, sizeof(EnumLabels));

	if (!registered)
	{
		CacheRegisterSyscacheCallback(ENUMOID, forget_labels, (Datum) 0);
		registered = true;
	}
	labels->generation = catalog_generation;
	return labels;
}

static void
read_label(Oid value, Name label)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", value)));
	*label = ((Form_pg_enum) GETSTRUCT(tuple))->enumlabel;
	ReleaseSysCache(tuple);
}

/* Find the label of a value; it stays valid until the next call. */
const char *
steep_enumlabel_find(EnumLabels *labels, Oid value)
{
	/* CREATE TYPE numbers the labels with even OIDs. */
	int			slot = (value >> 1) % LABEL_SLOTS;

	if (labels->generation != catalog_generation)
	{
		memset(labels->slots, 0, sizeof(labels->slots));
		labels->generation = catalog_generation;
	}
	if (labels->slots[slot].value != value)
	{
		labels->slots[slot].value = InvalidOid;
		read_label(value, &labels->slots[slot].label);
		labels->slots[slot].value = value;
	}
	return NameStr(labels->slots[slot].label);
}
