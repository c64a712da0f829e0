/*-------------------------------------------------------------------------
 *
 * canonical.c
 *		Which bytes stand for a value.
 *
 * This is the hot loop of a comparison: once per column of every row.  It
 * allocates nothing unless a value is toasted or has to be printed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/canonical.h"
#include "base/compat.h"
#include "base/enumlabel.h"
#include "base/hash.h"
#include "base/printed.h"

/* In front of each value.  Printed ones are a length and the text. */
#define TAG_NULL 0
#define TAG_VALUE 1
#define TAG_PRINTED 2

#define FLOAT4_NAN 0x7FC00000
#define FLOAT8_NAN UINT64CONST(0x7FF8000000000000)

/* The types that are read without being printed. */
static const struct
{
	Oid			type;
	CanonicalForm form;
}			known_types[] =

{
	{BOOLOID, CANONICAL_BOOL},
	{CHAROID, CANONICAL_CHAR},
	{INT2OID, CANONICAL_INT2},
	{INT4OID, CANONICAL_INT4},
	{INT8OID, CANONICAL_INT8},
	{OIDOID, CANONICAL_INT4},
	{MONEYOID, CANONICAL_INT8},
	{DATEOID, CANONICAL_INT4},
	{TIMEOID, CANONICAL_INT8},
	{TIMESTAMPOID, CANONICAL_INT8},
	{TIMESTAMPTZOID, CANONICAL_INT8},
	{TIMETZOID, CANONICAL_TIMETZ},
	{INTERVALOID, CANONICAL_INTERVAL},
	{FLOAT4OID, CANONICAL_FLOAT4},
	{FLOAT8OID, CANONICAL_FLOAT8},
	{NUMERICOID, CANONICAL_NUMERIC},
	{UUIDOID, CANONICAL_FIXED},
	{MACADDROID, CANONICAL_FIXED},
	{MACADDR8OID, CANONICAL_FIXED},
	{TEXTOID, CANONICAL_TEXT},
	{VARCHAROID, CANONICAL_TEXT},
	{BPCHAROID, CANONICAL_TEXT},	/* its padding is printed */
	{JSONOID, CANONICAL_TEXT},
	{BYTEAOID, CANONICAL_BYTEA},
	{NAMEOID, CANONICAL_CSTRING},
	{CSTRINGOID, CANONICAL_CSTRING},
	{UNKNOWNOID, CANONICAL_CSTRING},
	{JSONBOID, CANONICAL_JSONB},
};

/* Decide how values of a type are written. */
static void
prepare_column(CanonicalColumn *column, Oid type, MemoryContext context)
{
	type = getBaseType(type);
	column->form = type_is_enum(type) ? CANONICAL_ENUM : CANONICAL_PRINTED;
	for (int i = 0; i < (int) lengthof(known_types); i++)
		if (known_types[i].type == type)
			column->form = known_types[i].form;
	column->length = get_typlen(type);
	if (column->form == CANONICAL_ENUM)
		column->labels = steep_enumlabel_prepare(context);
	if (column->form == CANONICAL_PRINTED ||
		column->form == CANONICAL_INTERVAL)
		column->output = steep_printed_prepare(type, context);
}

/*
 * Prepare to write the arguments of a VARIADIC "any" function, from argument
 * number first on.  The result lives as long as the call site.
 */
CanonicalRow *
steep_canonical_prepare(FunctionCallInfo fcinfo, int first)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	int			ncolumns = PG_NARGS() - first;
	CanonicalRow *row;

	if (get_fn_expr_variadic(flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("columns cannot be passed as a VARIADIC array"),
				 errhint("Name each column as an argument of its own.")));
	row = MemoryContextAllocZero(flinfo->fn_mcxt,
								 offsetof(CanonicalRow, columns) +
								 ncolumns * sizeof(CanonicalColumn));
	row->ncolumns = ncolumns;
	row->buffer = MemoryContextAlloc(flinfo->fn_mcxt, ncolumns *
									 (CANONICAL_LONG + CANONICAL_OVERHEAD));
	for (int i = 0; i < ncolumns; i++)
	{
		Oid			type = get_fn_expr_argtype(flinfo, first + i);

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the type of argument %d",
				 first + i + 1);
		prepare_column(&row->columns[i], type, flinfo->fn_mcxt);
	}
	return row;
}

/* Write a length and that many bytes, or their hash if they are many. */
static inline char *
write_bytes(char *p, const char *data, size_t length)
{
	p = put32(p, (uint32) length);
	if (unlikely(length > CANONICAL_LONG))
		return put_hash(p, hash_bytes(data, length));
	memcpy(p, data, length);
	return p + length;
}

static char *
write_printed(char *p, FmgrInfo *output, Datum value)
{
	char	   *text = steep_printed_value(output, value);

	p = write_bytes(put8(p, TAG_PRINTED), text, strlen(text));
	pfree(text);
	return p;
}

