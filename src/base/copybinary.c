/*-------------------------------------------------------------------------
 *
 * copybinary.c
 *		Which types of columns two nodes may exchange in COPY's binary format.
 *
 * It saves both sides from printing and parsing: a half to two thirds of the
 * time for numbers and times.  But what a type sends may mean something else
 * elsewhere, as OIDs do, or depend on the release.  So these are the core's
 * own types of which neither is true, and arrays of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/copybinary.h"

static const char *const fitting[] = {
	"smallint", "integer", "bigint", "numeric", "real", "double precision",
	"boolean", "text", "character varying", "character", "bytea", "uuid",
	"date", "time without time zone", "time with time zone",
	"timestamp without time zone", "timestamp with time zone", "interval",
	"json", "jsonb", "inet", "cidr", "macaddr", "bit", "bit varying",
};

/* Copy a type's name without its modifier, and without the mark of an array. */
static char *
bare_name(const char *type)
{
	char	   *name = palloc(strlen(type) + 1);
	char	   *end = name;

	while (*type)
	{
		if (*type == '(')
			type += strcspn(type, ")");
		else
			*end++ = *type;
		if (*type)
			type++;
	}
	*end = '\0';
	if (end - name > 2 && strcmp(end - 2, "[]") == 0)
		end[-2] = '\0';
	return name;
}

/* Are all types, as format_type() prints them, among those? */
bool
steep_copybinary_fits(List *types)
{
	ListCell   *cell;

	foreach(cell, types)
	{
		char	   *name = bare_name(lfirst(cell));
		bool		fits = false;

		for (int i = 0; i < (int) lengthof(fitting) && !fits; i++)
			fits = strcmp(name, fitting[i]) == 0;
		if (!fits)
			return false;
	}
	return types != NIL;
}
