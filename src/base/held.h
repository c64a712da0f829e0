/*-------------------------------------------------------------------------
 *
 * held.h
 *		Snapshot files in the server: errors are thrown, and what is open is
 *		closed with a memory context.
 *
 * What these functions open lives until the context that is current is reset
 * or deleted, which happens on ERROR too; a file that is not finished by then
 * is removed.  Don't call the close functions of src/files on it; to close
 * early, delete the context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_HELD_H
#define STEEP_REPL_HELD_H

#include "files/directory.h"
#include "files/manifest.h"
#include "files/stream.h"
#include "files/verify.h"

extern Directory *steep_held_create(const DirectoryPlace *place);
extern Directory *steep_held_open(const DirectoryPlace *place);
extern StreamWriter *steep_held_writer(Directory *directory,
									   const FileName *name,
									   const Compression *compression);
extern StreamReader *steep_held_reader(Directory *directory,
									   const FileName *name,
									   const StreamTotals *expected);
extern Manifest *steep_held_manifest(Directory *directory);

/* As steep_verify_snapshot(); report may throw, and cancelling works. */
extern void steep_held_verify(Directory *directory,
							  void (*report) (void *arg, const char *file,
											  const char *problem),
							  void *arg);

/* Throw a failure of src/files as an error, unless all went well. */
extern void steep_held_check(bool ok, const Failure *failure);

#endif							/* STEEP_REPL_HELD_H */
