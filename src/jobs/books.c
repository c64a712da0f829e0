/*-------------------------------------------------------------------------
 *
 * books.c
 *		Act as the extension's owner, and speak with its SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/pinned.h"
#include "jobs/books.h"

/* Act as the extension's owner, under settings that are ours. */
Books
steep_books_open(void)
{
	Books		books;

	books.nestlevel = steep_pin_begin(PIN_BOOKS);
	books.user = steep_local_become_owner();
	return books;
}

/* Be again who we were. */
void
steep_books_close(Books books)
{
	steep_local_become_user(books.user);
	steep_pin_end(books.nestlevel);
}

/*
 * Run a statement over our own tables, as their owner and under our settings,
 * which a user's function that the step has called may have changed.
 */
uint64
steep_books_none(const Statement *statement, const char *const *values,
				 List *with)
{
	Books		books = steep_books_open();
	uint64		processed = steep_local_none(statement, values, with);

	steep_books_close(books);
	return processed;
}

/* The same, for the row that comes back; NULL if none does. */
char	  **
steep_books_row(const Statement *statement, const char *const *values)
{
	Books		books = steep_books_open();
	char	  **row = steep_local_row(statement, values, NIL);

	steep_books_close(books);
	return row;
}

/* The same, for all rows, each an array of texts. */
List *
steep_books_rows(const Statement *statement, const char *const *values)
{
	Spool	   *spool = steep_spool_create("rows");
	Books		books = steep_books_open();
	List	   *rows;

	steep_local_rows(statement, values, NIL, spool);
	rows = steep_spool_texts(spool);
	steep_books_close(books);
	steep_spool_end(spool);
	return rows;
}

/* Is the extension in this database?  If so, keep it for the transaction. */
bool
steep_books_hold_extension(void)
{
	Oid			extension = get_extension_oid("steep_repl", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return OidIsValid(get_extension_oid("steep_repl", true));
}

/* Write a number as a parameter. */
const char *
steep_books_number(int64 number)
{
	return psprintf(INT64_FORMAT, number);
}

/* Write numbers as an array parameter. */
const char *
steep_books_list(const int64 *numbers, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfoChar(&list, '{');
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s" INT64_FORMAT, i > 0 ? "," : "",
						 numbers[i]);
	appendStringInfoChar(&list, '}');
	return list.data;
}

/* Read a number from a result; NULL is 0. */
int64
steep_books_integer(const char *text)
{
	return text ? pg_strtoint64(text) : 0;
}

/* Read a boolean from a result; NULL is false. */
bool
steep_books_bool(const char *text)
{
	return text !=NULL && text[0] == 't';
}

/* Read a job from the columns STEEP_JOB_COLUMNS, or NULL from no row. */
Job *
steep_books_job(char **row)
{
	Job		   *job;

	if (row == NULL)
		return NULL;
	job = palloc0(sizeof(Job));
	job->id = steep_books_integer(row[0]);
	job->operation = row[1];
	job->merge_id = row[2];
	job->snapshot_id = row[3];
	job->init_id = row[4];
	job->params = row[5];
	job->owner = (Oid) steep_books_integer(row[6]);
	job->owner_name = row[7];
	job->parallel = (int) steep_books_integer(row[8]);
	job->attempt = (int) steep_books_integer(row[9]);
	return job;
}
