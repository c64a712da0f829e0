/*-------------------------------------------------------------------------
 *
 * pinned.c
 *		The settings that our own SQL runs under, whatever the role, the
 *		database or the session says.
 *
 * ALTER ROLE and ALTER DATABASE settings reach background workers too, so a
 * worker pins all of them; a function called in a session pins those that
 * decide bytes, for the length of the call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "base/pinned.h"
#include "files/settings.h"

const PinnedSetting steep_pinned_settings[] = {
#define PINNED_ALWAYS(name, value) {name, value, PIN_ALWAYS},
	STEEP_SETTINGS(PINNED_ALWAYS)

	/* who runs it: the job's owner, not a role its settings name */
	{"role", "none", PIN_WORKER},
	/* whether a decision is durable, and triggers fire as usual */
	{"synchronous_commit", "on", PIN_WORKER},
	{"session_replication_role", "origin", PIN_WORKER},
	{"default_transaction_isolation", "read committed", PIN_WORKER},
	{"default_transaction_read_only", "off", PIN_WORKER},
	{"default_transaction_deferrable", "off", PIN_WORKER},
	/* how long it may take: the job's own limits only */
	{"lock_timeout", "0", PIN_WORKER},
	{"statement_timeout", "0", PIN_WORKER},
	{"transaction_timeout", "0", PIN_WORKER},
	{"idle_in_transaction_session_timeout", "0", PIN_WORKER},
	{"idle_session_timeout", "0", PIN_WORKER},
	/* an error ends a step, not the worker */
	{"exit_on_error", "off", PIN_WORKER},

	/*
	 * A chunk of decisions is read in the order of their index.  Before the
	 * table is analyzed, a planner that takes all the rest for a few rows
	 * would fetch and sort it, for every chunk.
	 */
	{"enable_bitmapscan", "off", PIN_BOOKS},
};

const int	steep_npinned_settings = lengthof(steep_pinned_settings);

/*
 * Set one setting with the library's authority, not the user's, since some
 * are for superusers only.  Releases that lack it have nothing to pin.
 */
static void
pin(const char *name, const char *value, GucAction action)
{
	if (GetConfigOption(name, true, false) == NULL)
		return;
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, action,
							 true, ERROR, false);
}

/*
 * Pin all settings of this background worker's session.
 *
 * Must be called outside a transaction, so that no rollback undoes it.
 */
void
steep_pin_session(void)
{
	Assert(!IsTransactionState());

	for (int i = 0; i < steep_npinned_settings; i++)
	{
		if (steep_pinned_settings[i].scope != PIN_BOOKS)
			pin(steep_pinned_settings[i].name,
				steep_pinned_settings[i].value, GUC_ACTION_SET);
	}

	/* COPY and libpq follow the client's encoding, and there is no client. */
	pin("client_encoding", GetDatabaseEncodingName(), GUC_ACTION_SET);
}

/*
 * Pin the settings that decide bytes, and those of a scope, until
 * steep_pin_end().
 *
 * An error before that restores the caller's settings with the transaction
 * or subtransaction it ends.
 */
int
steep_pin_begin(PinScope scope)
{
	int			nestlevel = NewGUCNestLevel();

	for (int i = 0; i < steep_npinned_settings; i++)
	{
		if (steep_pinned_settings[i].scope == PIN_ALWAYS ||
			steep_pinned_settings[i].scope == scope)
			pin(steep_pinned_settings[i].name,
				steep_pinned_settings[i].value, GUC_ACTION_SAVE);
	}
	return nestlevel;
}

/* Give the caller its own settings back. */
void
steep_pin_end(int nestlevel)
{
	AtEOXact_GUC(true, nestlevel);
}
