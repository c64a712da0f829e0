/*-------------------------------------------------------------------------
 *
 * snapfile.h
 *		A program that does with snapshot files what the server does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPFILE_H
#define SNAPFILE_H

#include "files/directory.h"
#include "files/manifest.h"
#include "files/stream.h"
#include "files/verify.h"

/* Print the failure and exit, unless all went well. */
extern void check(bool ok, const Failure *failure);

extern void make_sample(Directory *directory, const char *spec);
extern void damage_all(Directory *directory, const char *path);

#endif							/* SNAPFILE_H */
