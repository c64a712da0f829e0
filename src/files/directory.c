/*-------------------------------------------------------------------------
 *
 * directory.c
 *		The directory of a snapshot: making, opening, listing and removing it.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/directory.h"
#include "files/newfile.h"
#include "files/path.h"

struct Directory
{
	int			parent;			/* the directory above, */
	char		name[PATH_COMPONENT];	/* and the name there, to remove it */
	int			root;			/* the directory itself */
};

/* The directories in it; "" is itself. */
static const char *const parts[] = {"data", "schema", ""};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

void
steep_directory_close(Directory *directory)
{
	if (directory == NULL)
		return;
	if (directory->root >= 0)
		close(directory->root);
	if (directory->parent >= 0)
		close(directory->parent);
	free(directory);
}

/* Go to the directory above a place; NULL after a failure. */
static Directory *
approach(const DirectoryPlace *place, Failure *failure)
{
	Directory  *directory = malloc(sizeof(Directory));

	if (directory == NULL)
	{
		steep_failure_memory(failure);
		return NULL;
	}
	directory->root = -1;
	directory->parent = -1;
	if (!steep_path_open_parent(place, &directory->parent, directory->name,
								failure))
		directory->parent = -1;
	else if (steep_path_is_allowed(place, directory->parent, failure))
		return directory;
	steep_directory_close(directory);
	return NULL;
}

/* Make the directories of data and schema, and all of it durable. */
static bool
furnish(Directory *directory, const DirectoryPlace *place, Failure *failure)
{
	if (!steep_path_open_directory(directory->parent, directory->name,
								   &directory->root, place_name(place), failure))
		return false;
	for (size_t i = 0; i < PARTS; i++)
	{
		if (parts[i][0] != '\0' &&
			mkdirat(directory->root, parts[i], S_IRWXU) != 0)
			return steep_failure_errno(failure, "could not create directory \"%s\" in \"%s\"",
									   parts[i], place_name(place));
	}
	if (fsync(directory->root) != 0 || fsync(directory->parent) != 0)
		return steep_failure_errno(failure, "could not fsync directory \"%s\"",
								   place_name(place));
	return true;
}

bool
steep_directory_create(const DirectoryPlace *place, Directory **result,
					   Failure *failure)
{
	Directory  *directory = approach(place, failure);

	if (directory == NULL)
		return false;
	if (mkdirat(directory->parent, directory->name, S_IRWXU) != 0)
		steep_failure_errno(failure, "could not create directory \"%s\"",
							place_name(place));
	else if (furnish(directory, place, failure))
	{
		*result = directory;
		return true;
	}
	else
	{
		Failure		ignored;

		steep_directory_remove(directory, &ignored);
	}
	steep_directory_close(directory);
	return false;
}

bool
steep_directory_open(const DirectoryPlace *place, Directory **result,
					 Failure *failure)
{
	Directory  *directory = approach(place, failure);

	if (directory == NULL)
		return false;
	if (steep_path_open_directory(directory->parent, directory->name,
								  &directory->root, place_name(place), failure) &&
		steep_path_is_allowed(place, directory->root, failure))
	{
		*result = directory;
		return true;
	}
	steep_directory_close(directory);
	return false;
}

/* Open "data", "schema" or, as "", the directory itself. */
bool
steep_directory_part(Directory *directory, const char *name, int *fd,
					 Failure *failure)
{
	return steep_path_open_directory(directory->root, *name ? name : ".", fd,
									 *name ? name : directory->name, failure);
}

bool
steep_directory_unlink(Directory *directory, const FileName *name,
					   Failure *failure)
{
	int			part;
	bool		ok;

	if (!steep_directory_part(directory, steep_filename_directory(name), &part,
							  failure))
		return false;
	ok = unlinkat(part, steep_filename_base(name), 0) == 0 || errno == ENOENT ||
		steep_failure_errno(failure, "could not remove file \"%s\"",
							name->path);
	close(part);
	return ok;
}

bool
steep_directory_size(Directory *directory, const FileName *name,
					 uint64_t *size, Failure *failure)
{
	struct stat found;
	int			part;
	bool		ok;

	if (!steep_directory_part(directory, steep_filename_directory(name), &part,
							  failure))
		return false;
	ok = fstatat(part, steep_filename_base(name), &found,
				 AT_SYMLINK_NOFOLLOW) == 0 ||
		steep_failure_errno(failure, "could not look at file \"%s\"",
							name->path);
	if (ok)
		*size = (uint64_t) found.st_size;
	close(part);
	return ok;
}

