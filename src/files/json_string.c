/*-------------------------------------------------------------------------
 *
 * json_string.c
 *		The inside of a JSON string: escapes and UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "files/json.h"
#include "files/json_string.h"

/*
 * The length of the UTF-8 character at the front, or 0 if there is none.
 * Overlong forms, surrogates and what is above U+10FFFF are none.
 */
static size_t
utf8_length(const unsigned char *c, size_t length)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t		wanted = c[0] < 0x80 ? 1 : c[0] < 0xC0 ? 0 : c[0] < 0xE0 ? 2 :
		c[0] < 0xF0 ? 3 : c[0] < 0xF8 ? 4 : 0;
	uint32_t	code;

	if (wanted <= 1 || wanted > length)
		return wanted <= length ? wanted : 0;
	code = c[0] & (0x7Fu >> wanted);
	for (size_t i = 1; i < wanted; i++)
	{
		if ((c[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3F);
	}
	if (code < least[wanted] || code > 0x10FFFF ||
		(code >= 0xD800 && code <= 0xDFFF))
		return 0;
	return wanted;
}

bool
steep_json_is_utf8(const char *str, size_t length)
{
	while (length > 0)
	{
		size_t		step = *str ? utf8_length((const unsigned char *) str, length) : 0;

		if (step == 0)
			return false;
		str += step;
		length -= step;
	}
	return true;
}

/* Find the quote that ends a string, or NULL. */
const char *
steep_json_string_end(const char *at, const char *end)
{
	for (; at < end && *at != '"'; at++)
	{
		if (*at == '\\' && ++at == end)
			return NULL;
	}
	return at < end ? at : NULL;
}

/* Read four hex digits. */
static bool
take_hex(const char **at, const char *end, uint32_t *code)
{
	*code = 0;
	if (end - *at < 4)
		return false;
	for (int i = 0; i < 4; i++)
	{
		char		c = *(*at)++;

		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code |= (uint32_t) (c - '0');
		else if (c >= 'a' && c <= 'f')
			*code |= (uint32_t) (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			*code |= (uint32_t) (c - 'A' + 10);
		else
			return false;
	}
	return true;
}

/* Read what follows \u: one character, of one or two escapes, but no NUL. */
static bool
take_code(const char **at, const char *end, uint32_t *code)
{
	uint32_t	low;

	if (!take_hex(at, end, code) || *code == 0 ||
		(*code >= 0xDC00 && *code <= 0xDFFF))
		return false;
	if (*code < 0xD800 || *code > 0xDBFF)
		return true;
	if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return false;
	*at += 2;
	if (!take_hex(at, end, &low) || low < 0xDC00 || low > 0xDFFF)
		return false;
	*code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
	return true;
}

/* Write a character as UTF-8. */
static char *
put_utf8(char *to, uint32_t code)
{
	if (code < 0x80)
		*to++ = (char) code;
	else if (code < 0x800)
	{
		*to++ = (char) (0xC0 | code >> 6);
		*to++ = (char) (0x80 | (code & 0x3F));
	}
	else if (code < 0x10000)
	{
		*to++ = (char) (0xE0 | code >> 12);
		*to++ = (char) (0x80 | (code >> 6 & 0x3F));
		*to++ = (char) (0x80 | (code & 0x3F));
	}
	else
	{
		*to++ = (char) (0xF0 | code >> 18);
		*to++ = (char) (0x80 | (code >> 12 & 0x3F));
		*to++ = (char) (0x80 | (code >> 6 & 0x3F));
		*to++ = (char) (0x80 | (code & 0x3F));
	}
	return to;
}

/* Read what follows a backslash, and write it. */
static char *
decode_escape(const char **at, const char *end, char *to)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	char		letter = *(*at)++;
	const char *found;
	uint32_t	code;

	if (letter == 'u')
		return take_code(at, end, &code) ? put_utf8(to, code) : NULL;
	found = letter ? strchr(letters, letter) : NULL;
	if (found == NULL)
		return NULL;
	*to++ = meanings[found - letters];
	return to;
}

/*
 * Write what a string means, and a NUL, into as many bytes as it has and one.
 * Returns what is wrong with it, or NULL.
 */
const char *
steep_json_string_decode(const char *at, const char *end, char *to)
{
	while (at < end)
	{
		if (*at == '\\')
		{
			at++;
			to = decode_escape(&at, end, to);
			if (to == NULL)
				return "an escape is invalid";
		}
		else
		{
			size_t		length = utf8_length((const unsigned char *) at,
											 (size_t) (end - at));

			if (length == 0)
				return "a string is not UTF-8";
			if ((unsigned char) *at < 0x20)
				return "a string has a control character";
			memcpy(to, at, length);
			to += length;
			at += length;
		}
	}
	*to = '\0';
	return NULL;
}
