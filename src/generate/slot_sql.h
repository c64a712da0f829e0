/*-------------------------------------------------------------------------
 *
 * slot_sql.h
 *		Statement that looks at a slot which somebody has prepared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SLOT_SQL_H
#define STEEP_REPL_SLOT_SQL_H

#include "base/statement.h"

/* The columns of steep_slot_facts_sql(). */
enum
{
	SLOT_FACT_FITS,				/* the plugin and the database */
	SLOT_FACT_ACTIVE,
	SLOT_FACT_LOST,
	SLOT_FACT_PUBLICATION,		/* is there */
	SLOT_FACT_REACHES,			/* back to where the copy ends */
	SLOT_FACT_START,
	SLOT_FACT_END				/* of the source's log */
};

extern const Statement *steep_slot_facts_sql(void);

#endif							/* STEEP_REPL_SLOT_SQL_H */
