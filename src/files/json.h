/*-------------------------------------------------------------------------
 *
 * json.h
 *		Structs to JSON and back, by a description of their fields.
 *
 * A shape lists the fields of an object and where in a struct they are.  Both
 * the writer and the reader follow it, so they cannot disagree, and neither
 * goes deeper than shapes are nested.  The reader wants every field of the
 * shape, once, in any order, and no other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_JSON_H
#define STEEP_REPL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files/arena.h"
#include "files/failure.h"

typedef enum JsonKind
{
	JSON_TEXT,					/* const char * */
	JSON_OPTIONAL_TEXT,			/* const char *, NULL is null */
	JSON_CODED,					/* a string that parse and print know */
	JSON_NUMBER,				/* uint64_t */
	JSON_NUMBER32,				/* uint32_t */
	JSON_BOOL,
	JSON_OBJECT,				/* a struct in the struct */
	JSON_LIST					/* a pointer to structs */
} JsonKind;

#define JSON_CODED_TEXT 128		/* room for a coded string, and its end */

typedef struct JsonField
{
	const char *name;
	JsonKind	kind;
	size_t		offset;
	uint64_t	max;			/* the largest number, or the longest text in
								 * bytes, or the most elements */
	bool		(*is_valid) (const char *str);	/* of a text; or NULL */
	bool		(*parse) (const char *str, void *field);
	void		(*print) (const void *field, char str[JSON_CODED_TEXT]);
	const struct JsonShape *shape;	/* of an object, or of the elements */
	size_t		count;			/* offset of the number of elements */
} JsonField;

typedef struct JsonShape
{
	const JsonField *fields;
	size_t		nfields;		/* at most 64 */
	size_t		size;			/* of the struct */
	bool		one_line;		/* the writer writes it so */
} JsonShape;

typedef struct JsonText
{
	char	   *data;			/* grows by realloc */
	size_t		length;
	size_t		capacity;
	size_t		max;
} JsonText;

/* Write a struct, with a newline at the end. */
extern bool steep_json_write(JsonText *out, const JsonShape *shape,
							 const void *object, Failure *failure);

/*
 * Read a struct; all that it points to comes from the arena.  what names the
 * text in messages.
 */
extern bool steep_json_read(const char *str, size_t length, const char *what,
							const JsonShape *shape, void *object, Arena *arena,
							Failure *failure);

/* Is this UTF-8, without NUL? */
extern bool steep_json_is_utf8(const char *str, size_t length);

#endif							/* STEEP_REPL_JSON_H */
