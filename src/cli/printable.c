/*-------------------------------------------------------------------------
 *
 * printable.c
 *		Text of others, made fit for a terminal.
 *
 *-------------------------------------------------------------------------
 */

#include <stdbool.h>
#include <string.h>
#include <wchar.h>

#include "cli/printable.h"

/* Does this character do something other than stand in its place? */
static bool
is_control(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		(c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

/*
 * Take the next character of a string, which is not at its end; false if its
 * first byte is not one.
 */
static bool
next(const char *string, wchar_t *c, size_t *length)
{
	mbstate_t	state = {0};

	*length = mbrtowc(c, string, strlen(string), &state);
	if (*length != (size_t) -1 && *length != (size_t) -2)
		return true;
	*length = 1;
	*c = (unsigned char) *string;
	return false;
}

void
steep_printable_append(Text *buf, const char *string, PrintableKind kind)
{
	wchar_t		c;
	size_t		length;

	for (; *string; string += length)
	{
		bool		valid = next(string, &c, &length);

		if (valid && !is_control(c))
			steep_text_bytes(buf, string, length);
		else if (kind == PRINTABLE_LINES && (c == '\n' || c == '\t'))
			steep_text_bytes(buf, string, 1);
		else if (c == '\n')
			steep_text_append(buf, "\\n");
		else if (c == '\t')
			steep_text_append(buf, "\\t");
		else if (c > 0xff)
			steep_text_format(buf, "\\u%04x", (unsigned) c);
		else
			steep_text_format(buf, "\\x%02x", (unsigned) c);
	}
}

int
steep_printable_width(const char *string)
{
	int			width = 0;
	wchar_t		c;
	size_t		length;

	for (; *string; string += length)
	{
		int			columns = next(string, &c, &length) ? wcwidth(c) : 1;

		width += columns > 0 ? columns : 0;
	}
	return width;
}

void
steep_printable_cut(Text *buf, const char *string, int width)
{
	wchar_t		c;
	size_t		length;

	for (; *string; string += length)
	{
		int			columns = next(string, &c, &length) ? wcwidth(c) : 1;

		width -= columns > 0 ? columns : 0;
		if (width < 0)
			return;
		steep_text_bytes(buf, string, length);
	}
}
