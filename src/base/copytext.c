/*-------------------------------------------------------------------------
 *
 * copytext.c
 *		Rows as COPY writes them in text format, and their digest.
 *
 * This is the hot loop of a snapshot: once per column of every row.  Values
 * of common types are written straight into the buffer; all others go
 * through their types' output functions.
 *
 * The buffer is of fixed size and goes to the sink when it is full.  A line
 * is hashed in one go if all of it is still there at its end, piece by piece
 * if not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/copyescape.h"
#include "base/copytext.h"
#include "base/copyvalue.h"
#include "base/enumlabel.h"
#include "base/hash.h"

#define BUFFER_SIZE (128 * 1024)

/* How values of a column are written. */
typedef enum CopyForm
{
	COPY_PRINTED,				/* by the type's output function */
	COPY_BOOL,
	COPY_INT2,
	COPY_INT4,
	COPY_INT8,
	COPY_OID,
	COPY_FLOAT4,
	COPY_FLOAT8,
	COPY_DATE,
	COPY_TIME,
	COPY_TIMESTAMP,
	COPY_TIMESTAMPTZ,
	COPY_UUID,
	COPY_ENUM,
	COPY_NUMERIC,
	COPY_TEXT,
	COPY_BYTEA
} CopyForm;

typedef struct CopyColumn
{
	CopyForm	form;
	bool		varlena;		/* may be toasted */
	FmgrInfo	output;
	EnumLabels *labels;			/* of COPY_ENUM */
} CopyColumn;

struct CopyText
{
	CopyTextSink sink;
	void	   *arg;
	CopyTotals	totals;
	char	   *p;				/* where the next byte goes */
	char	   *line;			/* where the line, or what is left of it,
								 * starts */
	char	   *end;			/* of the buffer */
	size_t		sent;			/* bytes of the line that are gone already */
	XXH3_state_t *hash;			/* of those */
	MemoryContext values;		/* what values are printed or detoasted into */
	bool		dirty;			/* something is in there */
	int			ncolumns;
	CopyColumn *columns;
	char		buffer[BUFFER_SIZE];
};

/* The output functions that are not called. */
static const struct
{
	Oid			function;
	CopyForm	form;
}			known_outputs[] =

{
	{F_BOOLOUT, COPY_BOOL},
	{F_INT2OUT, COPY_INT2},
	{F_INT4OUT, COPY_INT4},
	{F_INT8OUT, COPY_INT8},
	{F_OIDOUT, COPY_OID},
	{F_FLOAT4OUT, COPY_FLOAT4},
	{F_FLOAT8OUT, COPY_FLOAT8},
	{F_DATE_OUT, COPY_DATE},
	{F_TIME_OUT, COPY_TIME},
	{F_TIMESTAMP_OUT, COPY_TIMESTAMP},
	{F_TIMESTAMPTZ_OUT, COPY_TIMESTAMPTZ},
	{F_UUID_OUT, COPY_UUID},
	{F_ENUM_OUT, COPY_ENUM},
	{F_NUMERIC_OUT, COPY_NUMERIC},
	{F_TEXTOUT, COPY_TEXT},
	{F_VARCHAROUT, COPY_TEXT},
	{F_BPCHAROUT, COPY_TEXT},
	{F_JSON_OUT, COPY_TEXT},
	{F_BYTEAOUT, COPY_BYTEA},
};

/* Decide how values of a type are written. */
static void
prepare_column(CopyColumn *column, Oid type)
{
	Oid			function;

	getTypeOutputInfo(type, &function, &column->varlena);
	fmgr_info(function, &column->output);
	for (int i = 0; i < (int) lengthof(known_outputs); i++)
	{
		if (known_outputs[i].function == function)
			column->form = known_outputs[i].form;
	}
	if (column->form == COPY_ENUM)
		column->labels = steep_enumlabel_prepare(CurrentMemoryContext);
}

