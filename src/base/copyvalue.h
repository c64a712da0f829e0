/*-------------------------------------------------------------------------
 *
 * copyvalue.h
 *		Values of common types as text, written without a call of fmgr.
 *
 * Each put writes at p, which must have room for COPYVALUE_ROOM bytes, and
 * returns where the next one goes; none of what they write needs to be
 * escaped.  NULL means that the type's output function has to do it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_COPYVALUE_H
#define STEEP_REPL_COPYVALUE_H

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/uuid.h"

#define COPYVALUE_ROOM 64

extern char *steep_copyvalue_date(char *p, DateADT date);
extern char *steep_copyvalue_time(char *p, TimeADT time);
extern char *steep_copyvalue_timestamp(char *p, Timestamp stamp);
extern char *steep_copyvalue_uuid(char *p, const pg_uuid_t *uuid);
extern char *steep_copyvalue_numeric(char *p, const struct varlena *numeric);

#endif							/* STEEP_REPL_COPYVALUE_H */
