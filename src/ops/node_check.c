/*-------------------------------------------------------------------------
 *
 * node_check.c
 *		The SQL function that finds out whether a node can be reached.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/digest.h"
#include "ops/node.h"

PG_FUNCTION_INFO_V1(steep_repl_check_node);

/* What a node has said. */
typedef struct Answer
{
	const NodeInfo *node;
	bool		native;			/* it has an extension that ours understands */
	TimestampTz asked;
	TimestampTz answered;
} Answer;

/* The columns of the answer. */
enum
{
	CHECK_ID,
	CHECK_DATABASE,
	CHECK_VERSION,
	CHECK_EXTENSION,
	CHECK_STANDBY,
	CHECK_TIME,
	CHECK_NCOLUMNS
};

/* Connect to a node, and hear what it is. */
static Answer
ask(const RegisteredNode *node)
{
	Answer		answer = {.asked = GetCurrentTimestamp()};

	if (node->local)
	{
		answer.node = steep_session_here();
		answer.native = true;
	}
	else
	{
		Session    *session = steep_node_open(node);

		answer.node = session->there;
		answer.native = session->way == DIGEST_NATIVE;
		steep_session_end(session);
	}
	answer.answered = GetCurrentTimestamp();
	return answer;
}

/* check_node(p_node_id text) */
Datum
steep_repl_check_node(PG_FUNCTION_ARGS)
{
	RegisteredNode *node = steep_node_find(steep_node_argument(fcinfo, 0));
	Answer		answer = ask(node);
	Datum		values[CHECK_NCOLUMNS];
	bool		nulls[CHECK_NCOLUMNS] = {false};
	TupleDesc	desc;

	if (!XactReadOnly)
		(void) steep_node_touch(node->id);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[CHECK_ID] = CStringGetTextDatum(node->id);
	values[CHECK_DATABASE] = CStringGetTextDatum(answer.node->database);
	values[CHECK_VERSION] = Int32GetDatum(answer.node->version);
	values[CHECK_EXTENSION] = BoolGetDatum(answer.native);
	values[CHECK_STANDBY] = BoolGetDatum(answer.node->standby);
	values[CHECK_TIME] = DirectFunctionCall2(timestamp_mi,
											 TimestampTzGetDatum(answer.answered),
											 TimestampTzGetDatum(answer.asked));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
