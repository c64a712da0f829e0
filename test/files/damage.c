/*-------------------------------------------------------------------------
 *
 * damage.c
 *		Damage a snapshot in every way at every position, and see that
 *		verifying notices.
 *
 *-------------------------------------------------------------------------
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapfile.h"

#define LARGEST (64 * 1024)

typedef struct Damage
{
	Directory  *directory;
	const char *root;			/* where the files are */
	int			done;
	int			unnoticed;
} Damage;

/* In place: what replaces a file by truncating it waits for the disk. */
static void
write_file(const char *path, const char *bytes, size_t length)
{
	int			fd = open(path, O_WRONLY);

	if (fd < 0 || ftruncate(fd, (off_t) length) != 0 ||
		write(fd, bytes, length) != (ssize_t) length || close(fd) != 0)
	{
		perror(path);
		exit(1);
	}
}

static void
count_problem(void *arg, const char *file, const char *problem)
{
	int		   *problems = arg;

	(void) file;
	(void) problem;
	(*problems)++;
}

/* Verify with a file as it now is. */
static void
try(Damage *damage, const char *path, const char *bytes, size_t length,
	const char *what, size_t position)
{
	int			problems = 0;
	Verifier	verifier = {count_problem, NULL, &problems};
	Failure		failure;

	write_file(path, bytes, length);
	damage->done++;
	check(steep_verify_snapshot(damage->directory, &verifier, &failure),
		  &failure);
	if (problems > 0)
		return;
	damage->unnoticed++;
	printf("%s: %s at %zu was not noticed\n", path, what, position);
}

/* Flip a bit of each byte, cut the file before each byte, and lengthen it. */
static bool
damage_file(void *arg, const char *name)
{
	static char bytes[LARGEST];
	Damage	   *damage = arg;
	char		path[4096];
	size_t		length;
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", damage->root, name);
	file = strchr(name, '.') ? fopen(path, "r") : NULL;
	if (file == NULL)
		return true;			/* a directory */
	length = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	for (size_t i = 0; i < length; i++)
	{
		char		flip = (char) (1 << i % 8);

		bytes[i] ^= flip;
		try(damage, path, bytes, length, "a flip", i);
		bytes[i] ^= flip;
		try(damage, path, bytes, i, "a cut", i);
	}
	bytes[length] = '\n';
	try(damage, path, bytes, length + 1, "more", length);
	write_file(path, bytes, length);
	return true;
}

void
damage_all(Directory *directory, const char *root)
{
	Damage		damage = {directory, root, 0, 0};
	Failure		failure;

	check(steep_directory_list(directory, damage_file, &damage, &failure),
		  &failure);
	printf("%d unnoticed\n", damage.unnoticed);
	fprintf(stderr, "%d kinds of damage\n", damage.done);
}
