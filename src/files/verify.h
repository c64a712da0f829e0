/*-------------------------------------------------------------------------
 *
 * verify.h
 *		Is a snapshot what was written?
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_VERIFY_H
#define STEEP_REPL_VERIFY_H

#include "files/directory.h"
#include "files/failure.h"
#include "files/manifest.h"

typedef struct Verifier
{
	/* Takes a problem: the file, beneath the directory, and what is wrong. */
	void		(*report) (void *arg, const char *file, const char *problem);
	/* Asked after some more bytes; false is FAILURE_CANCELLED.  Or NULL. */
	bool		(*go_on) (void *arg, uint64_t bytes);
	void	   *arg;
} Verifier;

/*
 * Read a whole snapshot and report every problem: the manifest is missing or
 * wrong; a file is missing, of another size, not regular, has another SHA-256,
 * does not unpack or unpacks to another size; a file is there that should not
 * be.  No report: the snapshot is sound.  Returns false only if that could
 * not be found out.
 */
extern bool steep_verify_snapshot(Directory *directory,
								  const Verifier *verifier, Failure *failure);

/* The same for one file, so that many can be looked at side by side. */
extern bool steep_verify_file(Directory *directory, const FileName *name,
							  const StreamTotals *expected,
							  const Verifier *verifier, Failure *failure);

#endif							/* STEEP_REPL_VERIFY_H */
