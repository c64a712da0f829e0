/*-------------------------------------------------------------------------
 *
 * directory.h
 *		The directory of a snapshot.
 *
 * A place is a base that is trusted and a path beneath it that is not.  The
 * path is walked from the base's descriptor, one component at a time, each
 * opened with O_NOFOLLOW; "." and ".." are refused.  That gives on any kernel
 * what openat2() with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS gives on some.
 * From then on there are only descriptors: what is at the path later does not
 * matter.
 *
 * Directories are made with mode 0700 and files with 0600.  A file that is
 * read must be a regular one with a single link.
 *
 * A Directory holds two descriptors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_DIRECTORY_H
#define STEEP_REPL_DIRECTORY_H

#include "files/failure.h"
#include "files/filename.h"

typedef struct Directory Directory;

typedef struct DirectoryPlace
{
	const char *base;			/* may be reached through symbolic links */
	const char *path;			/* one or more components beneath base */
	const char *name;			/* what messages call it; NULL: its path */
	const char *const *forbidden;	/* directories in which neither base nor
									 * path may lie; ends with NULL; or NULL */
} DirectoryPlace;

/* How a person calls a place. */
static inline const char *
place_name(const DirectoryPlace *place)
{
	return place->name ? place->name : place->path;
}

/*
 * The part of a path that is beneath base: the path itself if it is relative,
 * what follows base if it starts with that, else NULL.  Looks at the text
 * only; it is create and open that make sure.
 */
extern const char *steep_directory_beneath(const char *base, const char *path);

/*
 * Make a new directory with its data and schema directories; what exists is
 * an error, so is a parent that does not.  To write into it from another
 * process, open it there.
 */
extern bool steep_directory_create(const DirectoryPlace *place,
								   Directory **directory, Failure *failure);

/* Open a directory that exists, to read from it or to write new files. */
extern bool steep_directory_open(const DirectoryPlace *place,
								 Directory **directory, Failure *failure);

/* Accepts NULL, as all that close or free. */
extern void steep_directory_close(Directory *directory);

/*
 * Remove one file of the snapshot; none there is fine.
 */
extern bool steep_directory_unlink(Directory *directory, const FileName *name,
								   Failure *failure);

/*
 * How many bytes a file has, whatever they are.
 */
extern bool steep_directory_size(Directory *directory, const FileName *name,
								 uint64_t *size, Failure *failure);

/*
 * Remove what writers that have died have left: every temporary file.  Only
 * when no writer is at work.  steep_manifest_write() does it by itself.
 */
extern bool steep_directory_sweep(Directory *directory, Failure *failure);

/*
 * Remove the snapshot and its directory: the manifest first, so that what is
 * left when this fails is not taken for a snapshot.  Touches only files with
 * names that we make; if there are others the directory stays and this fails.
 * The Directory must still be closed.
 */
extern bool steep_directory_remove(Directory *directory, Failure *failure);

/*
 * Call visit with each entry of the directory, of data and of schema, as a
 * path beneath the directory ("data/1.1.copy"), until it returns false.
 */
typedef bool (*DirectoryVisit) (void *arg, const char *path);

extern bool steep_directory_list(Directory *directory, DirectoryVisit visit,
								 void *arg, Failure *failure);

#endif							/* STEEP_REPL_DIRECTORY_H */
