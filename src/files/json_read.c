/*-------------------------------------------------------------------------
 *
 * json_read.c
 *		JSON to structs, by a description of their fields.
 *
 * Whatever the text is, what is allocated is at most in proportion to it.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "files/json.h"
#include "files/json_string.h"

typedef struct Reader
{
	const char *at;
	const char *end;
	const char *start;
	const char *what;
	Arena	   *arena;
	Failure    *failure;
} Reader;

/* Say what is wrong, and in which line. */
static bool
__attribute__((format(printf, 2, 3)))
refuse(Reader *reader, const char *format,...)
{
	size_t		line = 1;
	char		problem[256];
	va_list		args;

	for (const char *c = reader->start; c < reader->at; c++)
		line += *c == '\n';
	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	return steep_failure_file(reader->failure, FAILURE_CORRUPT, reader->what,
							  "is not valid in line %zu: %s", line, problem);
}

static void
skip_space(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\n' ||
			*reader->at == '\t' || *reader->at == '\r'))
		reader->at++;
}

/* Take a character if it comes next. */
static bool
take(Reader *reader, char c)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* Take one that must come next. */
static bool
expect(Reader *reader, char c)
{
	return take(reader, c) || refuse(reader, "expected \"%c\"", c);
}

/* Take a word if it comes next. */
static bool
take_word(Reader *reader, const char *word)
{
	size_t		length = strlen(word);

	skip_space(reader);
	if ((size_t) (reader->end - reader->at) < length ||
		memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* Find the inside of a string, as it is written. */
static bool
read_raw(Reader *reader, const char **inside, size_t *length)
{
	const char *end;

	if (!expect(reader, '"'))
		return false;
	end = steep_json_string_end(reader->at, reader->end);
	if (end == NULL)
		return refuse(reader, "a string has no end");
	*inside = reader->at;
	*length = (size_t) (end - reader->at);
	reader->at = end + 1;
	return true;
}

/* Decode it into at least length + 1 bytes. */
static bool
decode(Reader *reader, const char *inside, size_t length, char *to)
{
	const char *problem = steep_json_string_decode(inside, inside + length, to);

	return problem == NULL || refuse(reader, "%s", problem);
}

/* Read a whole number of at most max. */
static bool
read_number(Reader *reader, uint64_t max, uint64_t *result)
{
	const char *first;
	uint64_t	number = 0;

	skip_space(reader);
	first = reader->at;
	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
	{
		unsigned int digit = (unsigned int) (*reader->at - '0');

		if (number > max / 10 || number * 10 > max - digit)
			return refuse(reader, "a number is larger than %" PRIu64, max);
		number = number * 10 + digit;
		reader->at++;
	}
	if (reader->at == first || (*first == '0' && reader->at > first + 1))
		return refuse(reader, "expected a whole number");
	*result = number;
	return true;
}

static bool
read_bool(Reader *reader, bool *result)
{
	*result = take_word(reader, "true");
	return *result || take_word(reader, "false") ||
		refuse(reader, "expected true or false");
}

static bool
read_text(Reader *reader, const JsonField *field, const char **result)
{
	const char *inside;
	size_t		length;
	char	   *str;

	if (!read_raw(reader, &inside, &length))
		return false;
	/* An escape has at most six bytes for one. */
	if (length / 6 > field->max)
		return refuse(reader, "\"%s\" is too long", field->name);
	str = steep_arena_get(reader->arena, length + 1);
	if (str == NULL)
		return steep_failure_memory(reader->failure);
	if (!decode(reader, inside, length, str))
		return false;
	if (strlen(str) > field->max)
		return refuse(reader, "\"%s\" is too long", field->name);
	*result = str;
	return field->is_valid == NULL || field->is_valid(str) ||
		refuse(reader, "\"%s\" is invalid", field->name);
}

static bool
read_coded(Reader *reader, const JsonField *field, void *result)
{
	const char *inside;
	size_t		length;
	char		str[JSON_CODED_TEXT];

	if (!read_raw(reader, &inside, &length))
		return false;
	if (length >= sizeof(str))
		return refuse(reader, "\"%s\" is too long", field->name);
	return decode(reader, inside, length, str) &&
		(field->parse(str, result) ||
		 refuse(reader, "\"%s\" is invalid", field->name));
}

static bool
read_number32(Reader *reader, uint64_t max, uint32_t *result)
{
	uint64_t	number;

	if (!read_number(reader, max, &number))
		return false;
	*result = (uint32_t) number;
	return true;
}

static bool read_object(Reader *reader, const JsonShape *shape, char *object);

/* Make room for one more element: twice as much each time. */
static char *
grow(Reader *reader, const JsonField *field, char *elements, size_t count)
{
	size_t		size = field->shape->size;
	char	   *larger;

	/* Powers of two are when all room is taken. */
	if (count > 0 && (count & (count - 1)) != 0)
		return elements;
	larger = steep_arena_get(reader->arena, (count > 0 ? 2 * count : 1) * size);
	if (larger == NULL)
		steep_failure_memory(reader->failure);
	else
	{
		memset(larger, 0, (count > 0 ? 2 * count : 1) * size);
		if (count > 0)
			memcpy(larger, elements, count * size);
	}
	return larger;
}

static bool
read_list(Reader *reader, const JsonField *field, char *object)
{
	size_t		size = field->shape->size;
	char	   *elements = NULL;
	size_t		count = 0;

	if (!expect(reader, '['))
		return false;
	if (!take(reader, ']'))
	{
		do
		{
			if (count >= field->max)
				return refuse(reader, "\"%s\" has too many elements",
							  field->name);
			elements = grow(reader, field, elements, count);
			if (elements == NULL ||
				!read_object(reader, field->shape, elements + count * size))
				return false;
			count++;
		} while (take(reader, ','));
		if (!expect(reader, ']'))
			return false;
	}
	memcpy(object + field->offset, &elements, sizeof(elements));
	memcpy(object + field->count, &count, sizeof(count));
	return true;
}

static bool
read_value(Reader *reader, const JsonField *field, char *object)
{
	void	   *at = object + field->offset;

	switch (field->kind)
	{
		case JSON_OPTIONAL_TEXT:
			if (take_word(reader, "null"))
			{
				*(const char **) at = NULL;
				return true;
			}
			/* FALLTHROUGH */
		case JSON_TEXT:
			return read_text(reader, field, at);
		case JSON_CODED:
			return read_coded(reader, field, at);
		case JSON_NUMBER:
			return read_number(reader, field->max, at);
		case JSON_NUMBER32:
			return read_number32(reader, field->max, at);
		case JSON_BOOL:
			return read_bool(reader, at);
		case JSON_OBJECT:
			return read_object(reader, field->shape, at);
		case JSON_LIST:
			return read_list(reader, field, object);
	}
	return false;
}

/* Read a name, which has no escapes; NULL after a failure. */
static const JsonField *
read_name(Reader *reader, const JsonShape *shape, uint64_t *seen)
{
	const char *name;
	size_t		length;
	char		shown[80];

	if (!read_raw(reader, &name, &length) || !expect(reader, ':'))
		return NULL;
	for (size_t i = 0; i < shape->nfields; i++)
	{
		if (strlen(shape->fields[i].name) != length ||
			memcmp(shape->fields[i].name, name, length) != 0)
			continue;
		if (*seen & UINT64_C(1) << i)
		{
			refuse(reader, "\"%s\" is there twice", shape->fields[i].name);
			return NULL;
		}
		*seen |= UINT64_C(1) << i;
		return &shape->fields[i];
	}
	steep_failure_printable(shown, sizeof(shown), name, length);
	refuse(reader, "unknown field \"%s\"", shown);
	return NULL;
}

static bool
read_object(Reader *reader, const JsonShape *shape, char *object)
{
	uint64_t	seen = 0;
	const JsonField *field;

	if (!expect(reader, '{'))
		return false;
	do
	{
		field = read_name(reader, shape, &seen);
		if (field == NULL || !read_value(reader, field, object))
			return false;
	} while (take(reader, ','));
	if (!expect(reader, '}'))
		return false;
	for (size_t i = 0; i < shape->nfields; i++)
	{
		if (!(seen & UINT64_C(1) << i))
			return refuse(reader, "\"%s\" is missing", shape->fields[i].name);
	}
	return true;
}

bool
steep_json_read(const char *str, size_t length, const char *what,
				const JsonShape *shape, void *object, Arena *arena,
				Failure *failure)
{
	Reader		reader = {str, str + length, str, what, arena, failure};

	memset(object, 0, shape->size);
	if (!read_object(&reader, shape, object))
		return false;
	skip_space(&reader);
	return reader.at == reader.end ||
		refuse(&reader, "something follows the end");
}
