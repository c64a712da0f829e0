/*-------------------------------------------------------------------------
 *
 * table.h
 *		Rows, aligned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_TABLE_H
#define STEEP_REPL_TABLE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "cli/text.h"

/*
 * Print rows below headings: the first columns of a result.  Numbers stand
 * right, in groups of three digits.  append appends what stands right of a
 * row; or NULL.
 */
extern void steep_table_rows(const PGresult *rows, int columns,
							 void (*append) (Text *line, const PGresult *rows, int row));

/* Print one row, a column on each line; without those that are null. */
extern void steep_table_record(const PGresult *rows, int columns);

/* Write a value as people read it. */
extern const char *steep_table_cell(const PGresult *rows, int row, int column);

/* Does a column hold numbers, which stand right? */
extern bool steep_table_is_number(const PGresult *rows, int column);

/* Append a whole number in groups of three digits. */
extern void steep_table_number(Text *buf, const char *digits);

#endif							/* STEEP_REPL_TABLE_H */