/* Write what is stored in a varlena, as its form wants it. */
static inline char *
write_varlena(char *p, CanonicalForm form, Datum value)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(value);
	const char *data = VARDATA_ANY(stored);
	int			length = VARSIZE_ANY_EXHDR(stored);

	if (form == CANONICAL_TEXT)
		p = write_bytes(put8(p, TAG_PRINTED), data, length);
	else if (form == CANONICAL_BYTEA)
		p = write_bytes(put8(p, TAG_VALUE), data, length);
	else if (form == CANONICAL_NUMERIC)
		p = steep_canonical_numeric(put8(p, TAG_VALUE), data, length);
	else
		p = steep_canonical_jsonb(put8(p, TAG_VALUE), data, length);

	if (unlikely((Pointer) stored != DatumGetPointer(value)))
		pfree(stored);
	return p;
}

/*
 * Write an interval.  The two that read as infinite since 17 are printed,
 * because 15 prints them as very many years.
 */
static char *
write_interval(char *p, FmgrInfo *output, Datum value)
{
	Interval   *span = DatumGetIntervalP(value);

	if ((span->month == PG_INT32_MIN && span->day == PG_INT32_MIN &&
		 span->time == PG_INT64_MIN) ||
		(span->month == PG_INT32_MAX && span->day == PG_INT32_MAX &&
		 span->time == PG_INT64_MAX))
		return write_printed(p, output, value);
	p = put32(put8(p, TAG_VALUE), (uint32) span->month);
	p = put32(p, (uint32) span->day);
	return put64(p, (uint64) span->time);
}

static inline char *
write_timetz(char *p, TimeTzADT *time)
{
	p = put64(put8(p, TAG_VALUE), (uint64) time->time);
	return put32(p, (uint32) time->zone);
}

/* Every NaN prints alike, whatever its sign and payload. */
static inline char *
write_float4(char *p, float4 value)
{
	uint32		bits = FLOAT4_NAN;

	if (!isnan(value))
		memcpy(&bits, &value, sizeof(bits));
	return put32(put8(p, TAG_VALUE), bits);
}

static inline char *
write_float8(char *p, float8 value)
{
	uint64		bits = FLOAT8_NAN;

	if (!isnan(value))
		memcpy(&bits, &value, sizeof(bits));
	return put64(put8(p, TAG_VALUE), bits);
}

static inline char *
write_text(char *p, const char *text)
{
	return write_bytes(put8(p, TAG_PRINTED), text, strlen(text));
}

static inline char *
write_enum(char *p, EnumLabels *labels, Oid value)
{
	return write_text(p, steep_enumlabel_find(labels, value));
}

static inline char *
write_fixed(char *p, const char *data, int length)
{
	p = put8(p, TAG_VALUE);
	memcpy(p, data, length);
	return p + length;
}

/* Write one value that is not null. */
static inline char *
write_value(char *p, CanonicalColumn *column, Datum value)
{
	switch (column->form)
	{
		case CANONICAL_BOOL:
			return put8(put8(p, TAG_VALUE), DatumGetBool(value));
		case CANONICAL_CHAR:
			return put8(put8(p, TAG_VALUE), DatumGetUInt8(value));
		case CANONICAL_INT2:
			return put16(put8(p, TAG_VALUE), DatumGetUInt16(value));
		case CANONICAL_INT4:
			return put32(put8(p, TAG_VALUE), DatumGetUInt32(value));
		case CANONICAL_INT8:
			return put64(put8(p, TAG_VALUE), (uint64) DatumGetInt64(value));
		case CANONICAL_FLOAT4:
			return write_float4(p, DatumGetFloat4(value));
		case CANONICAL_FLOAT8:
			return write_float8(p, DatumGetFloat8(value));
		case CANONICAL_TIMETZ:
			return write_timetz(p, DatumGetTimeTzADTP(value));
		case CANONICAL_INTERVAL:
			return write_interval(p, column->output, value);
		case CANONICAL_FIXED:
			return write_fixed(p, DatumGetPointer(value), column->length);
		case CANONICAL_TEXT:
		case CANONICAL_BYTEA:
		case CANONICAL_NUMERIC:
		case CANONICAL_JSONB:
			return write_varlena(p, column->form, value);
		case CANONICAL_CSTRING:
			return write_text(p, DatumGetCString(value));
		case CANONICAL_ENUM:
			return write_enum(p, column->labels, DatumGetObjectId(value));
		case CANONICAL_PRINTED:
			return write_printed(p, column->output, value);
	}
	elog(ERROR, "unexpected canonical form %d", (int) column->form);
	return p;
}

/*
 * Write the columns from (inclusive) to (exclusive) of a row at p, a place
 * in the row's buffer, and return the end.  values[0] is column 0.
 */
char *
steep_canonical_write(CanonicalRow *row, const NullableDatum *values,
					  int from, int to, char *p)
{
	for (int i = from; i < to; i++)
	{
		if (values[i].isnull)
			p = put8(p, TAG_NULL);
		else
			p = write_value(p, &row->columns[i], values[i].value);
	}
	return p;
}
