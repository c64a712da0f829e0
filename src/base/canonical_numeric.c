/*-------------------------------------------------------------------------
 *
 * canonical_numeric.c
 *		The canonical bytes of a numeric.
 *
 * The print of a numeric is decided by its sign, its display scale, the
 * weight of its first digit and its digits.  One value may be stored with a
 * short header or, by servers before 9.1, with a long one.  numeric.c keeps
 * the layout to itself, but a server that can be upgraded in place can't
 * change it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/canonical.h"
#include "base/hash.h"

#define SIGN_MASK 0xC000
#define SIGN_SHORT 0x8000		/* not a sign: a short header */
#define SIGN_SPECIAL 0xC000		/* nor this: NaN or an infinity */
#define SPECIAL_MASK 0xF000

#define LONG_SIGN_DSCALE_MASK 0x7FFF

#define SHORT_NEGATIVE 0x2000
#define SHORT_DSCALE_MASK 0x1F80
#define SHORT_DSCALE_SHIFT 7
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F

#define NEGATIVE 0x4000			/* in a long header, and in ours */

#define DIGIT_BYTES 2			/* one base-10000 digit */

/* What decides the print, read from either header. */
typedef struct NumericParts
{
	uint16		sign_dscale;
	int			weight;			/* of the first digit, a power of 10000 */
	int			ndigits;
	const char *digits;			/* as stored, at any alignment */
} NumericParts;

static inline uint16
load16(const char *p)
{
	uint16		value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* Write digits, or their hash if they are many. */
static char *
write_digits(char *p, const char *digits, int ndigits)
{
	char	   *copy = p;
	char	   *end;

	if (unlikely(ndigits * DIGIT_BYTES > CANONICAL_LONG))
		copy = palloc(ndigits * DIGIT_BYTES);
	end = copy;
	for (int i = 0; i < ndigits; i++)
		end = put16(end, load16(digits + i * DIGIT_BYTES));
	if (likely(copy == p))
		return end;
	p = put_hash(p, hash_bytes(copy, ndigits * DIGIT_BYTES));
	pfree(copy);
	return p;
}

/* Read the header of a number that is neither NaN nor infinite. */
static inline NumericParts
read_parts(const char *stored, int length)
{
	uint16		header = load16(stored);
	NumericParts parts;

	parts.digits = stored + sizeof(uint16);
	if ((header & SIGN_MASK) == SIGN_SHORT)
	{
		parts.sign_dscale = (header & SHORT_DSCALE_MASK) >> SHORT_DSCALE_SHIFT;
		if (header & SHORT_NEGATIVE)
			parts.sign_dscale |= NEGATIVE;
		parts.weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			parts.weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		parts.sign_dscale = header & LONG_SIGN_DSCALE_MASK;
		parts.weight = (int16) load16(parts.digits);
		parts.digits += sizeof(int16);
	}
	parts.ndigits = (int) (stored + length - parts.digits) / DIGIT_BYTES;
	return parts;
}

/* Drop zero digits at either end; the server stores none, but make sure. */
static inline void
strip_zeros(NumericParts *parts)
{
	const char *digits = parts->digits;
	int			ndigits = parts->ndigits;

	while (ndigits > 0 && load16(digits) == 0)
	{
		digits += DIGIT_BYTES;
		ndigits--;
		parts->weight--;
	}
	while (ndigits > 0 && load16(digits + (ndigits - 1) * DIGIT_BYTES) == 0)
		ndigits--;
	if (ndigits == 0)
		parts->weight = 0;
	parts->digits = digits;
	parts->ndigits = ndigits;
}

/*
 * Write a numeric: number of digits, sign with display scale, weight, digits.
 *
 * stored is what follows the varlena header, at any alignment.  Writes no
 * more than length + 4 bytes.
 */
char *
steep_canonical_numeric(char *p, const char *stored, int length)
{
	uint16		header = load16(stored);
	NumericParts parts;

	if ((header & SIGN_MASK) == SIGN_SPECIAL)
		return put16(put32(p, 0), header & SPECIAL_MASK);
	parts = read_parts(stored, length);
	strip_zeros(&parts);
	p = put16(put16(p, (uint16) parts.ndigits), parts.sign_dscale);
	p = put16(p, (uint16) parts.weight);
	return write_digits(p, parts.digits, parts.ndigits);
}
