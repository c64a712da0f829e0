/*-------------------------------------------------------------------------
 *
 * text.h
 *		Strings that grow.
 *
 * The program lives for one command, so nothing here is ever freed but what a
 * Text outgrows.  Without memory there is nothing to be done: it ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TEXT_H
#define STEEP_REPL_TEXT_H

#include <stddef.h>

typedef struct Text
{
	char	   *data;			/* ends with a zero byte; NULL while empty */
	size_t		length;
	size_t		capacity;
} Text;

extern void *steep_text_memory(size_t size);
extern char *steep_text_copy(const char *string);

extern void steep_text_reset(Text *buf);
extern void steep_text_append(Text *buf, const char *string);
extern void steep_text_bytes(Text *buf, const char *bytes, size_t length);
extern void steep_text_format(Text *buf, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern void steep_text_repeat(Text *buf, const char *string, int times);

/* Append a string as JSON writes it, in quotes. */
extern void steep_text_json(Text *buf, const char *string);

/* Write strings as PostgreSQL writes an array of texts. */
extern const char *steep_text_array(int count, const char *const *strings);

#endif							/* STEEP_REPL_TEXT_H */
