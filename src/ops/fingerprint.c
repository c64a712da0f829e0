/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *		SQL functions that fingerprint the tables of nodes.
 *
 * The catalogs show every table to everybody, but what a role may not see it
 * shall not learn of here either; and an answer without these tables would
 * make nodes look equal that are not.  So they are an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/pinned.h"
#include "base/sqltext.h"
#include "generate/schema_sql.h"
#include "jobs/books.h"
#include "ops/node.h"
#include "ops/session.h"

PG_FUNCTION_INFO_V1(steep_repl_compute_fingerprint);
PG_FUNCTION_INFO_V1(steep_repl_capture_all_fingerprints);
PG_FUNCTION_INFO_V1(steep_repl_compare_fingerprints);

#define MOST_NAMES 10			/* that a message lists */

static const Statement record_fingerprints = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "record the fingerprints",
	.text = "SELECT steep_repl.record_fingerprints($1, $2, $3, $4)",
	.nparams = 4,
	.params = {"text", "text[]", "text[]", "text[]"},
};

/* Refuse an answer that has tables which the role may not see. */
static void
check_visible(List *rows, const char *place)
{
	StringInfoData names;
	int			hidden = 0;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, rows)
	{
		char	  **row = lfirst(cell);

		if (row[PRINT_VISIBLE][0] == 't')
			continue;
		if (hidden++ < MOST_NAMES)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 steep_sql_name(row[PRINT_SCHEMA], row[PRINT_TABLE]));
	}
	if (hidden == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 hidden == 1 ?
			 errmsg("permission denied for table \"%s\" %s", names.data, place) :
			 errmsg("permission denied for %d tables %s", hidden, place),
			 hidden == 1 ? 0 :
			 errdetail_internal(hidden > MOST_NAMES ? "%s, and others." : "%s.",
								names.data),
			 errhint("GRANT SELECT on the tables, and USAGE on their schemas, or pg_read_all_data to the role.")));
}

/* compute_fingerprint(p_schema text, p_table text) */
Datum
steep_repl_compute_fingerprint(PG_FUNCTION_ARGS)
{
	const char *values[] = {
		text_to_cstring(PG_GETARG_TEXT_PP(0)),
		text_to_cstring(PG_GETARG_TEXT_PP(1))
	};
	int			pinned = steep_pin_begin(PIN_ALWAYS);
	char	  **row = steep_local_row(steep_schema_fingerprint_sql(SITE_LOCAL),
									  values, NIL);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist",
						steep_sql_name(values[0], values[1])),
				 errhint("Only users' tables have a fingerprint: none of the system, of an extension or of a session.")));
	check_visible(list_make1(row), "here");
	steep_pin_end(pinned);
	PG_RETURN_TEXT_P(cstring_to_text(row[PRINT_FINGERPRINT]));
}

/* Fingerprint this node's tables. */
static void
read_here(Spool *into)
{
	steep_local_rows(steep_schema_fingerprints_sql(SITE_LOCAL), NULL, NIL, into);
	check_visible(steep_spool_texts(into), "here");
}

/* Ask the peer for those of its tables; collect_there() must follow. */
static void
send_there(Session *session)
{
	steep_peer_send(session->peer, steep_schema_fingerprints_sql(SITE_PEER), NULL);
}

static void
collect_there(Session *session, Spool *into)
{
	steep_peer_collect(session->peer, into);
	check_visible(steep_spool_texts(into), steep_session_place(session, SITE_PEER));
}

static void
read_there(Session *session, void *into)
{
	send_there(session);
	collect_there(session, into);
}

/* Fingerprint the tables of a node, this one or another. */
static void
read_node(const char *id, Spool *into)
{
	PeerAddress *address = steep_node_address(steep_node_find(id));

	if (address == NULL)
	{
		int			pinned = steep_pin_begin(PIN_ALWAYS);

		read_here(into);
		steep_pin_end(pinned);
	}
	else
		steep_session_look(address, read_there, into);
}

/* One column of the rows as the text of an array. */
static char *
column_of(List *rows, int column)
{
	List	   *values = NIL;
	ListCell   *cell;

	foreach(cell, rows)
		values = lappend(values, ((char **) lfirst(cell))[column]);
	return steep_sql_array(values);
}

/* capture_all_fingerprints(p_node_id text) */
Datum
steep_repl_capture_all_fingerprints(PG_FUNCTION_ARGS)
{
	const char *id = steep_node_argument(fcinfo, 0);
	Spool	   *spool = steep_spool_create("fingerprints");
	List	   *rows;
	const char *values[4];
	char	   *count;
	Books		books;

	read_node(id, spool);
	rows = steep_spool_texts(spool);
	values[0] = id;
	values[1] = column_of(rows, PRINT_SCHEMA);
	values[2] = column_of(rows, PRINT_TABLE);
	values[3] = column_of(rows, PRINT_FINGERPRINT);
	books = steep_books_open();
	count = steep_local_value(&record_fingerprints, values, NIL);
	steep_books_close(books);
	PG_RETURN_INT32((int32) steep_books_integer(count));
}

/* Fingerprint both nodes at the same time, and join the answers. */
static void
compare(Session *session, void *result)
{
	Spool	   *here = steep_spool_create("local_fingerprints");
	Spool	   *there = steep_spool_create("peer_fingerprints");

	steep_session_check_other(session);
	send_there(session);
	read_here(here);
	collect_there(session, there);
	steep_local_rows(steep_schema_compare_sql(), NULL, list_make2(here, there),
					 result);
	steep_spool_end(here);
	steep_spool_end(there);
}

/* compare_fingerprints(p_local_node text, p_peer_node text) */
Datum
steep_repl_compare_fingerprints(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Spool		result = {.name = "result"};
	RegisteredNode *nodes[2];
	PeerAddress *address;

	InitMaterializedSRF(fcinfo, 0);
	result.store = set->setResult;
	result.desc = set->setDesc;
	for (int i = 0; i < 2; i++)
		nodes[i] = steep_node_find(steep_node_argument(fcinfo, i));
	address = steep_node_address(nodes[1]);
	if (address == NULL || strcmp(nodes[0]->id, nodes[1]->id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node \"%s\" is this very database", nodes[1]->id),
				 errhint("Name this node first, then the one to compare it with.")));
	steep_session_look(address, compare, &result);
	return (Datum) 0;
}
