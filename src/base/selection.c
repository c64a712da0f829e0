/*-------------------------------------------------------------------------
 *
 * selection.c
 *		Some columns of the text of a record.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/image.h"

PG_FUNCTION_INFO_V1(steep_repl_key_image);
PG_FUNCTION_INFO_V1(steep_repl_reorder_record);

/* Are two arrays the same, byte by byte? */
static bool
same_array(const ArrayType *a, const ArrayType *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Where some columns are in a record; the same for many rows of a query. */
typedef struct Selection
{
	ArrayType  *columns;		/* of the record */
	ArrayType  *wanted;
	int			ncolumns;
	List	   *names;			/* that are wanted */
	int		   *places;			/* of these in the record, -1 if not there */
} Selection;

static int
find_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return foreach_current_index(cell);
	}
	return -1;
}

static Selection *
make_selection(ArrayType *columns, ArrayType *wanted)
{
	Selection  *selection = palloc(sizeof(Selection));
	List	   *names = steep_image_array(columns);
	ListCell   *cell;

	selection->columns = DatumGetArrayTypePCopy(PointerGetDatum(columns));
	selection->wanted = DatumGetArrayTypePCopy(PointerGetDatum(wanted));
	selection->ncolumns = list_length(names);
	selection->names = steep_image_array(wanted);
	selection->places = palloc(sizeof(int) * (list_length(selection->names) + 1));
	foreach(cell, selection->names)
		selection->places[foreach_current_index(cell)] =
		find_name(names, lfirst(cell));
	list_free_deep(names);
	return selection;
}

/* Find the wanted columns in those of a record, as for the last row if it can be. */
static Selection *
select_columns(FunctionCallInfo fcinfo, ArrayType *columns, ArrayType *wanted)
{
	Selection  *selection = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (selection && same_array(selection->columns, columns) &&
		same_array(selection->wanted, wanted))
		return selection;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (selection)
	{
		pfree(selection->columns);
		pfree(selection->wanted);
		list_free_deep(selection->names);
		pfree(selection->places);
		pfree(selection);
	}
	selection = make_selection(columns, wanted);
	fcinfo->flinfo->fn_extra = selection;
	MemoryContextSwitchTo(old);
	return selection;
}

/*
 * key_image(key text[], columns text[], record text) returns jsonb
 *
 * Turn the text of a record into an object of strings by column name, for some
 * of the columns: those of the key.
 */
Datum
steep_repl_key_image(PG_FUNCTION_ARGS)
{
	Selection  *key = select_columns(fcinfo, PG_GETARG_ARRAYTYPE_P(1),
									 PG_GETARG_ARRAYTYPE_P(0));
	char	  **fields = steep_image_parse(text_to_cstring(PG_GETARG_TEXT_PP(2)),
										   key->ncolumns);
	JsonbParseState *state = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, key->names)
	{
		int			place = key->places[foreach_current_index(cell)];

		if (place < 0)
			continue;
		steep_image_push(&state, WJB_KEY, lfirst(cell));
		steep_image_push(&state, WJB_VALUE, fields[place]);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT,
													   NULL)));
}

/*
 * reorder_record(columns text[], record text, wanted text[]) returns text
 *
 * Turn the text of a record of some columns into one of others.  A wanted
 * column that is not there is null.
 */
Datum
steep_repl_reorder_record(PG_FUNCTION_ARGS)
{
	ArrayType  *columns = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *wanted = PG_GETARG_ARRAYTYPE_P(2);
	Selection  *selection;
	char	  **fields;
	StringInfoData record;

	if (same_array(columns, wanted))
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	selection = select_columns(fcinfo, columns, wanted);
	fields = steep_image_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)),
							   selection->ncolumns);
	initStringInfo(&record);
	for (int i = 0; i < list_length(selection->names); i++)
	{
		int			place = selection->places[i];

		appendStringInfoChar(&record, record.len ? ',' : '(');
		if (place >= 0 && fields[place] != NULL)
			steep_image_append(&record, fields[place], strlen(fields[place]));
	}
	appendStringInfoString(&record, record.len ? ")" : "()");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(record.data, record.len));
}
