/*-------------------------------------------------------------------------
 *
 * local.c
 *		Run a Statement on this node, through SPI.
 *
 * The only file that calls SPI.  Every verb opens and closes its own SPI
 * connection, so results are copied to the caller's context, and a spool
 * outlives the statement that filled it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "parser/parse_param.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "run/local.h"

/* A DestReceiver that appends to a spool and learns its row type. */
typedef struct SpoolReceiver
{
	DestReceiver pub;
	Spool	   *spool;
	MemoryContext context;		/* where the row type goes */
} SpoolReceiver;

/* What the parser needs to know of the parameters. */
typedef struct ParamTypes
{
	int			count;
	Oid			types[STATEMENT_MAX_PARAMS];
} ParamTypes;

/* Make an empty spool in the current context, called by name in SQL text. */
Spool *
steep_spool_create(const char *name)
{
	Spool	   *spool = palloc0(sizeof(Spool));

	spool->name = name;
	spool->store = tuplestore_begin_heap(true, false, work_mem);
	return spool;
}

/* Free a spool and the file behind it. */
void
steep_spool_end(Spool *spool)
{
	tuplestore_end(spool->store);
	if (spool->desc)
		FreeTupleDesc(spool->desc);
	pfree(spool);
}

/*
 * Return the next row of a spool as texts in the current context, or NULL at
 * its end; then the next call starts over.
 */
char	  **
steep_spool_next(Spool *spool)
{
	TupleTableSlot *slot;
	char	  **row = NULL;

	if (spool->desc == NULL)
		return NULL;
	slot = MakeSingleTupleTableSlot(spool->desc, &TTSOpsMinimalTuple);
	if (tuplestore_gettupleslot(spool->store, true, false, slot))
	{
		row = palloc0(spool->desc->natts * sizeof(char *));
		slot_getallattrs(slot);
		for (int i = 0; i < spool->desc->natts; i++)
		{
			Oid			output;
			bool		varlena;

			if (slot->tts_isnull[i])
				continue;
			getTypeOutputInfo(TupleDescAttr(spool->desc, i)->atttypid,
							  &output, &varlena);
			row[i] = OidOutputFunctionCall(output, slot->tts_values[i]);
		}
	}
	else
		tuplestore_rescan(spool->store);
	ExecDropSingleTupleTableSlot(slot);
	return row;
}

/* Return all rows of a small spool, each an array of texts. */
List *
steep_spool_texts(Spool *spool)
{
	List	   *rows = NIL;
	char	  **row;

	while ((row = steep_spool_next(spool)) != NULL)
		rows = lappend(rows, row);
	return rows;
}

static void
spool_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	SpoolReceiver *receiver = (SpoolReceiver *) self;
	MemoryContext old;

	if (receiver->spool->desc != NULL)
		return;
	old = MemoryContextSwitchTo(receiver->context);
	receiver->spool->desc = CreateTupleDescCopy(typeinfo);
	MemoryContextSwitchTo(old);
}

static bool
spool_receive(TupleTableSlot *slot, DestReceiver *self)
{
	SpoolReceiver *receiver = (SpoolReceiver *) self;

	tuplestore_puttupleslot(receiver->spool->store, slot);
	receiver->spool->nrows++;
	return true;
}

static void
spool_shutdown(DestReceiver *self)
{
}

/* Name the statement's purpose in the context of an error. */
static void
add_purpose(void *arg)
{
	errcontext("step \"%s\" on this node", (const char *) arg);
}

/* Tell the parser the types of $1, $2, … */
static void
setup_parameters(ParseState *pstate, void *arg)
{
	ParamTypes *params = (ParamTypes *) arg;

	setup_parse_fixed_parameters(pstate, params->types, params->count);
}

/* Turn the text forms of the values into a parameter list. */
static ParamListInfo
make_parameters(const Statement *statement, const char *const *values)
{
	ParamTypes *types = palloc0(sizeof(ParamTypes));
	ParamListInfo params;

	if (statement->nparams == 0)
		return NULL;
	params = makeParamList(statement->nparams);
	types->count = statement->nparams;
	for (int i = 0; i < statement->nparams; i++)
	{
		ParamExternData *param = &params->params[i];
		Oid			input;
		Oid			ioparam;
		int32		typmod;

		steep_parse_type(statement->params[i], &types->types[i], &typmod);
		getTypeInputInfo(types->types[i], &input, &ioparam);
		param->value = OidInputFunctionCall(input, unconstify(char *, values[i]),
											ioparam, typmod);
		param->isnull = (values[i] == NULL);
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = types->types[i];
	}
	params->parserSetup = setup_parameters;
	params->parserSetupArg = types;
	return params;
}

