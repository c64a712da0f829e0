/*-------------------------------------------------------------------------
 *
 * merge_echo.c
 *		Refuse a merge whose writes a subscription would send back.
 *
 * A merge makes two nodes equal.  If one of them subscribes to the other, it
 * is sent what the merge has written there, though it has these rows already:
 * an insert stops the subscription with a duplicate key, an update may undo a
 * newer one.  That does not happen if the subscription has origin = none and
 * the writes are tagged (run/origin.c).
 *
 * What is known at submit may have changed by the time of applying, so it is
 * looked at twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/sqltext.h"
#include "generate/echo_sql.h"
#include "ops/merge_echo.h"

#define FIRST_WITH_ORIGIN 160000	/* release that knows origin = none */
#define GRANT_SETUP "GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_origin_session_setup(text)"

/* What is asked about one node's writes. */
typedef struct EchoCheck
{
	Session    *session;
	List	   *pairs;
	Site		publisher;		/* the node that the merge writes on */
	bool		tagged;			/* what it writes is marked */
	bool		foresee;		/* the merge is being submitted */
	bool		dry_run;
} EchoCheck;

/* A subscription that such writes go to: steep_echo_slots_sql(). */
enum
{
	ECHO_SUBSCRIPTION,
	ECHO_ENABLED,
	ECHO_ORIGIN,
	ECHO_SCHEMA,
	ECHO_TABLE
};

static Site
subscriber(const EchoCheck *check)
{
	return check->publisher == SITE_LOCAL ? SITE_PEER : SITE_LOCAL;
}

static int
version(const EchoCheck *check, Site site)
{
	return site == SITE_LOCAL ? check->session->here->version :
		check->session->there->version;
}

/* List the subscriptions that the writes go to, those enabled first. */
static List *
find_subscriptions(const EchoCheck *check)
{
	Spool	   *spool = steep_spool_create("subscriptions");
	List	   *schemas = NIL;
	List	   *names = NIL;
	List	   *rows = NIL;
	ListCell   *cell;
	const char *tables[2];
	const char *candidates;
	const Statement *slots = steep_echo_slots_sql(check->publisher);

	foreach(cell, check->pairs)
	{
		RelInfo    *rel = ((TablePair *) lfirst(cell))->local;

		schemas = lappend(schemas, rel->schema);
		names = lappend(names, rel->name);
	}
	tables[0] = steep_sql_array(schemas);
	tables[1] = steep_sql_array(names);
	candidates = steep_session_value(check->session,
									 steep_echo_subscriptions_sql(subscriber(check),
																  version(check, subscriber(check))),
									 tables);
	if (candidates != NULL)
	{
		if (check->publisher == SITE_LOCAL)
			steep_local_rows(slots, &candidates, NIL, spool);
		else
			steep_peer_rows(check->session->peer, slots, &candidates, spool);
		rows = steep_spool_texts(spool);
	}
	steep_spool_end(spool);
	return rows;
}

/* The release that keeps origin = none from being used, or 0. */
static int
old_release(const EchoCheck *check)
{
	int			older = Min(version(check, SITE_LOCAL), version(check, SITE_PEER));

	return older < FIRST_WITH_ORIGIN ? older / 10000 : 0;
}

/* Does the subscription leave out what is marked? */
static bool
filters(const EchoCheck *check, char **row)
{
	return !old_release(check) && strcmp(row[ECHO_ORIGIN], "none") == 0;
}

/* Say why the writes would be sent. */
static char *
cause(const EchoCheck *check, char **row)
{
	if (old_release(check))
		return psprintf("PostgreSQL %d has no origin = none, which would leave them out.",
						old_release(check));
	if (!filters(check, row))
		return psprintf("It has origin = %s, and so leaves nothing out.",
						row[ECHO_ORIGIN]);
	return psprintf("It has origin = none, but the role may not mark what it writes %s.",
					steep_session_place(check->session, check->publisher));
}

/* Say what to do, beside allowing it. */
static char *
way_out(const EchoCheck *check, char **row)
{
	char	   *grant = psprintf(GRANT_SETUP " to the role %s",
								 check->publisher == SITE_LOCAL ?
								 "that merges" : "that connects to the peer");
	char	   *alter = psprintf("ALTER SUBSCRIPTION %s SET (origin = none)",
								 steep_sql_ident(row[ECHO_SUBSCRIPTION]));

	if (old_release(check))
		return psprintf("%sove its slot past the merge with pg_replication_slot_advance() before you enable it again, or upgrade both nodes",
						row[ECHO_ENABLED][0] == 't' ?
						"Disable the subscription, and m" : "M");
	if (filters(check, row))
		return grant;
	return check->tagged ? alter : psprintf("%s, and %s", alter, grant);
}

/* Refuse the merge, or warn where nothing is written yet. */
static void
report(const EchoCheck *check, char **row)
{
	bool		enabled = row[ECHO_ENABLED][0] == 't';

	ereport(enabled && !check->dry_run ? ERROR : WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("subscription \"%s\" %s would%s be sent what the merge writes to table \"%s\"",
					row[ECHO_SUBSCRIPTION],
					steep_session_place(check->session, subscriber(check)),
					enabled ? "" : ", when it is enabled,",
					steep_sql_name(row[ECHO_SCHEMA], row[ECHO_TABLE])),
			 errdetail("%s", cause(check, row)),
			 enabled ?
			 errhint("%s, or set the option \"echo\" to \"allow\".", way_out(check, row)) :
			 errhint("%s.", way_out(check, row))));
}

/* Report the first subscription that what one node writes would go to. */
static void
check_node(const EchoCheck *check)
{
	ListCell   *cell;

	foreach(cell, find_subscriptions(check))
	{
		char	  **row = lfirst(cell);

		if (filters(check, row) && check->tagged)
			continue;
		if (check->foresee || row[ECHO_ENABLED][0] == 't')
			report(check, row);
		break;
	}
}

/*
 * Refuse to submit a merge whose writes would be sent back.  A dry run and a
 * subscription that is not enabled get a warning.
 */
void
steep_merge_foresee_echo(Session *session, List *pairs, bool dry_run)
{
	for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
	{
		EchoCheck	check = {
			.session = session,
			.pairs = pairs,
			.publisher = site,
			.tagged = steep_session_value(session, steep_echo_may_tag_sql(site), NULL)[0] == 't',
			.foresee = true,
			.dry_run = dry_run
		};

		check_node(&check);
	}
}

/*
 * Refuse to apply a merge whose writes would be sent back, given whether they
 * are tagged on either node.
 */
void
steep_merge_refuse_echo(Session *session, List *pairs, bool tagged_here,
						bool tagged_there)
{
	for (Site site = SITE_LOCAL; site <= SITE_PEER; site++)
	{
		EchoCheck	check = {
			.session = session,
			.pairs = pairs,
			.publisher = site,
			.tagged = site == SITE_LOCAL ? tagged_here : tagged_there
		};

		check_node(&check);
	}
}
