/*-------------------------------------------------------------------------
 *
 * json_write.c
 *		Structs to JSON, by a description of their fields.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/json.h"

/* Append bytes; what would be longer than a reader takes is an error. */
static bool
append(JsonText *out, const char *bytes, size_t length, Failure *failure)
{
	if (length > out->max - out->length)
		return steep_failure_set(failure, FAILURE_LIMIT,
								 "manifest is longer than %zu bytes",
								 out->max);
	if (length > out->capacity - out->length)
	{
		size_t		capacity = 2 * (out->length + length) + 1024;
		char	   *data = realloc(out->data, capacity);

		if (data == NULL)
			return steep_failure_memory(failure);
		out->data = data;
		out->capacity = capacity;
	}
	memcpy(out->data + out->length, bytes, length);
	out->length += length;
	return true;
}

static bool
append_text(JsonText *out, const char *bytes, Failure *failure)
{
	return append(out, bytes, strlen(bytes), failure);
}

/* Start a line, or go on with one. */
static bool
append_break(JsonText *out, int depth, bool one_line, Failure *failure)
{
	if (one_line)
		return append(out, " ", 1, failure);
	if (!append(out, "\n", 1, failure))
		return false;
	while (depth-- > 0)
	{
		if (!append(out, "  ", 2, failure))
			return false;
	}
	return true;
}

/* Append a string in quotes; what is not ASCII stays as it is. */
static bool
append_string(JsonText *out, const char *string, Failure *failure)
{
	char		escape[8];

	if (!append(out, "\"", 1, failure))
		return false;
	while (*string)
	{
		size_t		plain = 0;

		while ((unsigned char) string[plain] >= 0x20 &&
			   string[plain] != '"' && string[plain] != '\\')
			plain++;
		if (!append(out, string, plain, failure))
			return false;
		string += plain;
		if (*string == '\0')
			break;
		if (*string == '"' || *string == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *string);
		else
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char) *string);
		if (!append_text(out, escape, failure))
			return false;
		string++;
	}
	return append(out, "\"", 1, failure);
}

/* Refuse text that the reader would refuse. */
static bool
check_text(const JsonField *field, const char *string, Failure *failure)
{
	char		shown[64];

	if (string == NULL)
		return steep_failure_set(failure, FAILURE_ARGUMENT,
								 "manifest has no \"%s\"", field->name);
	if (strlen(string) <= field->max &&
		steep_json_is_utf8(string, strlen(string)) &&
		(field->is_valid == NULL || field->is_valid(string)))
		return true;
	steep_failure_printable(shown, sizeof(shown), string, strlen(string));
	return steep_failure_set(failure, FAILURE_ARGUMENT,
							 "invalid \"%s\" in manifest: \"%s\"",
							 field->name, shown);
}

static bool
append_number(JsonText *out, const JsonField *field, uint64_t number,
			  Failure *failure)
{
	char		digits[24];

	if (number > field->max)
		return steep_failure_set(failure, FAILURE_LIMIT,
								 "\"%s\" in manifest is too large: %" PRIu64,
								 field->name, number);
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	return append_text(out, digits, failure);
}

static bool append_object(JsonText *out, const JsonShape *shape,
						  const char *object, int depth, Failure *failure);

static bool
append_list(JsonText *out, const JsonField *field, const char *object,
			int depth, Failure *failure)
{
	const char *elements = *(const char *const *) (object + field->offset);
	size_t		count = *(const size_t *) (object + field->count);

	if (count > field->max)
		return steep_failure_set(failure, FAILURE_LIMIT,
								 "manifest has too many \"%s\": %zu",
								 field->name, count);
	if (!append(out, "[", 1, failure))
		return false;
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0 && !append(out, ",", 1, failure))
			return false;
		if (!append_break(out, depth + 1, false, failure) ||
			!append_object(out, field->shape, elements + i * field->shape->size,
						   depth + 1, failure))
			return false;
	}
	return append(out, "]", 1, failure);
}

static bool
append_value(JsonText *out, const JsonField *field, const char *object,
			 int depth, Failure *failure)
{
	const char *at = object + field->offset;
	char		coded[JSON_CODED_TEXT];

	switch (field->kind)
	{
		case JSON_OPTIONAL_TEXT:
			if (*(const char *const *) at == NULL)
				return append_text(out, "null", failure);
			/* FALLTHROUGH */
		case JSON_TEXT:
			return check_text(field, *(const char *const *) at, failure) &&
				append_string(out, *(const char *const *) at, failure);
		case JSON_CODED:
			field->print(at, coded);
			return append_string(out, coded, failure);
		case JSON_NUMBER:
			return append_number(out, field, *(const uint64_t *) at, failure);
		case JSON_NUMBER32:
			return append_number(out, field, *(const uint32_t *) at, failure);
		case JSON_BOOL:
			return append_text(out, *(const bool *) at ? "true" : "false",
							   failure);
		case JSON_OBJECT:
			return append_object(out, field->shape, at, depth, failure);
		case JSON_LIST:
			return append_list(out, field, object, depth, failure);
	}
	return false;
}

static bool
append_object(JsonText *out, const JsonShape *shape, const char *object,
			  int depth, Failure *failure)
{
	if (!append(out, "{", 1, failure))
		return false;
	for (size_t i = 0; i < shape->nfields; i++)
	{
		const JsonField *field = &shape->fields[i];

		if (i > 0 && !append(out, ",", 1, failure))
			return false;
		if (!append_break(out, depth + 1, shape->one_line, failure) ||
			!append_string(out, field->name, failure) ||
			!append(out, ": ", 2, failure) ||
			!append_value(out, field, object, depth + 1, failure))
			return false;
	}
	return append_break(out, depth, shape->one_line, failure) &&
		append(out, "}", 1, failure);
}

bool
steep_json_write(JsonText *out, const JsonShape *shape, const void *object,
				 Failure *failure)
{
	return append_object(out, shape, object, 0, failure) &&
		append(out, "\n", 1, failure);
}
