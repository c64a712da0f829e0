/*-------------------------------------------------------------------------
 *
 * init_files.h
 *		Inits by the method "two-phase": rows are copied by way of files.
 *
 *	copy	export	create the slot on the source, and have the source write the
 *					snapshot that fits it
 *	index	files	wait until the files are here, and have them applied
 *	finish	load	wait until they are
 *
 * Two jobs do the work, one of the source and one of this node, which are as
 * if a user had called start_snapshot() and start_apply().  In between it is
 * up to somebody to bring the files here.
 *
 * The subscription then starts where the slot does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_INIT_FILES_H
#define STEEP_REPL_INIT_FILES_H

#include "ops/init.h"

/* init_files.c */
extern void steep_files_check(const Init *init);
extern void steep_files_check_source(Session *session);
extern const char *steep_files_input(const Init *init);
extern void steep_files_end(const Init *init);
extern void steep_files_await_end(const InitObject *object);

/* init_files_export.c */
extern bool steep_files_show(char **state, const char *id,
							 const char *where);
extern void steep_files_discard(Session *session, const char *slot);
extern void steep_files_export(StepContext *step);

/* init_files_import.c */
extern void steep_files_wait(StepContext *step);
extern void steep_files_load(StepContext *step);

#endif							/* STEEP_REPL_INIT_FILES_H */
