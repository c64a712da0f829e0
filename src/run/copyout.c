/*-------------------------------------------------------------------------
 *
 * copyout.c
 *		Rows of this node as COPY's text.
 *
 * COPY itself can write only to a file or a client, and has no callback
 * before release 16; rows that go through a DestReceiver are as fast.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "run/copyout.h"
#include "run/local.h"

/* A DestReceiver that writes rows as text. */
typedef struct CopyReceiver
{
	DestReceiver pub;
	CopyText   *out;
	CopyTextSink sink;
	void	   *arg;
	CopyTotals *totals;
} CopyReceiver;

static void
startup(DestReceiver *self, int operation, TupleDesc desc)
{
	CopyReceiver *receiver = (CopyReceiver *) self;

	receiver->out = steep_copytext_begin(desc, receiver->sink, receiver->arg);
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	steep_copytext_row(((CopyReceiver *) self)->out, slot);
	return true;
}

static void
finish(DestReceiver *self)
{
	CopyReceiver *receiver = (CopyReceiver *) self;

	steep_copytext_end(receiver->out, receiver->totals);
}

static void
destroy(DestReceiver *self)
{
}

void
steep_copyout_run(const Statement *query, const char *const *values,
				  CopyTextSink sink, void *arg, CopyTotals *totals)
{
	CopyReceiver receiver = {
		.pub = {
			.receiveSlot = receive,
			.rStartup = startup,
			.rShutdown = finish,
			.rDestroy = destroy,
			.mydest = DestTuplestore
		},
		.sink = sink,
		.arg = arg,
		.totals = totals
	};

	memset(totals, 0, sizeof(*totals));
	(void) steep_local_send(query, values, &receiver.pub);
}