/* Let SQL text read a spool by its name. */
static void
register_spool(Spool *spool)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(spool->name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = spool->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = spool->nrows;
	enr->reldata = spool->store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register spool \"%s\"", spool->name);
}

/*
 * Open SPI, run the statement and leave SPI open, the result in
 * SPI_tuptable or in the receiver.  The caller calls SPI_finish().
 */
static void
run(const Statement *statement, const char *const *values, List *with,
	DestReceiver *receiver)
{
	SPIExecuteOptions options = {0};
	ErrorContextCallback callback;
	ListCell   *cell;
	int			result;

	Assert(statement->site == SITE_LOCAL);
	callback.callback = add_purpose;
	callback.arg = unconstify(char *, statement->purpose);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	foreach(cell, with)
		register_spool(lfirst(cell));
	options.params = make_parameters(statement, values);
	options.read_only = !statement->writes;
	options.dest = receiver;
	result = SPI_execute_extended(statement->text, &options);
	if (result < 0)
		elog(ERROR, "could not %s: %s", statement->purpose,
			 SPI_result_code_string(result));

	error_context_stack = callback.previous;
}

/* Run a statement; return how many rows it processed. */
uint64
steep_local_none(const Statement *statement, const char *const *values,
				 List *with)
{
	uint64		processed;

	run(statement, values, with, NULL);
	processed = SPI_processed;
	SPI_finish();
	return processed;
}

/* Run a statement; return its first row as text, or NULL if it has none. */
char	  **
steep_local_row(const Statement *statement, const char *const *values,
				List *with)
{
	MemoryContext caller = CurrentMemoryContext;
	char	  **row = NULL;

	run(statement, values, with, NULL);
	if (SPI_processed > 0 && SPI_tuptable != NULL)
	{
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext spi = MemoryContextSwitchTo(caller);

		row = palloc0(desc->natts * sizeof(char *));
		for (int i = 0; i < desc->natts; i++)
			row[i] = SPI_getvalue(SPI_tuptable->vals[0], desc, i + 1);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return row;
}

/* Run a statement; return the first value of its first row, or NULL. */
char *
steep_local_value(const Statement *statement, const char *const *values,
				  List *with)
{
	char	  **row = steep_local_row(statement, values, with);

	return row ? row[0] : NULL;
}

/* Run a statement; return its first row as a composite value. */
Datum
steep_local_record(const Statement *statement, const char *const *values)
{
	Datum		record;

	run(statement, values, NIL, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "step \"%s\" found no row", statement->purpose);
	record = PointerGetDatum(SPI_returntuple(SPI_tuptable->vals[0],
											 SPI_tuptable->tupdesc));
	SPI_finish();
	return record;
}

/* Run a statement and append its rows to a spool. */
void
steep_local_rows(const Statement *statement, const char *const *values,
				 List *with, Spool *into)
{
	SpoolReceiver receiver = {
		.pub = {
			.receiveSlot = spool_receive,
			.rStartup = spool_startup,
			.rShutdown = spool_shutdown,
			.rDestroy = spool_shutdown,
			.mydest = DestTuplestore
		},
		.spool = into,
		.context = CurrentMemoryContext
	};

	run(statement, values, with, &receiver.pub);
	SPI_finish();
}

/* Run a statement and hand its rows to a receiver; return how many. */
uint64
steep_local_send(const Statement *statement, const char *const *values,
				 DestReceiver *receiver)
{
	uint64		processed;

	run(statement, values, NIL, receiver);
	processed = SPI_processed;
	SPI_finish();
	return processed;
}

/* Find the role that owns the extension's own tables. */
static Oid
owner(void)
{
	Oid			table = get_relname_relid("work_queue",
										  get_namespace_oid("steep_repl", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			role;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist", "steep_repl.work_queue"),
				 errhint("Run CREATE EXTENSION steep_repl in this database.")));
	role = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return role;
}

/*
 * Act as the extension's owner, for book-keeping in our own tables only.
 * An error before steep_local_become_user() undoes it with the transaction.
 */
SavedUser
steep_local_become_owner(void)
{
	SavedUser	saved;

	GetUserIdAndSecContext(&saved.user, &saved.context);
	SetUserIdAndSecContext(owner(),
						   saved.context | SECURITY_LOCAL_USERID_CHANGE);
	return saved;
}

/* Become again who we were. */
void
steep_local_become_user(SavedUser saved)
{
	SetUserIdAndSecContext(saved.user, saved.context);
}
