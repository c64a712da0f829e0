/*-------------------------------------------------------------------------
 *
 * audit.h
 *		Write down who has done what, in steep_repl.audit_log.
 *
 * Values are jsonb as text, or NULL, and never hold a secret.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_AUDIT_H
#define STEEP_REPL_AUDIT_H

#include "jobs/queue.h"

extern void steep_audit_note(const char *role, const char *action,
							 const char *target, const char *old_value,
							 const char *new_value);
extern void steep_audit_submit(const JobSpec *spec, int64 id,
							   const char *role);
extern void steep_audit_cancel(const Job *job, const char *role);
extern void steep_audit_end(const Job *job, JobStatus status,
							const JobError *error);

#endif							/* STEEP_REPL_AUDIT_H */
