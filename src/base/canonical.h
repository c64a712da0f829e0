/*-------------------------------------------------------------------------
 *
 * canonical.h
 *		Which bytes stand for a value.
 *
 * Two values of one type get the same canonical bytes exactly when the
 * type's output function prints the same text for both, under TimeZone UTC,
 * DateStyle ISO, IntervalStyle postgres, extra_float_digits 3, bytea_output
 * hex, search_path pg_catalog and lc_monetary C.  What is stored may differ
 * where the print does not (headers of numerics, payloads of NaN, toast,
 * OIDs of enum labels), and the reverse: 1.0 and 1.00 are equal but print
 * differently.
 *
 * Types whose print is a known function of the stored bytes are read
 * directly; every other type is printed.  Printing pins all of the above
 * except search_path (reg* types) and lc_monetary (money inside an array, a
 * composite or a range): those two are the caller's to set, and so are
 * nodes of one encoding.
 *
 * A value is a tag and then, unless it is null, its bytes, in a form that
 * tells where it ends, so the bytes of one row are never those of another.
 * Whoever changes any of these bytes raises DIGEST_VERSION.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CANONICAL_H
#define STEEP_REPL_CANONICAL_H

#include "fmgr.h"

/*
 * Longer values are represented by their length and hash, so that a row's
 * bytes fit a buffer that is allocated once.
 */
#define CANONICAL_LONG 1024

/* The tag, length and whatever else a form writes in front of its bytes. */
#define CANONICAL_OVERHEAD 32

typedef enum CanonicalForm
{
	CANONICAL_PRINTED,			/* as the output function prints it */
	CANONICAL_BOOL,
	CANONICAL_CHAR,
	CANONICAL_INT2,
	CANONICAL_INT4,
	CANONICAL_INT8,
	CANONICAL_FLOAT4,
	CANONICAL_FLOAT8,
	CANONICAL_TIMETZ,
	CANONICAL_INTERVAL,
	CANONICAL_FIXED,			/* by reference, of fixed length */
	CANONICAL_TEXT,				/* a varlena whose bytes are the print */
	CANONICAL_BYTEA,
	CANONICAL_CSTRING,
	CANONICAL_NUMERIC,
	CANONICAL_JSONB,
	CANONICAL_ENUM
} CanonicalForm;

typedef struct CanonicalColumn
{
	CanonicalForm form;
	int			length;			/* typlen; CANONICAL_FIXED needs it */
	struct FmgrInfo *output;	/* CANONICAL_PRINTED and _INTERVAL */
	struct EnumLabels *labels;	/* CANONICAL_ENUM */
} CanonicalColumn;

typedef struct CanonicalRow
{
	int			ncolumns;
	char	   *buffer;			/* has room for every column */
	CanonicalColumn columns[FLEXIBLE_ARRAY_MEMBER];
} CanonicalRow;

extern CanonicalRow *steep_canonical_prepare(FunctionCallInfo fcinfo,
											 int first);
extern char *steep_canonical_write(CanonicalRow *row,
								   const NullableDatum *values,
								   int from, int to, char *p);

/* The forms that take a file of their own; each returns the end. */
extern char *steep_canonical_numeric(char *p, const char *stored, int length);
extern char *steep_canonical_jsonb(char *p, const char *stored, int length);

#endif							/* STEEP_REPL_CANONICAL_H */
