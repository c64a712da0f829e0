/*-------------------------------------------------------------------------
 *
 * statement.h
 *		One SQL statement of a plan: where it runs, why, and its text.
 *
 * Everything steep_repl does to data is a list of these.  Generators make
 * them and never run them; the runners in src/run run them and never write
 * them.  Text depends on the shape of tables and on options only; values
 * travel as parameters, in the text form of their type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_STATEMENT_H
#define STEEP_REPL_STATEMENT_H

#include "nodes/pg_list.h"

typedef enum Site
{
	SITE_LOCAL,
	SITE_PEER
} Site;

#define STATEMENT_MAX_PARAMS 40 /* an index has at most 32 columns */

typedef struct Statement
{
	Site		site;
	bool		writes;			/* if not, a local one reads the caller's
								 * snapshot */
	const char *purpose;		/* a few words: "digest the leaves" */
	const char *text;			/* complete SQL; values are $1, $2, … */
	const char *result;			/* peer only: column definition list of the
								 * result, or NULL for a command */
	int			nparams;
	const char *params[STATEMENT_MAX_PARAMS];	/* SQL type of each value */
} Statement;

#endif							/* STEEP_REPL_STATEMENT_H */
