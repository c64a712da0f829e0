/*-------------------------------------------------------------------------
 *
 * newfile.h
 *		A file that gets its name when it is whole, and one that is read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_NEWFILE_H
#define STEEP_REPL_NEWFILE_H

#include "files/directory.h"

typedef struct NewFile
{
	int			fd;
	int			directory;		/* the one that holds the file */
	FileName	name;
	char		temporary[80];	/* its name until then; empty once published */
} NewFile;

extern bool steep_newfile_create(Directory *directory, const FileName *name,
								 NewFile *file, Failure *failure);
extern bool steep_newfile_write(NewFile *file, const void *data, size_t length,
								Failure *failure);
extern void steep_newfile_start_sync(NewFile *file);
extern bool steep_newfile_publish(NewFile *file, Failure *failure);
extern bool steep_newfile_sync_names(NewFile *file, Failure *failure);
extern void steep_newfile_close(NewFile *file);

extern bool steep_oldfile_open(Directory *directory, const FileName *name,
							   int *fd, uint64_t *size, Failure *failure);

/* directory.c's, for here: open one of the directory's own. */
extern bool steep_directory_part(Directory *directory, const char *name,
								 int *fd, Failure *failure);

#endif							/* STEEP_REPL_NEWFILE_H */
