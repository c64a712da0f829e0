/*-------------------------------------------------------------------------
 *
 * path.c
 *		From a place to a descriptor, one component at a time.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/path.h"

/* Climbing needs no right to list, where the system can tell. */
#ifdef O_PATH
#define O_CLIMB O_PATH
#else
#define O_CLIMB O_RDONLY
#endif

const char *
steep_directory_beneath(const char *base, const char *path)
{
	size_t		length = strlen(base);

	if (path[0] != '/')
		return path;
	while (length > 0 && base[length - 1] == '/')
		length--;
	if (strncmp(path, base, length) != 0 || path[length] != '/')
		return NULL;
	return path + length + strspn(path + length, "/");
}

/*
 * Cut the next component off a path.  False at its end; a component that is
 * not allowed comes out empty.
 */
static bool
next_component(const char **path, char component[PATH_COMPONENT])
{
	size_t		length;

	*path += strspn(*path, "/");
	if (**path == '\0')
		return false;
	length = strcspn(*path, "/");
	component[0] = '\0';
	if (length < PATH_COMPONENT)
	{
		memcpy(component, *path, length);
		component[length] = '\0';
		if (strcmp(component, ".") == 0 || strcmp(component, "..") == 0)
			component[0] = '\0';
	}
	*path += length;
	return true;
}

/* Open a directory by a name without a slash, following no link. */
bool
steep_path_open_directory(int parent, const char *name, int *fd,
						  const char *shown, Failure *failure)
{
	*fd = openat(parent, name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return true;
	steep_failure_errno(failure, "could not open directory \"%s\"", shown);
	if (failure->os_error == ENOTDIR || failure->os_error == ELOOP)
		steep_failure_detail(failure, "No component of the path may be a "
							 "symbolic link or anything but a directory.");
	return false;
}

/* Follow the path to its last component, which is not opened. */
static bool
walk(const char *path, int *parent, char last[PATH_COMPONENT],
	 Failure *failure)
{
	const char *rest = path;
	char		component[PATH_COMPONENT];
	int			next;

	last[0] = '\0';
	while (next_component(&rest, component))
	{
		if (component[0] == '\0')
			break;
		if (last[0] != '\0')
		{
			if (!steep_path_open_directory(*parent, last, &next, path, failure))
				return false;
			close(*parent);
			*parent = next;
		}
		strcpy(last, component);
		component[0] = '\0';
		if (rest[strspn(rest, "/")] == '\0')
			return true;
	}
	steep_failure_set(failure, FAILURE_NAME, "invalid path \"%s\"", path);
	return steep_failure_detail(failure,
								"It names no directory, or has a component "
								"\".\" or \"..\", or one that is too long.");
}

/*
 * Open the directory that holds a place's last component, and give that
 * component.
 */
bool
steep_path_open_parent(const DirectoryPlace *place, int *parent,
					   char last[PATH_COMPONENT], Failure *failure)
{
	if (place->path[0] == '/')
		return steep_failure_set(failure, FAILURE_NAME,
								 "path \"%s\" is not beneath directory \"%s\"",
								 place_name(place), place->base);
	*parent = open(place->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*parent < 0)
		return steep_failure_errno(failure, "could not open directory \"%s\"",
								   place->base);
	if (walk(place->path, parent, last, failure))
		return true;
	close(*parent);
	return false;
}

/* Is the directory of this descriptor one of the forbidden ones? */
static bool
is_forbidden(const DirectoryPlace *place, const struct stat *found,
			 Failure *failure)
{
	struct stat refused;

	for (const char *const *name = place->forbidden; *name; name++)
	{
		if (stat(*name, &refused) == 0 && refused.st_dev == found->st_dev &&
			refused.st_ino == found->st_ino)
		{
			steep_failure_set(failure, FAILURE_NAME,
							  "path \"%s\" is inside directory \"%s\"",
							  place_name(place), *name);
			return true;
		}
	}
	return false;
}

/*
 * Climb from a directory to the root, and see that there is no forbidden one
 * on the way.
 */
bool
steep_path_is_allowed(const DirectoryPlace *place, int directory,
					  Failure *failure)
{
	struct stat here,
				above;
	int			fd;
	int			next;

	if (place->forbidden == NULL)
		return true;
	fd = openat(directory, ".", O_CLIMB | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && fstat(fd, &here) == 0)
	{
		if (is_forbidden(place, &here, failure))
		{
			close(fd);
			return false;
		}
		next = openat(fd, "..", O_CLIMB | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
		if (fd >= 0 && fstat(fd, &above) == 0 &&
			above.st_dev == here.st_dev && above.st_ino == here.st_ino)
		{
			close(fd);
			return true;
		}
	}
	steep_failure_errno(failure, "could not look above directory \"%s\"",
						place_name(place));
	if (fd >= 0)
		close(fd);
	return false;
}
