/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings that decide what SQL text means and what values print as.
 *
 * The server runs its own SQL under them, and the command line program that
 * which it writes and loads files by: so both write the same bytes.  A release
 * that lacks one has nothing to set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SETTINGS_H
#define STEEP_REPL_SETTINGS_H

#define STEEP_SETTINGS(SETTING) \
	/* what names and literals mean */ \
	SETTING("search_path", "pg_catalog, pg_temp") \
	SETTING("standard_conforming_strings", "on") \
	SETTING("transform_null_equals", "off") \
	SETTING("array_nulls", "on") \
	SETTING("quote_all_identifiers", "off") \
	/* which rows a query sees: all, or an error */ \
	SETTING("row_security", "off") \
	SETTING("restrict_nonsystem_relation_kind", "") \
	/* what values print as */ \
	SETTING("DateStyle", "ISO, YMD") \
	SETTING("IntervalStyle", "postgres") \
	SETTING("TimeZone", "UTC") \
	SETTING("extra_float_digits", "3") \
	SETTING("bytea_output", "hex") \
	SETTING("xmloption", "content") \
	SETTING("xmlbinary", "base64") \
	SETTING("lc_monetary", "C") \
	SETTING("lc_numeric", "C") \
	SETTING("lc_time", "C") \
	/* how long it takes: generated SQL runs for less than it would compile */ \
	SETTING("jit", "off")

#endif							/* STEEP_REPL_SETTINGS_H */
