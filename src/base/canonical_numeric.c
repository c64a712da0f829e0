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
	const char *digits = stored + sizeof(uint16);
	uint16		sign_dscale;
	int			weight;
	int			ndigits;

	if ((header & SIGN_MASK) == SIGN_SPECIAL)
		return put16(put32(p, 0), header & SPECIAL_MASK);
	if ((header & SIGN_MASK) == SIGN_SHORT)
	{
		sign_dscale = (header & SHORT_DSCALE_MASK) >> SHORT_DSCALE_SHIFT;
		if (header & SHORT_NEGATIVE)
			sign_dscale |= NEGATIVE;
		weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		sign_dscale = header & LONG_SIGN_DSCALE_MASK;
		weight = (int16) load16(digits);
		digits += sizeof(int16);
	}
	ndigits = (int) (stored + length - digits) / DIGIT_BYTES;

	/* The server stores no zero digit at either end; make sure. */
	while (ndigits > 0 && load16(digits) == 0)
	{
		digits += DIGIT_BYTES;
		ndigits--;
		weight--;
	}
	while (ndigits > 0 && load16(digits + (ndigits - 1) * DIGIT_BYTES) == 0)
		ndigits--;
	if (ndigits == 0)
		weight = 0;

	p = put16(put16(put16(p, ndigits), sign_dscale), (uint16) weight);
	return write_digits(p, digits, ndigits);
}
