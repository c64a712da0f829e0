/*-------------------------------------------------------------------------
 *
 * copyescape.h
 *		Text as COPY escapes it.
 *
 * Looks at eight bytes at a time, since most have nothing to escape.  That is
 * right in every encoding of a server: bytes of characters that are not ASCII
 * are none of ASCII's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYESCAPE_H
#define STEEP_REPL_COPYESCAPE_H

#define ONES UINT64CONST(0x0101010101010101)
#define HIGHS UINT64CONST(0x8080808080808080)

/* May one of eight bytes be a control character or a backslash? */
static inline bool
has_special(uint64 bytes)
{
	uint64		backslash = bytes ^ (ONES * '\\');

	return (((bytes - ONES * 0x20) & ~bytes) |
			((backslash - ONES) & ~backslash)) & HIGHS;
}

/* What follows the backslash, or 0 if a byte stands for itself. */
static inline char
escape_of(char c)
{
	switch (c)
	{
		case '\b':
			return 'b';
		case '\f':
			return 'f';
		case '\n':
			return 'n';
		case '\r':
			return 'r';
		case '\t':
			return 't';
		case '\v':
			return 'v';
		case '\\':
			return '\\';
		default:
			return 0;
	}
}

static inline char *
put_escaped_bytes(char *p, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		char		escape = escape_of(data[i]);

		if (escape)
		{
			*p++ = '\\';
			*p++ = escape;
		}
		else
			*p++ = data[i];
	}
	return p;
}

/* Write bytes, of which each takes two at most, where there is room. */
static inline char *
put_escaped(char *p, const char *data, size_t length)
{
	for (; length >= 8; data += 8, length -= 8)
	{
		uint64		bytes;

		memcpy(&bytes, data, sizeof(bytes));
		if (likely(!has_special(bytes)))
		{
			memcpy(p, &bytes, sizeof(bytes));
			p += sizeof(bytes);
		}
		else
			p = put_escaped_bytes(p, data, sizeof(bytes));
	}
	return put_escaped_bytes(p, data, length);
}

#undef ONES
#undef HIGHS

#endif							/* STEEP_REPL_COPYESCAPE_H */
