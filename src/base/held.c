/*-------------------------------------------------------------------------
 *
 * held.c
 *		Snapshot files in the server: errors are thrown, and what is open is
 *		closed with a memory context.
 *
 * src/files allocates with malloc() and opens files by itself, and an error
 * thrown between two of its calls would leave both behind.  So each object is
 * closed by a callback of a memory context.  The callback is registered before
 * the object is opened, since registering allocates memory and may throw.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/held.h"

/* How many descriptors each object says that it holds. */
#define DIRECTORY_DESCRIPTORS 2
#define WRITER_DESCRIPTORS 2
#define READER_DESCRIPTORS 1

typedef struct Held
{
	void	   *object;			/* NULL if it could not be opened */
	void		(*close) (void *object);
	int			descriptors;	/* reserved from the server's allowance */
	MemoryContextCallback callback;
} Held;

static void
release(void *arg)
{
	Held	   *held = arg;

	held->close(held->object);
	while (held->descriptors-- > 0)
		ReleaseExternalFD();
}

/* Prepare to hold an object that has descriptors. */
static Held *
prepare(void (*close) (void *object), int descriptors)
{
	Held	   *held = palloc0(sizeof(Held));

	held->close = close;
	held->callback.func = release;
	held->callback.arg = held;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &held->callback);
	for (; held->descriptors < descriptors; held->descriptors++)
	{
		if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("too many files are open"),
					 errhint("Raise max_files_per_process, or use fewer parallel workers.")));
	}
	return held;
}

static void
close_directory(void *object)
{
	steep_directory_close(object);
}

static void
close_writer(void *object)
{
	steep_writer_close(object);
}

static void
close_reader(void *object)
{
	steep_reader_close(object);
}

static void
close_manifest(void *object)
{
	steep_manifest_free(object);
}

Directory *
steep_held_create(const DirectoryPlace *place)
{
	Held	   *held = prepare(close_directory, DIRECTORY_DESCRIPTORS);
	Directory  *directory = NULL;
	Failure		failure;
	bool		ok = steep_directory_create(place, &directory, &failure);

	held->object = directory;
	steep_held_check(ok, &failure);
	return directory;
}

Directory *
steep_held_open(const DirectoryPlace *place)
{
	Held	   *held = prepare(close_directory, DIRECTORY_DESCRIPTORS);
	Directory  *directory = NULL;
	Failure		failure;
	bool		ok = steep_directory_open(place, &directory, &failure);

	held->object = directory;
	steep_held_check(ok, &failure);
	return directory;
}

StreamWriter *
steep_held_writer(Directory *directory, const FileName *name,
				  const Compression *compression)
{
	Held	   *held = prepare(close_writer, WRITER_DESCRIPTORS);
	StreamWriter *writer = NULL;
	Failure		failure;
	bool		ok = steep_writer_open(directory, name, compression, &writer,
									   &failure);

	held->object = writer;
	steep_held_check(ok, &failure);
	return writer;
}

StreamReader *
steep_held_reader(Directory *directory, const FileName *name,
				  const StreamTotals *expected)
{
	Held	   *held = prepare(close_reader, READER_DESCRIPTORS);
	StreamReader *reader = NULL;
	Failure		failure;
	bool		ok = steep_reader_open(directory, name, expected, &reader,
									   &failure);

	held->object = reader;
	steep_held_check(ok, &failure);
	return reader;
}

Manifest *
steep_held_manifest(Directory *directory)
{
	Held	   *held = prepare(close_manifest, 0);
	Manifest   *manifest = NULL;
	Failure		failure;
	bool		ok = steep_manifest_read(directory, &manifest, &failure);

	held->object = manifest;
	steep_held_check(ok, &failure);
	return manifest;
}

typedef struct Verification
{
	void		(*report) (void *arg, const char *file, const char *problem);
	void	   *arg;
	MemoryContext context;
	ErrorData  *error;			/* to throw again; or NULL */
} Verification;

/* Keep an error until it can be thrown. */
static void
keep_error(Verification *verification)
{
	MemoryContextSwitchTo(verification->context);
	verification->error = CopyErrorData();
	FlushErrorState();
}

static void
report_problem(void *arg, const char *file, const char *problem)
{
	Verification *verification = arg;

	if (verification->error != NULL)
		return;
	PG_TRY();
	{
		verification->report(verification->arg, file, problem);
	}
	PG_CATCH();
	{
		keep_error(verification);
	}
	PG_END_TRY();
}

static bool
go_on(void *arg, uint64_t bytes)
{
	Verification *verification = arg;

	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		keep_error(verification);
	}
	PG_END_TRY();
	return verification->error == NULL;
}

/*
 * An error must not pass through the verifying code, which would leave behind
 * what it has open: it is kept until that has ended.
 */
void
steep_held_verify(Directory *directory,
				  void (*report) (void *arg, const char *file,
								  const char *problem),
				  void *arg)
{
	Verification verification = {report, arg, CurrentMemoryContext, NULL};
	Verifier	verifier = {report_problem, go_on, &verification};
	Failure		failure;
	bool		ok = steep_verify_snapshot(directory, &verifier, &failure);

	if (verification.error != NULL)
		ReThrowError(verification.error);
	steep_held_check(ok, &failure);
}

/* Which SQLSTATE a failure has. */
static int
sqlstate_of(const Failure *failure)
{
	switch (failure->kind)
	{
		case FAILURE_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case FAILURE_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case FAILURE_NAME:
			return ERRCODE_INVALID_NAME;
		case FAILURE_EXISTS:
			return ERRCODE_DUPLICATE_FILE;
		case FAILURE_MISSING:
			return ERRCODE_UNDEFINED_FILE;
		case FAILURE_DISK_FULL:
			return ERRCODE_DISK_FULL;
		case FAILURE_IO:
			return failure->os_error == EACCES ?
				ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_IO_ERROR;
		case FAILURE_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case FAILURE_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case FAILURE_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case FAILURE_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
steep_held_check(bool ok, const Failure *failure)
{
	if (ok)
		return;
	ereport(ERROR,
			(errcode(sqlstate_of(failure)),
			 errmsg_internal("%s", failure->message),
			 failure->detail[0] != '\0' ?
			 errdetail_internal("%s", failure->detail) : 0));
}