/* Send what is in the buffer. */
static void
flush(CopyText *out)
{
	size_t		part = out->p - out->line;

	CHECK_FOR_INTERRUPTS();
	if (part > 0)
	{
		if (out->sent == 0)
			XXH3_128bits_reset(out->hash);
		XXH3_128bits_update(out->hash, out->line, part);
		out->sent += part;
		steep_copytext_check_length(out->sent);
	}
	if (out->p > out->buffer && out->sink != NULL)
		out->sink(out->arg, out->buffer, out->p - out->buffer);
	out->p = out->line = out->buffer;
}

/* Make room for so many bytes, less than the buffer has. */
static inline char *
make_room(CopyText *out, size_t length)
{
	if (unlikely((size_t) (out->end - out->p) < length))
		flush(out);
	return out->p;
}

/* Write text of any length. */
static inline void
put_text(CopyText *out, const char *data, size_t length)
{
	while (unlikely(length > BUFFER_SIZE / 4))
	{
		char	   *p = make_room(out, BUFFER_SIZE / 2);

		out->p = put_escaped(p, data, BUFFER_SIZE / 4);
		data += BUFFER_SIZE / 4;
		length -= BUFFER_SIZE / 4;
	}
	out->p = put_escaped(make_room(out, 2 * length), data, length);
}

/* Write a bytea in hex, its backslash escaped. */
static void
put_bytea(CopyText *out, const char *data, size_t length)
{
	char	   *p = make_room(out, 3);

	memcpy(p, "\\\\x", 3);
	out->p = p + 3;
	while (length > 0)
	{
		size_t		part = Min(length, BUFFER_SIZE / 4);

		p = make_room(out, 2 * part);
		out->p = p + hex_encode(data, part, p);
		data += part;
		length -= part;
	}
}

/* Free what values have left. */
static void
clean(CopyText *out)
{
	MemoryContextReset(out->values);
	out->dirty = false;
}

/* Have a value of variable length where its bytes can be read. */
static inline struct varlena *
detoast(CopyText *out, Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	MemoryContext old;

	if (likely(!VARATT_IS_COMPRESSED(stored) && !VARATT_IS_EXTERNAL(stored)))
		return stored;
	old = MemoryContextSwitchTo(out->values);
	stored = pg_detoast_datum_packed(stored);
	MemoryContextSwitchTo(old);
	out->dirty = true;
	return stored;
}

/* Write a value by its type's output function. */
static void
put_printed(CopyText *out, CopyColumn *column, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(out->values);
	char	   *printed;

	if (column->varlena)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	printed = OutputFunctionCall(&column->output, value);
	MemoryContextSwitchTo(old);
	out->dirty = true;
	put_text(out, printed, strlen(printed));
}

/* Write a value of fixed length; NULL if that takes its output function. */
static inline char *
put_fixed(CopyColumn *column, Datum value, char *p)
{
	switch (column->form)
	{
		case COPY_BOOL:
			*p = DatumGetBool(value) ? 't' : 'f';
			return p + 1;
		case COPY_INT2:
			return p + pg_itoa(DatumGetInt16(value), p);
		case COPY_INT4:
			return p + pg_ltoa(DatumGetInt32(value), p);
		case COPY_INT8:
			return p + pg_lltoa(DatumGetInt64(value), p);
		case COPY_OID:
			return p + pg_ultoa_n(DatumGetObjectId(value), p);
		case COPY_FLOAT4:
			return p + float_to_shortest_decimal_bufn(DatumGetFloat4(value), p);
		case COPY_FLOAT8:
			return p + double_to_shortest_decimal_bufn(DatumGetFloat8(value), p);
		case COPY_DATE:
			return steep_copyvalue_date(p, DatumGetDateADT(value));
		case COPY_TIME:
			return steep_copyvalue_time(p, DatumGetTimeADT(value));
		case COPY_TIMESTAMP:
			return steep_copyvalue_timestamp(p, DatumGetTimestamp(value));
		case COPY_TIMESTAMPTZ:
			p = steep_copyvalue_timestamp(p, DatumGetTimestampTz(value));
			return p ? (char *) memcpy(p, "+00", 3) + 3 : NULL;
		case COPY_UUID:
			return steep_copyvalue_uuid(p, DatumGetUUIDP(value));
		default:
			return NULL;
	}
}

