/*-------------------------------------------------------------------------
 *
 * image.c
 *		The image of a row: every value as its type prints it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"

#include "base/image.h"

PG_FUNCTION_INFO_V1(steep_repl_row_image);
PG_FUNCTION_INFO_V1(steep_repl_image_record);
PG_FUNCTION_INFO_V1(steep_repl_changed_columns);

static void
report_malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("malformed text of a row"),
			 errdetail("It does not have one field for each column."),
			 errhint("Pass the text that ROW(…)::text gives for these columns.")));
}

/*
 * Read one field of the text of a record into *buffer; leave *cursor on the
 * end of the field, and *buffer behind its value.
 *
 * Returns NULL for a null: a field without any character.  Quotes and
 * backslashes are doubled within quotes.
 */
static char *
parse_field(const char **cursor, char **buffer)
{
	const char *c = *cursor;
	char	   *field = *buffer;
	char	   *end = field;
	bool		quoted = false;

	if (*c == ',' || *c == ')')
		return NULL;
	for (; quoted || (*c != ',' && *c != ')'); c++)
	{
		if (*c == '\0')
			report_malformed();
		if (*c == '"' && quoted && c[1] == '"')
			*end++ = *++c;
		else if (*c == '"')
			quoted = !quoted;
		else if (*c == '\\' && c[1] != '\0')
			*end++ = *++c;
		else
			*end++ = *c;
	}
	*end++ = '\0';
	*buffer = end;
	*cursor = c;
	return field;
}

/*
 * Split the text of a record into its fields, NULL for null.
 *
 * No value is longer than its text, and its end takes the place of the
 * separator, so one buffer of the length of the record holds all.
 */
char	  **
steep_image_parse(const char *record, int nfields)
{
	char	  **fields = palloc0(nfields * sizeof(char *));
	char	   *buffer = palloc(strlen(record) + 1);
	const char *c = record;

	if (*c++ != '(')
		report_malformed();
	for (int i = 0; i < nfields; i++)
	{
		fields[i] = parse_field(&c, &buffer);
		if (*c++ != (i == nfields - 1 ? ')' : ','))
			report_malformed();
	}
	if (*c != '\0')
		report_malformed();
	return fields;
}

/* Read a text[] of names into a list of C strings. */
List *
steep_image_array(ArrayType *array)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	List	   *names = NIL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of a column must not be null")));
		names = lappend(names, TextDatumGetCString(values[i]));
	}
	return names;
}

/* The same for the text of an array. */
List *
steep_image_names(const char *array)
{
	return steep_image_array(DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN,
																	 unconstify(char *, array),
																	 TEXTOID, -1)));
}

/* Read the names and the records of which a function's arguments consist. */
static char **
parse_argument(FunctionCallInfo fcinfo, int n, List *names)
{
	return steep_image_parse(text_to_cstring(PG_GETARG_TEXT_PP(n)),
							 list_length(names));
}

/* Push a string, or a null, into JSON that is being built. */
void
steep_image_push(JsonbParseState **state, JsonbIteratorToken token,
				 char *value)
{
	JsonbValue	json;

	if (value == NULL)
		json.type = jbvNull;
	else
	{
		json.type = jbvString;
		json.val.string.val = value;
		json.val.string.len = strlen(value);
	}
	pushJsonbValue(state, token, &json);
}

/*
 * row_image(columns text[], record text) returns jsonb
 *
 * Turn the text of a record into an object of strings by column name.
 */
Datum
steep_repl_row_image(PG_FUNCTION_ARGS)
{
	List	   *names = steep_image_array(PG_GETARG_ARRAYTYPE_P(0));
	char	  **fields = parse_argument(fcinfo, 1, names);
	JsonbParseState *state = NULL;
	JsonbValue *object;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < list_length(names); i++)
	{
		steep_image_push(&state, WJB_KEY, list_nth(names, i));
		steep_image_push(&state, WJB_VALUE, fields[i]);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(object));
}

/* Append one field as the server would read it back. */
void
steep_image_append(StringInfo record, const char *text, int length)
{
	appendStringInfoChar(record, '"');
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '"' || text[i] == '\\')
			appendStringInfoChar(record, text[i]);
		appendStringInfoChar(record, text[i]);
	}
	appendStringInfoChar(record, '"');
}

static void
append_field(StringInfo record, const JsonbValue *value, const char *name)
{
	if (value->type == jbvNull)
		return;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value of column \"%s\" is not a string", name),
				 errhint("Write every value as the text of its type, in quotes.")));
	steep_image_append(record, value->val.string.val, value->val.string.len);
}

/*
 * image_record(columns text[], image jsonb) returns text
 *
 * The reverse of row_image(), in the order of the columns given.  A column
 * that the image lacks is null.
 */
Datum
steep_repl_image_record(PG_FUNCTION_ARGS)
{
	List	   *names = steep_image_array(PG_GETARG_ARRAYTYPE_P(0));
	Jsonb	   *image = PG_GETARG_JSONB_P(1);
	StringInfoData record;
	ListCell   *cell;

	if (!JB_ROOT_IS_OBJECT(image))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image of a row must be a JSON object")));
	initStringInfo(&record);
	appendStringInfoChar(&record, '(');
	foreach(cell, names)
	{
		char	   *name = lfirst(cell);
		JsonbValue	found;

		if (cell != list_head(names))
			appendStringInfoChar(&record, ',');
		if (getKeyJsonValueFromContainer(&image->root, name, strlen(name),
										 &found))
			append_field(&record, &found, name);
	}
	appendStringInfoChar(&record, ')');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(record.data, record.len));
}

/*
 * changed_columns(columns text[], before text, after text) returns text[]
 *
 * Name the columns in which two records of the same shape differ, or NULL if
 * one of the records is null.
 */
Datum
steep_repl_changed_columns(PG_FUNCTION_ARGS)
{
	int			changed = 0;
	List	   *names;
	char	  **before;
	char	  **after;
	Datum	   *found;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	names = steep_image_array(PG_GETARG_ARRAYTYPE_P(0));
	before = parse_argument(fcinfo, 1, names);
	after = parse_argument(fcinfo, 2, names);
	found = palloc(Max(list_length(names), 1) * sizeof(Datum));
	for (int i = 0; i < list_length(names); i++)
	{
		if (before[i] == NULL && after[i] == NULL)
			continue;
		if (before[i] == NULL || after[i] == NULL ||
			strcmp(before[i], after[i]) != 0)
			found[changed++] = CStringGetTextDatum(list_nth(names, i));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(found, changed, TEXTOID, -1, false,
										  TYPALIGN_INT));
}
