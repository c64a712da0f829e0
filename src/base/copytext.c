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
	CopyTextTotals totals;
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
flush(CopyText *text)
{
	size_t		part = text->p - text->line;

	CHECK_FOR_INTERRUPTS();
	if (part > 0)
	{
		if (text->sent == 0)
			XXH3_128bits_reset(text->hash);
		XXH3_128bits_update(text->hash, text->line, part);
		text->sent += part;
		if (text->sent >= MaxAllocSize)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("row is too long for COPY"),
					 errdetail("Its text has more than %zu bytes.",
							   (size_t) MaxAllocSize)));
	}
	if (text->p > text->buffer && text->sink != NULL)
		text->sink(text->arg, text->buffer, text->p - text->buffer);
	text->p = text->line = text->buffer;
}

/* Make room for so many bytes, less than the buffer has. */
static inline char *
make_room(CopyText *text, size_t length)
{
	if (unlikely((size_t) (text->end - text->p) < length))
		flush(text);
	return text->p;
}

/* Write text of any length. */
static inline void
put_text(CopyText *text, const char *data, size_t length)
{
	while (unlikely(length > BUFFER_SIZE / 4))
	{
		char	   *p = make_room(text, BUFFER_SIZE / 2);

		text->p = put_escaped(p, data, BUFFER_SIZE / 4);
		data += BUFFER_SIZE / 4;
		length -= BUFFER_SIZE / 4;
	}
	text->p = put_escaped(make_room(text, 2 * length), data, length);
}

/* Write a bytea in hex, its backslash escaped. */
static void
put_bytea(CopyText *text, const char *data, size_t length)
{
	char	   *p = make_room(text, 3);

	memcpy(p, "\\\\x", 3);
	text->p = p + 3;
	while (length > 0)
	{
		size_t		part = Min(length, BUFFER_SIZE / 4);

		p = make_room(text, 2 * part);
		text->p = p + hex_encode(data, part, p);
		data += part;
		length -= part;
	}
}

/* Free what values have left. */
static void
clean(CopyText *text)
{
	MemoryContextReset(text->values);
	text->dirty = false;
}

/* Have a value of variable length where its bytes can be read. */
static inline struct varlena *
detoast(CopyText *text, Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	MemoryContext old;

	if (likely(!VARATT_IS_COMPRESSED(stored) && !VARATT_IS_EXTERNAL(stored)))
		return stored;
	old = MemoryContextSwitchTo(text->values);
	stored = pg_detoast_datum_packed(stored);
	MemoryContextSwitchTo(old);
	text->dirty = true;
	return stored;
}

/* Write a value by its type's output function. */
static void
put_printed(CopyText *text, CopyColumn *column, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(text->values);
	char	   *printed;

	if (column->varlena)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	printed = OutputFunctionCall(&column->output, value);
	MemoryContextSwitchTo(old);
	text->dirty = true;
	put_text(text, printed, strlen(printed));
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
put_value(CopyText *text, CopyColumn *column, Datum value)
{
	struct varlena *stored;
	char	   *end;

	switch (column->form)
	{
		case COPY_TEXT:
			stored = detoast(text, value);
			put_text(text, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
			break;
		case COPY_BYTEA:
			stored = detoast(text, value);
			put_bytea(text, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
			break;
		case COPY_NUMERIC:
			stored = detoast(text, value);
			end = steep_copyvalue_numeric(make_room(text, COPYVALUE_ROOM),
										  stored);
			if (likely(end != NULL))
				text->p = end;
			else
				put_printed(text, column, PointerGetDatum(stored));
			break;
		case COPY_ENUM:
			{
				const char *label = steep_enumlabel_find(column->labels,
														 DatumGetObjectId(value));

				put_text(text, label, strlen(label));
				break;
			}
		case COPY_PRINTED:
			put_printed(text, column, value);
			break;
		default:
			end = put_fixed(column, value, make_room(text, COPYVALUE_ROOM));
			if (likely(end != NULL))
				text->p = end;
			else
				put_printed(text, column, value);
	}
}

/* The line has all its columns: count it. */
static inline void
end_line(CopyText *text)
{
	size_t		length = text->p - text->line;
	Hash		hash;

	if (likely(text->sent == 0))
		hash = hash_bytes(text->line, length);
	else
	{
		XXH3_128bits_update(text->hash, text->line, length);
		hash = XXH3_128bits_digest(text->hash);
	}
	text->totals.low += hash.low64;
	text->totals.high += hash.high64;
	text->totals.rows++;
	text->totals.bytes += text->sent + length + 1;
	text->line = text->p;
	text->sent = 0;
	*make_room(text, 1) = '\n';
	text->line = ++text->p;
}

/* Write a row. */
void
steep_copytext_row(CopyText *text, TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	for (int i = 0; i < text->ncolumns; i++)
	{
		char	   *p = make_room(text, 3);

		if (i > 0)
			*p++ = '\t';
		if (slot->tts_isnull[i])
		{
			*p++ = '\\';
			*p++ = 'N';
			text->p = p;
			continue;
		}
		text->p = p;
		put_value(text, &text->columns[i], slot->tts_values[i]);
		if (unlikely(text->dirty && text->sent > 0))
			clean(text);
	}
	end_line(text);
	if (text->dirty)
		clean(text);
}

/*
 * Begin to write rows of this type to a sink.  Lives in the current memory
 * context.
 */
CopyText *
steep_copytext_begin(TupleDesc desc, CopyTextSink sink, void *arg)
{
	CopyText   *text = palloc0(sizeof(CopyText));

	text->sink = sink;
	text->arg = arg;
	text->p = text->line = text->buffer;
	text->end = text->buffer + BUFFER_SIZE;
	text->hash = (XXH3_state_t *) TYPEALIGN(64, palloc(sizeof(XXH3_state_t) + 64));
	text->values = AllocSetContextCreate(CurrentMemoryContext,
										 "steep_repl values",
										 ALLOCSET_DEFAULT_SIZES);
	text->ncolumns = desc->natts;
	text->columns = palloc0(desc->natts * sizeof(CopyColumn));
	for (int i = 0; i < desc->natts; i++)
		prepare_column(&text->columns[i], TupleDescAttr(desc, i)->atttypid);
	return text;
}

/* Send what is left, and tell what it was in all. */
void
steep_copytext_end(CopyText *text, CopyTextTotals *totals)
{
	flush(text);
	*totals = text->totals;
}
