/*-------------------------------------------------------------------------
 *
 * merge_guard.c
 *		Keep others off the tables of a merge, and check that they are as planned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "base/sqltext.h"
#include "ops/merge_write.h"

static const Statement recorded_statements = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "read the planned statements",
	.text = "SELECT string_agg(statement, E'\\n' ORDER BY seq)\n"
	"FROM steep_repl.merge_statements\n"
	"WHERE merge_id = $1 AND table_name = $2 AND phase = 'apply'",
	.nparams = 2,
	.params = {"text", "text"},
};

/* Keep other merges off a table on one node. */
static void
exclude(Apply *apply, Site site, const char *table)
{
	const Statement *statement = steep_merge_exclude_sql(site);

	if (site == SITE_LOCAL)
		(void) steep_local_row(statement, &table, NIL);
	else
		(void) steep_peer_row(apply->session->peer, statement, &table);
}

/*
 * Keep other merges off the tables, on the node with the lower system
 * identifier (of two databases of one server: the lower name; of a server and
 * its copy: the one that was started) first, so that two merges from both ends
 * do not deadlock.
 */
void
steep_merge_exclude_others(Apply *apply)
{
	uint64		here = strtoull(apply->session->here->identifier, NULL, 10);
	uint64		there = strtoull(apply->session->there->identifier, NULL, 10);
	int			order = strcmp(apply->session->here->database,
							   apply->session->there->database);
	bool		ours = here != there ? here < there : order != 0 ? order < 0 :
		strcmp(apply->session->here->started,
			   apply->session->there->started) < 0;
	Site		first = ours ? SITE_LOCAL : SITE_PEER;
	ListCell   *cell;

	for (int i = 0; i < 2; i++)
	{
		Site		site = i == 0 ? first :
			(first == SITE_LOCAL ? SITE_PEER : SITE_LOCAL);

		foreach(cell, apply->pairs)
			exclude(apply, site, steep_merge_table(lfirst(cell)));
	}
}

/* Hold both nodes' tables still while their shape is checked and used. */
static void
lock_tables(Apply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);

		(void) steep_local_none(steep_merge_guard_sql(SITE_LOCAL, pair), NULL, NIL);
		steep_peer_none(apply->session->peer,
						steep_merge_guard_sql(SITE_PEER, pair), NULL);
	}
}

/* Refuse to apply a plan to tables of another shape than planned. */
static void
check_shape(Apply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->pairs)
	{
		TablePair  *pair = lfirst(cell);
		const char *values[] = {apply->merge->id, steep_merge_table(pair)};
		char	  **planned = steep_merge_ask(&recorded_statements, values);
		List	   *texts = NIL;
		ListCell   *statement;

		foreach(statement, steep_merge_statements(pair, apply->here, apply->there))
			texts = lappend(texts, unconstify(char *, ((Statement *) lfirst(statement))->text));
		if (planned == NULL || planned[0] == NULL ||
			strcmp(planned[0], steep_sql_join(texts, "\n")) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" has changed since the merge was planned",
							steep_merge_table(pair)),
					 errdetail("Its columns, keys or constraints are others now; nothing was written."),
					 errhint("Start a new merge.")));
	}
}

/* Lock both nodes' tables, then read what they and their constraints are. */
void
steep_merge_guard_tables(Apply *apply)
{
	lock_tables(apply);
	/* our snapshot is older than the lock that we may have waited for */
	PushActiveSnapshot(GetLatestSnapshot());
	apply->pairs = steep_merge_pairs(apply->session, apply->merge, apply->table);
	apply->here = steep_merge_constraints(apply->session, SITE_LOCAL, apply->pairs);
	apply->there = steep_merge_constraints(apply->session, SITE_PEER, apply->pairs);
	check_shape(apply);
	PopActiveSnapshot();
}
