/*-------------------------------------------------------------------------
 *
 * json_string.h
 *		The inside of a JSON string.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_JSON_STRING_H
#define STEEP_REPL_JSON_STRING_H

extern const char *steep_json_string_end(const char *at, const char *end);
extern const char *steep_json_string_decode(const char *at, const char *end,
											char *to);

#endif							/* STEEP_REPL_JSON_STRING_H */
