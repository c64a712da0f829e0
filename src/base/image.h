/*-------------------------------------------------------------------------
 *
 * image.h
 *		The image of a row: every value as its type prints it.
 *
 * A row travels as the text of a record, which the server writes and reads
 * without loss.  For people, and for merge_decisions, it becomes a jsonb
 * object of strings by column name, so that nothing is ever rounded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_IMAGE_H
#define STEEP_REPL_IMAGE_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

extern List *steep_image_array(ArrayType *array);
extern List *steep_image_names(const char *array);
extern void steep_image_push(JsonbParseState **state,
							 JsonbIteratorToken token, char *value);
extern char **steep_image_parse(const char *record, int nfields);
extern void steep_image_append(StringInfo record, const char *text, int length);

#endif							/* STEEP_REPL_IMAGE_H */
