/*-------------------------------------------------------------------------
 *
 * init_manual_slot.c
 *		The record of slots that are prepared, and their removal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "generate/subscription_sql.h"
#include "jobs/audit.h"
#include "jobs/ledger.h"
#include "ops/init_manual.h"

static const Statement find_slot = {
	.site = SITE_LOCAL,
	.purpose = "find the prepared slot",
	.text = "SELECT node_id, status, publication, published, tables, error_message, may\n"
	"FROM steep_repl.find_slot($1, $2)",
	.nparams = 2,
	.params = {"text", "oid"},
};

static const Statement node_slots = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list what is prepared on the node",
	.text = "SELECT slot_name FROM steep_repl.node_slots($1)",
	.nparams = 1,
	.params = {"text"},
};

static const Statement read_slot = {
	.site = SITE_LOCAL,
	.purpose = "read the slot's record",
	.text = "SELECT * FROM steep_repl.init_slots WHERE slot_name = $1",
	.nparams = 1,
	.params = {"text"},
};

static const Statement end_slot = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record what became of the slot",
	.text = "SELECT steep_repl.end_slot($1, $2, $3)",
	.nparams = 3,
	.params = {"text", "text", "text"},
};

/* Find a slot by its name as it is now; NULL if it was not prepared here. */
PreparedSlot *
steep_manual_find_slot(const char *name)
{
	const char *values[] = {name, psprintf("%u", GetUserId())};
	List	   *rows = steep_books_rows_now(&find_slot, values);
	PreparedSlot *slot;
	char	  **row;

	if (rows == NIL)
		return NULL;
	row = linitial(rows);
	slot = palloc0(sizeof(PreparedSlot));
	slot->name = name;
	slot->node = row[0];
	slot->status = row[1];
	slot->publication = row[2];
	slot->published = steep_books_bool(row[3]);
	slot->tables = row[4];
	slot->error = row[5];
	slot->may = steep_books_bool(row[6]);
	return slot;
}

/* Read a slot's row as it is now, whatever our isolation level. */
Datum
steep_manual_slot_record(const char *name)
{
	Books		books = steep_books_open();
	Datum		row;

	PushActiveSnapshot(GetLatestSnapshot());
	row = steep_local_record(&read_slot, &name);
	PopActiveSnapshot();
	steep_books_close(books);
	return row;
}

/* Record that a slot is used, by an init, or dropped. */
void
steep_manual_end_slot(const char *name, const char *status, const char *init)
{
	const char *values[] = {name, status, init};

	(void) steep_books_none(&end_slot, values, NIL);
}

/* Remove what was prepared on another node. */
static void
drop_there(Session *session, void *arg)
{
	const PreparedSlot *slot = arg;

	steep_init_drop_slot(session, SITE_PEER, slot->name);
	if (slot->published)
		steep_peer_none(session->peer,
						steep_publication_drop_sql(slot->publication), NULL);
}

/* Remove what was prepared on this node. */
static void
drop_here(const PreparedSlot *slot)
{
	Statement	drop = *steep_slot_drop_sql();
	Statement	withdraw = *steep_publication_drop_sql(slot->publication);

	drop.site = withdraw.site = SITE_LOCAL;
	drop.writes = withdraw.writes = true;
	(void) steep_local_value(&drop, &slot->name, NIL);
	if (slot->published)
		(void) steep_local_none(&withdraw, NULL, NIL);
}

/* Refuse a slot that the caller may not manage, or that is not there yet. */
void
steep_manual_check_may(const PreparedSlot *slot)
{
	if (!slot->may)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for slot \"%s\"", slot->name),
				 errhint("Ask as the role that has prepared it.")));
	if (strcmp(slot->status, "preparing") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("slot \"%s\" is being prepared", slot->name),
				 errhint("Wait for that, or end it with steep_repl.cancel_operation(); steep_repl.list_operations() shows its number.")));
}

/* Remove the slots that are prepared on a node; false if there is none. */
bool
steep_manual_drop_slots(const char *node)
{
	const RegisteredNode *registered = steep_node_find(node);
	List	   *rows = steep_books_rows(&node_slots, &node);
	ListCell   *cell;

	foreach(cell, rows)
	{
		PreparedSlot *slot = steep_manual_find_slot(((char **) lfirst(cell))[0]);

		steep_manual_check_may(slot);
		if (registered->local)
			drop_here(slot);
		else
			steep_session_look(steep_node_address(registered), drop_there, slot);
		steep_manual_end_slot(slot->name, "dropped", NULL);
		steep_audit_note(GetUserNameFromId(GetUserId(), false),
						 "init.unprepare", slot->name, NULL, NULL);
	}
	return rows != NIL;
}
