/*-------------------------------------------------------------------------
 *
 * path.h
 *		From a place to a descriptor, one component at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PATH_H
#define STEEP_REPL_PATH_H

#include "files/directory.h"

#define PATH_COMPONENT 256		/* room for a name of 255 bytes, and its end */

extern bool steep_path_open_parent(const DirectoryPlace *place, int *parent,
								   char last[PATH_COMPONENT],
								   Failure *failure);
extern bool steep_path_is_allowed(const DirectoryPlace *place, int directory,
								  Failure *failure);
extern bool steep_path_open_directory(int parent, const char *name, int *fd,
									  const char *shown, Failure *failure);

#endif							/* STEEP_REPL_PATH_H */
