/*-------------------------------------------------------------------------
 *
 * deadline.c
 *		A time limit for a call that hears nothing but a cancel.
 *
 * From 16 on the server connects without libpq's own timeout: it waits for
 * ever, but it can be canceled.  So when the time is up we cancel ourselves,
 * and whoever catches the error asks here whose cancel it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"

#include "run/deadline.h"

static TimeoutId deadline = MAX_TIMEOUTS;
static volatile sig_atomic_t passed = false;

/* Cancel what this process does (in a signal handler). */
static void
pass(void)
{
	passed = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/* Cancel what follows after so many seconds; 0 means never. */
void
steep_deadline_set(int seconds)
{
	if (deadline == MAX_TIMEOUTS)
		deadline = RegisterTimeout(USER_TIMEOUT, pass);
	passed = false;
	if (seconds > 0)
		enable_timeout_after(deadline, seconds * 1000);
}

/* End the time limit; return whether it has passed. */
bool
steep_deadline_clear(void)
{
	bool		late;

	disable_timeout(deadline, false);
	late = passed;
	if (late)
		QueryCancelPending = false;
	passed = false;
	return late;
}
