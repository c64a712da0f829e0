/*-------------------------------------------------------------------------
 *
 * schema.h
 *		How a table differs from that of a peer, and what to do about it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SCHEMA_H
#define STEEP_REPL_SCHEMA_H

#include "base/relinfo.h"
#include "generate/schema_fix_sql.h"
#include "ops/session.h"

typedef enum Severity
{
	SEVERITY_BLOCKING,			/* tables like these cannot be merged */
	SEVERITY_RISKY,				/* rows may fail, or mean something else */
	SEVERITY_HARMLESS			/* rows may hold the same */
} Severity;

typedef struct Difference
{
	char	   *object;			/* column "x" */
	const char *what;			/* missing here, type, … */
	Severity	severity;
	char	   *local;			/* definition, or NULL */
	char	   *remote;
	SchemaFix	fix;
	bool		creates;		/* the fix makes a column or table that is
								 * missing here, or a part of that */
	bool		refers;			/* to another table */
} Difference;

/* What becomes of tables whose schemas differ. */
typedef enum DriftMode
{
	DRIFT_IGNORE,
	DRIFT_STRICT,				/* an error */
	DRIFT_AUTO,					/* what is missing here is created */
	DRIFT_MANUAL				/* a warning */
} DriftMode;

extern List *steep_schema_differences(Session *session, const RelInfo *table);
extern const char *steep_schema_severity(Severity severity);

extern DriftMode steep_drift_mode(const char *word);
extern void steep_drift_settle(const PeerAddress *address, List *names,
							   DriftMode mode);

#endif							/* STEEP_REPL_SCHEMA_H */
