/*-------------------------------------------------------------------------
 *
 * text.c
 *		Strings that grow.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/text.h"

/* Get memory that is all zeros. */
void *
steep_text_memory(size_t size)
{
	void	   *memory = calloc(1, size);

	if (memory == NULL)
		steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
	return memory;
}

char *
steep_text_copy(const char *string)
{
	return strcpy(steep_text_memory(strlen(string) + 1), string);
}

/* Make it an empty string. */
void
steep_text_reset(Text *buf)
{
	buf->length = 0;
	steep_text_bytes(buf, "", 0);
}

void
steep_text_bytes(Text *buf, const char *bytes, size_t length)
{
	if (length >= buf->capacity - buf->length)
	{
		char	   *data;

		buf->capacity = 2 * (buf->length + length) + 64;
		data = realloc(buf->data, buf->capacity);
		if (data == NULL)
			steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
		buf->data = data;
	}
	memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void
steep_text_append(Text *buf, const char *string)
{
	steep_text_bytes(buf, string, strlen(string));
}

void
steep_text_format(Text *buf, const char *format,...)
{
	va_list		args;
	int			length;
	char	   *formatted;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	formatted = steep_text_memory(length + 1);
	va_start(args, format);
	vsnprintf(formatted, length + 1, format, args);
	va_end(args);
	steep_text_bytes(buf, formatted, length);
	free(formatted);
}

void
steep_text_repeat(Text *buf, const char *string, int times)
{
	while (times-- > 0)
		steep_text_append(buf, string);
}

void
steep_text_json(Text *buf, const char *string)
{
	steep_text_append(buf, "\"");
	for (; *string; string++)
	{
		if (*string == '"' || *string == '\\')
			steep_text_format(buf, "\\%c", *string);
		else if ((unsigned char) *string < 0x20)
			steep_text_format(buf, "\\u%04x", (unsigned char) *string);
		else
			steep_text_bytes(buf, string, 1);
	}
	steep_text_append(buf, "\"");
}

const char *
steep_text_array(int count, const char *const *strings)
{
	Text		buf = {0};

	steep_text_append(&buf, "{");
	for (int i = 0; i < count; i++)
	{
		steep_text_append(&buf, i > 0 ? ",\"" : "\"");
		for (const char *c = strings[i]; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				steep_text_append(&buf, "\\");
			steep_text_bytes(&buf, c, 1);
		}
		steep_text_append(&buf, "\"");
	}
	steep_text_append(&buf, "}");
	return buf.data;
}
