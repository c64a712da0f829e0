/*-------------------------------------------------------------------------
 *
 * init_object.c
 *		The record of what inits make on either node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "jobs/ledger.h"
#include "jobs/queue.h"
#include "ops/init.h"

static const Statement add_object = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record what is about to be made",
	.text = "SELECT steep_repl.add_init_object($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "text", "text", "text"},
};

static const Statement left_objects = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list what earlier inits have left",
	.text = "SELECT id, node_id, kind, name FROM steep_repl.left_objects($1, $2)",
	.nparams = 2,
	.params = {"text", "text"},
};

static const Statement enqueue_clean = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "have removed what the init has made",
	.text = "SELECT steep_repl.enqueue_clean($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement forget_object = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record that it is removed",
	.text = "SELECT steep_repl.forget_init_object($1)",
	.nparams = 1,
	.params = {"bigint"},
};

/* Submit a job, for who has submitted the init, that removes what it has made. */
void
steep_init_enqueue_clean(const char *id)
{
	(void) steep_books_row(&enqueue_clean, &id);
	steep_job_wake();
}

/* Record what an init will make on a node; this has to commit before. */
void
steep_init_record_object(const Init *init, const char *node, const char *kind,
						 const char *name)
{
	const char *values[] = {init->id, node, kind, name};

	(void) steep_books_none(&add_object, values, NIL);
}

/*
 * List what inits of a node have left, but for one of them unless that is NULL,
 * the newest first, as InitObjects.
 */
List *
steep_init_left_objects(const char *node, const char *except)
{
	const char *values[] = {node, except};
	List	   *objects = NIL;
	ListCell   *cell;

	foreach(cell, steep_books_rows(&left_objects, values))
	{
		char	  **row = lfirst(cell);
		InitObject *object = palloc(sizeof(InitObject));

		*object = (InitObject)
		{
			row[0], row[1], row[2], row[3]
		};
		objects = lappend(objects, object);
	}
	return objects;
}

/*
 * Have earlier inits of the node left this?  Then the first step of the next
 * removes it.
 */
bool
steep_init_is_left(const Init *init, const char *kind, const char *name)
{
	ListCell   *cell;

	foreach(cell, steep_init_left_objects(init->node, NULL))
	{
		const InitObject *object = lfirst(cell);

		if (strcmp(object->kind, kind) == 0 && strcmp(object->name, name) == 0)
			return true;
	}
	return false;
}

/* It is removed, or never came to be. */
void
steep_init_forget_object(const InitObject *object)
{
	const char *values[] = {object->id};

	(void) steep_books_none(&forget_object, values, NIL);
}
