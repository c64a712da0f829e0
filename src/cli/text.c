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
steep_text_reset(Text *text)
{
	text->length = 0;
	steep_text_bytes(text, "", 0);
}

void
steep_text_bytes(Text *text, const char *bytes, size_t length)
{
	if (length >= text->capacity - text->length)
	{
		char	   *data;

		text->capacity = 2 * (text->length + length) + 64;
		data = realloc(text->data, text->capacity);
		if (data == NULL)
			steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
		text->data = data;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
steep_text_append(Text *text, const char *string)
{
	steep_text_bytes(text, string, strlen(string));
}

void
steep_text_format(Text *text, const char *format,...)
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
	steep_text_bytes(text, formatted, length);
	free(formatted);
}

void
steep_text_repeat(Text *text, const char *string, int times)
{
	while (times-- > 0)
		steep_text_append(text, string);
}

void
steep_text_json(Text *text, const char *string)
{
	steep_text_append(text, "\"");
	for (; *string; string++)
	{
		if (*string == '"' || *string == '\\')
			steep_text_format(text, "\\%c", *string);
		else if ((unsigned char) *string < 0x20)
			steep_text_format(text, "\\u%04x", (unsigned char) *string);
		else
			steep_text_bytes(text, string, 1);
	}
	steep_text_append(text, "\"");
}

const char *
steep_text_array(int count, const char *const *strings)
{
	Text		text = {0};

	steep_text_append(&text, "{");
	for (int i = 0; i < count; i++)
	{
		steep_text_append(&text, i > 0 ? ",\"" : "\"");
		for (const char *c = strings[i]; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				steep_text_append(&text, "\\");
			steep_text_bytes(&text, c, 1);
		}
		steep_text_append(&text, "\"");
	}
	steep_text_append(&text, "}");
	return text.data;
}
