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

#include "utils/array.h"

extern List *steep_image_array(ArrayType *array);
extern char **steep_image_parse(const char *record, int nfields);

#endif							/* STEEP_REPL_IMAGE_H */
