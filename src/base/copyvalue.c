/*-------------------------------------------------------------------------
 *
 * copyvalue.c
 *		Values of common types as text, written without a call of fmgr.
 *
 * What is seldom is left to the types' own output functions: years before
 * Christ or of more than four digits, infinities, and numerics of more digits
 * than fit into the room that every value has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/copyvalue.h"

#define LAST_YEAR 9999

/* The layout of a numeric, as canonical_numeric.c tells. */
#define NUMERIC_SIGN_MASK 0xC000
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_SHORT 0x8000
#define NUMERIC_SPECIAL 0xC000
#define NUMERIC_SHORT_NEGATIVE 0x2000
#define NUMERIC_SHORT_SCALE(header) (((header) >> 7) & 0x3F)
#define NUMERIC_SHORT_WEIGHT(header) \
	(((header) & 0x40) ? (int) ((header) & 0x3F) - 64 : (int) ((header) & 0x3F))
#define NUMERIC_LONG_SCALE(header) ((header) & 0x3FFF)
#define NUMERIC_MAX_DIGITS 12	/* groups of four, before and after the point */

static const char pairs[] =
"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
"8081828384858687888990919293949596979899";

static const char hex_digits[] = "0123456789abcdef";

static inline char *
put_pair(char *p, unsigned int value)
{
	memcpy(p, pairs + 2 * value, 2);
	return p + 2;
}

static inline char *
put_four(char *p, unsigned int value)
{
	return put_pair(put_pair(p, value / 100), value % 100);
}

/* Write a day as 2026-01-31, if its year has four digits. */
static inline char *
put_day(char *p, int julian)
{
	int			year;
	int			month;
	int			day;

	j2date(julian, &year, &month, &day);
	if (year < 1 || year > LAST_YEAR)
		return NULL;
	p = put_four(p, year);
	*p++ = '-';
	p = put_pair(p, month);
	*p++ = '-';
	return put_pair(p, day);
}

/* Write a time of day as 23:59:59, and the fraction that it has. */
static inline char *
put_time(char *p, int64 time)
{
	unsigned int seconds = time / USECS_PER_SEC;
	unsigned int fraction = time % USECS_PER_SEC;

	p = put_pair(p, seconds / SECS_PER_HOUR);
	*p++ = ':';
	p = put_pair(p, seconds / SECS_PER_MINUTE % MINS_PER_HOUR);
	*p++ = ':';
	p = put_pair(p, seconds % SECS_PER_MINUTE);
	if (fraction != 0)
	{
		*p++ = '.';
		p = put_pair(p, fraction / 10000);
		p = put_four(p, fraction % 10000);
		while (p[-1] == '0')
			p--;
	}
	return p;
}

char *
steep_copyvalue_date(char *p, DateADT date)
{
	if (DATE_NOT_FINITE(date))
		return NULL;
	return put_day(p, date + POSTGRES_EPOCH_JDATE);
}

char *
steep_copyvalue_time(char *p, TimeADT time)
{
	return put_time(p, time);
}

char *
steep_copyvalue_timestamp(char *p, Timestamp stamp)
{
	int64		day = stamp / USECS_PER_DAY;
	int64		time = stamp % USECS_PER_DAY;

	if (TIMESTAMP_NOT_FINITE(stamp))
		return NULL;
	if (time < 0)
	{
		time += USECS_PER_DAY;
		day--;
	}
	p = put_day(p, (int) day + POSTGRES_EPOCH_JDATE);
	if (p == NULL)
		return NULL;
	*p++ = ' ';
	return put_time(p, time);
}

char *
steep_copyvalue_uuid(char *p, const pg_uuid_t *uuid)
{
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex_digits[uuid->data[i] >> 4];
		*p++ = hex_digits[uuid->data[i] & 0xF];
	}
	return p;
}

/* Fetch a group of four decimal digits; those that are not stored are 0. */
static inline unsigned int
group(const char *digits, int ndigits, int i)
{
	uint16		value;

	if (i < 0 || i >= ndigits)
		return 0;
	memcpy(&value, digits + i * sizeof(value), sizeof(value));
	return value;
}

/* Write the groups before the point, the first without leading zeros. */
static char *
put_whole(char *p, const char *digits, int ndigits, int weight)
{
	unsigned int first = group(digits, ndigits, 0);
	char		four[4];
	int			skip;

	if (weight < 0)
	{
		*p++ = '0';
		return p;
	}
	put_four(four, first);
	skip = (first < 10) ? 3 : (first < 100) ? 2 : (first < 1000) ? 1 : 0;
	memcpy(p, four + skip, 4 - skip);
	p += 4 - skip;
	for (int i = 1; i <= weight; i++)
		p = put_four(p, group(digits, ndigits, i));
	return p;
}

/* Write so many digits after the point. */
static char *
put_fraction(char *p, const char *digits, int ndigits, int weight, int scale)
{
	char	   *end;

	if (scale == 0)
		return p;
	*p++ = '.';
	end = p + scale;
	for (int i = weight + 1; p < end; i++)
		p = put_four(p, group(digits, ndigits, i));
	return end;
}

char *
steep_copyvalue_numeric(char *p, const struct varlena *numeric)
{
	const char *digits = VARDATA_ANY(numeric);
	int			length = VARSIZE_ANY_EXHDR(numeric);
	uint16		header;
	int			weight;
	int			scale;

	memcpy(&header, digits, sizeof(header));
	digits += sizeof(header);
	length -= sizeof(header);
	if ((header & NUMERIC_SIGN_MASK) == NUMERIC_SPECIAL)
		return NULL;
	if ((header & NUMERIC_SIGN_MASK) == NUMERIC_SHORT)
	{
		weight = NUMERIC_SHORT_WEIGHT(header);
		scale = NUMERIC_SHORT_SCALE(header);
		if (header & NUMERIC_SHORT_NEGATIVE)
			*p++ = '-';
	}
	else
	{
		int16		stored;

		memcpy(&stored, digits, sizeof(stored));
		digits += sizeof(stored);
		length -= sizeof(stored);
		weight = stored;
		scale = NUMERIC_LONG_SCALE(header);
		if (header & NUMERIC_NEGATIVE)
			*p++ = '-';
	}
	if (Max(weight, 0) + 1 + scale / 4 + 1 > NUMERIC_MAX_DIGITS)
		return NULL;
	p = put_whole(p, digits, length / 2, weight);
	return put_fraction(p, digits, length / 2, weight, scale);
}
