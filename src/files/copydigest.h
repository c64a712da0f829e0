/*-------------------------------------------------------------------------
 *
 * copydigest.h
 *		Rows as COPY writes them: how many there are, and their digest.
 *
 * The digest of rows is the sum, of both halves by themselves and modulo
 * 2^64, of the XXH3-128 of each row's line without its newline.  It depends
 * neither on the order of the rows nor on how they are cut into files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYDIGEST_H
#define STEEP_REPL_COPYDIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPYDIGEST_TEXT 33		/* 32 hex digits, and the end */

typedef struct CopyTotals
{
	uint64_t	rows;
	uint64_t	bytes;			/* of all lines, with their newlines */
	uint64_t	low;			/* the digest's halves */
	uint64_t	high;
} CopyTotals;

/* Count a line, of which the length is that without its newline. */
extern void steep_copydigest_line(CopyTotals *totals, const char *line,
								  size_t length);

/* Add the digest of other rows; false if the text is none. */
extern bool steep_copydigest_add(CopyTotals *totals, const char *digest);

extern void steep_copydigest_print(const CopyTotals *totals,
								   char digest[COPYDIGEST_TEXT]);

#endif							/* STEEP_REPL_COPYDIGEST_H */
