/*-------------------------------------------------------------------------
 *
 * sequence_sql.h
 *		Statements that find the sequences of tables, and move them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SEQUENCE_SQL_H
#define STEEP_REPL_SEQUENCE_SQL_H

#include "base/relinfo.h"
#include "base/statement.h"

/* What steep_sequence_list_sql() says: a row a column that a sequence feeds. */
enum
{
	FEED_TABLE,					/* number of the table in the list */
	FEED_SCHEMA,				/* of the sequence */
	FEED_NAME,
	FEED_COLUMN,
	FEED_PLAIN,					/* the column takes the values as they are */
	FEED_ALLOWED				/* the role may move the sequence */
};

/* What steep_sequence_move_sql() says, if there was anything to do. */
enum
{
	MOVE_FITS,					/* if not, the sequence was left alone */
	MOVE_CYCLES,
	MOVE_BEYOND,				/* the merged value that was in its way */
	MOVE_TO						/* the last value that it has handed out */
};

extern bool steep_sequence_feeds(const ColumnInfo *column);
extern const Statement *steep_sequence_list_sql(Site site);
extern const Statement *steep_sequence_ends_sql(Site site,
												const TablePair *pair,
												const ColumnInfo *column);
extern const Statement *steep_sequence_move_sql(Site site, const char *schema,
												const char *name,
												const ColumnInfo *column);

#endif							/* STEEP_REPL_SEQUENCE_SQL_H */
