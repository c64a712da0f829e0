/*-------------------------------------------------------------------------
 *
 * canonical_jsonb.c
 *		The canonical bytes of a jsonb.
 *
 * jsonb_out() prints the tree it finds, in the order it is stored, and
 * prints different trees differently.  So the tree is written, without what
 * the print doesn't show: offsets, alignment, byte order, headers of
 * numerics.  Each node is an entry of four bytes, its type and its length or
 * number of children, and then its bytes or children.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/jsonb.h"

#include "base/canonical.h"
#include "base/compat.h"
#include "base/hash.h"

/* Entry types: those of jsonb for leaves, these for containers. */
#define ENTRY_ARRAY 0x60000000
#define ENTRY_OBJECT 0x70000000
#define ENTRY_SCALAR 0x80000000 /* the root of a lone scalar */

static char *write_container(char *p, const char *container);

static inline uint32
load32(const char *p)
{
	uint32		value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* Write one child, whose length bytes begin offset bytes into base. */
static inline char *
write_child(char *p, JEntry entry, const char *base, uint32 offset,
			uint32 length)
{
	uint32		type = entry & JENTRY_TYPEMASK;

	if (JBE_ISSTRING(entry))
	{
		p = put32(p, type | length);
		memcpy(p, base + offset, length);
		return p + length;
	}
	if (JBE_ISNUMERIC(entry))
	{
		const char *numeric = base + INTALIGN(offset);

		return steep_canonical_numeric(put32(p, type), VARDATA_ANY(numeric),
									   VARSIZE_ANY_EXHDR(numeric));
	}
	if (JBE_ISCONTAINER(entry))
		return write_container(p, base + INTALIGN(offset));
	return put32(p, type);
}

/*
 * Write a container and all below it.  The keys of an object come before its
 * values, as they are stored.
 */
static char *
write_container(char *p, const char *container)
{
	uint32		header = load32(container);
	uint32		count = header & JB_CMASK;
	uint32		nchildren = count;
	uint32		type = header & JB_FSCALAR ? ENTRY_SCALAR : ENTRY_ARRAY;
	uint32		offset = 0;
	const char *entries = container + sizeof(header);
	const char *base;

	check_stack_depth();
	if (header & JB_FOBJECT)
	{
		nchildren *= 2;
		type = ENTRY_OBJECT;
	}
	p = put32(p, type | count);
	base = entries + nchildren * sizeof(JEntry);
	for (uint32 i = 0; i < nchildren; i++)
	{
		JEntry		entry = load32(entries + i * sizeof(JEntry));
		uint32		length = JBE_OFFLENFLD(entry);

		if (JBE_HAS_OFF(entry))
			length -= offset;	/* the child's end is stored, not its length */
		p = write_child(p, entry, base, offset, length);
		offset += length;
	}
	return p;
}

/*
 * Write a jsonb: its length in this form, and its tree or, if that is long,
 * the hash of it.
 *
 * stored is what follows the varlena header, at any alignment.  No node
 * takes more bytes than are stored for it, so length is room enough.
 */
char *
steep_canonical_jsonb(char *p, const char *stored, int length)
{
	bool		in_place = length <= CANONICAL_LONG;
	char	   *tree = in_place ? p + sizeof(uint32) : palloc(length);
	size_t		written = write_container(tree, stored) - tree;

	p = put32(p, (uint32) written);
	if (written > CANONICAL_LONG)
		p = put_hash(p, hash_bytes(tree, written));
	else
	{
		if (!in_place)
			memcpy(p, tree, written);
		p += written;
	}
	if (!in_place)
		pfree(tree);
	return p;
}