static inline void
put_value(CopyText *out, CopyColumn *column, Datum value)
{
	struct varlena *stored;
	char	   *end;

	switch (column->form)
	{
		case COPY_TEXT:
			stored = detoast(out, value);
			put_text(out, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
			break;
		case COPY_BYTEA:
			stored = detoast(out, value);
			put_bytea(out, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
			break;
		case COPY_NUMERIC:
			stored = detoast(out, value);
			end = steep_copyvalue_numeric(make_room(out, COPYVALUE_ROOM),
										  stored);
			if (likely(end != NULL))
				out->p = end;
			else
				put_printed(out, column, PointerGetDatum(stored));
			break;
		case COPY_ENUM:
			{
				const char *label = steep_enumlabel_find(column->labels,
														 DatumGetObjectId(value));

				put_text(out, label, strlen(label));
				break;
			}
		case COPY_PRINTED:
			put_printed(out, column, value);
			break;
		default:
			end = put_fixed(column, value, make_room(out, COPYVALUE_ROOM));
			if (likely(end != NULL))
				out->p = end;
			else
				put_printed(out, column, value);
	}
}

/* The line has all its columns: count it. */
static inline void
end_line(CopyText *out)
{
	size_t		length = out->p - out->line;
	Hash		hash;

	if (likely(out->sent == 0))
		hash = hash_bytes(out->line, length);
	else
	{
		steep_copytext_check_length(out->sent + length);
		XXH3_128bits_update(out->hash, out->line, length);
		hash = XXH3_128bits_digest(out->hash);
	}
	out->totals.low += hash.low64;
	out->totals.high += hash.high64;
	out->totals.rows++;
	out->totals.bytes += out->sent + length + 1;
	out->line = out->p;
	out->sent = 0;
	*make_room(out, 1) = '\n';
	out->line = ++out->p;
}

/* Write a row. */
void
steep_copytext_row(CopyText *out, TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	for (int i = 0; i < out->ncolumns; i++)
	{
		char	   *p = make_room(out, 3);

		if (i > 0)
			*p++ = '\t';
		if (slot->tts_isnull[i])
		{
			*p++ = '\\';
			*p++ = 'N';
			out->p = p;
			continue;
		}
		out->p = p;
		put_value(out, &out->columns[i], slot->tts_values[i]);
		if (unlikely(out->dirty && out->sent > 0))
			clean(out);
	}
	end_line(out);
	if (out->dirty)
		clean(out);
}

/*
 * Begin to write rows of this type to a sink.  Lives in the current memory
 * context.
 */
CopyText *
steep_copytext_begin(TupleDesc desc, CopyTextSink sink, void *arg)
{
	CopyText   *out = palloc0(sizeof(CopyText));

	out->sink = sink;
	out->arg = arg;
	out->p = out->line = out->buffer;
	out->end = out->buffer + BUFFER_SIZE;
	out->hash = (XXH3_state_t *) TYPEALIGN(64, palloc(sizeof(XXH3_state_t) + 64));
	out->values = AllocSetContextCreate(CurrentMemoryContext,
										"steep_repl values",
										ALLOCSET_DEFAULT_SIZES);
	out->ncolumns = desc->natts;
	out->columns = palloc0(desc->natts * sizeof(CopyColumn));
	for (int i = 0; i < desc->natts; i++)
		prepare_column(&out->columns[i], TupleDescAttr(desc, i)->atttypid);
	return out;
}

/* Send what is left, and tell what it was in all. */
void
steep_copytext_end(CopyText *out, CopyTotals *totals)
{
	flush(out);
	*totals = out->totals;
}
