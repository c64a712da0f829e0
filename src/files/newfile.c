/*-------------------------------------------------------------------------
 *
 * newfile.c
 *		A file that gets its name when it is whole, and one that is read.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/newfile.h"

/* As often as chance may repeat itself. */
#define ATTEMPTS 16

/*
 * Create the file under a name that no other writer has, not even one of the
 * same file that should be dead and is not.
 */
static bool
create_temporary(NewFile *file, Failure *failure)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++)
	{
		uint32_t	chance;

		if (getentropy(&chance, sizeof(chance)) != 0)
			break;
		snprintf(file->temporary, sizeof(file->temporary), "%s.%08" PRIx32 ".tmp",
				 steep_filename_base(&file->name), chance);
		file->fd = openat(file->directory, file->temporary,
						  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
						  0600);
		if (file->fd >= 0)
			return true;
		if (errno != EEXIST)
			break;
	}
	return steep_failure_errno(failure, "could not create file \"%s\"",
							   file->name.path);
}

/* Create a file under a temporary name. */
bool
steep_newfile_create(Directory *directory, const FileName *name, NewFile *file,
					 Failure *failure)
{
	file->name = *name;
	if (!steep_directory_part(directory, steep_filename_directory(name),
							  &file->directory, failure))
		return false;
	if (create_temporary(file, failure))
		return true;
	close(file->directory);
	return false;
}

bool
steep_newfile_write(NewFile *file, const void *data, size_t length,
					Failure *failure)
{
	const char *from = data;

	while (length > 0)
	{
		ssize_t		written = write(file->fd, from, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0)
			errno = ENOSPC;
		if (written <= 0)
			return steep_failure_errno(failure, "could not write file \"%s\"",
									   file->name.path);
		from += written;
		length -= (size_t) written;
	}
	return true;
}

/*
 * Have the system start to write the file out, where it can be asked to; the
 * fsync that follows says whether that went well.
 */
void
steep_newfile_start_sync(NewFile *file)
{
#ifdef __linux__
	(void) sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

/*
 * Give the file its name.  First its bytes are made durable, so that a crash
 * leaves the whole file or none of that name.
 */
bool
steep_newfile_publish(NewFile *file, Failure *failure)
{
	if (fsync(file->fd) != 0)
		return steep_failure_errno(failure, "could not fsync file \"%s\"",
								   file->name.path);
	if (renameat(file->directory, file->temporary,
				 file->directory, steep_filename_base(&file->name)) != 0)
		return steep_failure_errno(failure, "could not rename file \"%s\"",
								   file->name.path);
	file->temporary[0] = '\0';
	return true;
}

/* Make durable that this file and others of its directory have their names. */
bool
steep_newfile_sync_names(NewFile *file, Failure *failure)
{
	if (fsync(file->directory) != 0)
		return steep_failure_errno(failure, "could not fsync the directory of file \"%s\"",
								   file->name.path);
	return true;
}

/* Close the file, and remove it unless it has its name. */
void
steep_newfile_close(NewFile *file)
{
	close(file->fd);
	if (file->temporary[0] != '\0')
		unlinkat(file->directory, file->temporary, 0);
	close(file->directory);
}

/* See that what was opened is a file as we make them. */
static bool
is_ours(int fd, const FileName *name, uint64_t *size, Failure *failure)
{
	struct stat found;

	if (fstat(fd, &found) != 0)
		return steep_failure_errno(failure, "could not stat file \"%s\"",
								   name->path);
	if (!S_ISREG(found.st_mode))
		return steep_failure_file(failure, FAILURE_NAME, name->path,
								  "is not a regular file");
	if (found.st_nlink != 1)
		return steep_failure_file(failure, FAILURE_NAME, name->path,
								  "has more than one name");
	*size = (uint64_t) found.st_size;
	return true;
}

/* Open a file to read; O_NONBLOCK, since a FIFO would wait for a writer. */
bool
steep_oldfile_open(Directory *directory, const FileName *name, int *fd,
				   uint64_t *size, Failure *failure)
{
	int			part;

	if (!steep_directory_part(directory, steep_filename_directory(name), &part,
							  failure))
		return false;
	*fd = openat(part, steep_filename_base(name),
				 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(part);
	if (*fd < 0)
	{
		if (errno == ENOENT)
			return steep_failure_file(failure, FAILURE_MISSING, name->path,
									  "is missing");
		if (errno == ELOOP)
			return steep_failure_file(failure, FAILURE_NAME, name->path,
									  "is a symbolic link");
		return steep_failure_errno(failure, "could not open file \"%s\"",
								   name->path);
	}
	if (is_ours(*fd, name, size, failure))
		return true;
	close(*fd);
	return false;
}