/*
 * Call visit with each entry of a part until it returns false.  The part's
 * descriptor is closed.
 */
static bool
list_part(const char *part, int fd, DirectoryVisit visit, void *arg,
		  bool *go_on, Failure *failure)
{
	DIR		   *listing = fdopendir(fd);
	struct dirent *entry;
	char		path[PATH_COMPONENT + 16];

	if (listing == NULL)
	{
		close(fd);
		return steep_failure_errno(failure, "could not list directory \"%s\"",
								   part);
	}
	errno = 0;
	while (*go_on && (entry = readdir(listing)) != NULL)
	{
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
		{
			snprintf(path, sizeof(path), "%s%s%s", part, *part ? "/" : "",
					 entry->d_name);
			*go_on = visit(arg, path);
		}
		errno = 0;
	}
	if (errno != 0)
		steep_failure_errno(failure, "could not list directory \"%s\"", part);
	else
		failure = NULL;
	closedir(listing);
	return failure == NULL;
}

bool
steep_directory_list(Directory *directory, DirectoryVisit visit, void *arg,
					 Failure *failure)
{
	bool		go_on = true;
	int			fd;

	for (size_t i = 0; go_on && i < PARTS; i++)
	{
		if (!steep_directory_part(directory, parts[i], &fd, failure))
		{
			/* A directory that is missing has no entries. */
			if (failure->kind == FAILURE_MISSING)
				continue;
			return false;
		}
		if (!list_part(parts[i], fd, visit, arg, &go_on, failure))
			return false;
	}
	return true;
}

typedef struct Removal
{
	Directory  *directory;
	bool		all;			/* not only temporary files */
	bool		ok;
	Failure    *failure;
} Removal;

/* Remove an entry if its name is one of those to remove. */
static bool
remove_entry(void *arg, const char *path)
{
	Removal    *removal = arg;
	FileName	name;

	if (!steep_filename_is_temporary(path) &&
		!(removal->all && steep_filename_parse(path, &name)))
		return true;
	removal->ok = unlinkat(removal->directory->root, path, 0) == 0 ||
		errno == ENOENT ||
		steep_failure_errno(removal->failure, "could not remove file \"%s\"",
							path);
	return removal->ok;
}

static bool
remove_files(Directory *directory, bool all, Failure *failure)
{
	Removal		removal = {directory, all, true, failure};

	return steep_directory_list(directory, remove_entry, &removal, failure) &&
		removal.ok;
}

bool
steep_directory_sweep(Directory *directory, Failure *failure)
{
	return remove_files(directory, false, failure);
}

/* Is the name above still that of the directory that is open? */
static bool
is_in_place(Directory *directory)
{
	struct stat named,
				opened;

	return fstatat(directory->parent, directory->name, &named,
				   AT_SYMLINK_NOFOLLOW) == 0 &&
		fstat(directory->root, &opened) == 0 &&
		named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

bool
steep_directory_remove(Directory *directory, Failure *failure)
{
	FileName	manifest = steep_filename(FILE_MANIFEST);

	if (!steep_directory_unlink(directory, &manifest, failure))
		return false;
	if (fsync(directory->root) != 0)
		return steep_failure_errno(failure, "could not fsync directory \"%s\"",
								   directory->name);
	if (!remove_files(directory, true, failure))
		return false;
	for (size_t i = 0; i < PARTS; i++)
	{
		if (parts[i][0] != '\0' &&
			unlinkat(directory->root, parts[i], AT_REMOVEDIR) != 0 &&
			errno != ENOENT)
			return steep_failure_errno(failure, "could not remove directory \"%s\" in \"%s\"",
									   parts[i], directory->name);
	}
	if (!is_in_place(directory))
		return steep_failure_set(failure, FAILURE_NAME,
								 "directory \"%s\" was moved",
								 directory->name);
	if (unlinkat(directory->parent, directory->name, AT_REMOVEDIR) != 0)
		return steep_failure_errno(failure, "could not remove directory \"%s\"",
								   directory->name);
	return true;
}
