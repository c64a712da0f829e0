/*-------------------------------------------------------------------------
 *
 * client_target.c
 *		The tables that a snapshot on this program's disk is loaded into.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client_apply.h"

/* Columns of a look at a table. */
enum
{
	TARGET_RELID,
	TARGET_SHOWN,
	TARGET_COLUMNS,
	TARGET_IS_TABLE,
	TARGET_INSERT,
	TARGET_SELECT,
	TARGET_POLICIES,
	TARGET_TRIGGERS,
	TARGET_MISFIT
};

/*
 * $1 is a table's schema, $2 its name, $3 and $4 are the columns that the
 * snapshot has and their types.
 */
static const char look_at_table[] =
"SELECT c.oid, format('%I.%I', n.nspname, c.relname), w.columns, c.relkind = 'r',"
" has_table_privilege(c.oid, 'INSERT') OR w.may_insert, has_table_privilege(c.oid, 'SELECT'),"
" row_security_active(c.oid),"
" EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')),"
" w.misfit"
" FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
" CROSS JOIN LATERAL"
"  (SELECT coalesce(string_agg(quote_ident(w.name), ', ' ORDER BY w.n), '') AS columns,"
"   coalesce(bool_and(a.attnum IS NOT NULL AND has_column_privilege(c.oid, a.attnum, 'INSERT')), false) AS may_insert,"
"   string_agg(format('%I %s', w.name, w.type), ', ' ORDER BY w.n)"
"    FILTER (WHERE format_type(a.atttypid, a.atttypmod) IS DISTINCT FROM w.type OR a.attgenerated <> '') AS misfit"
"   FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS w(name, type, n)"
"   LEFT JOIN pg_attribute AS a"
"   ON a.attrelid = c.oid AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped) AS w"
" WHERE n.nspname = $1 AND c.relname = $2";

/* How many tables $1 reference one another, at most, until each is reached. */
static const char list_depths[] =
"WITH RECURSIVE r(relid, depth) AS"
" (SELECT unnest($1::oid[]), 0"
"  UNION"
"  SELECT k.conrelid, r.depth + 1 FROM r"
"  JOIN pg_constraint AS k ON k.confrelid = r.relid AND k.contype = 'f' AND k.conrelid <> k.confrelid"
"  WHERE r.depth < 100)"
" SELECT relid, max(depth) FROM r GROUP BY relid";

/*
 * $3 and $4 are how far a sequence of the snapshot is.  One that has given
 * none yet is set to that, others move only on.  $5 lists the tables that are
 * loaded, or is null.
 */
static const char set_sequence[] =
"SELECT CASE WHEN NOT (has_sequence_privilege(c.oid, 'UPDATE') AND has_sequence_privilege(c.oid, 'SELECT, USAGE'))"
" THEN -1"
" WHEN pg_sequence_last_value(c.oid) IS NULL"
"  OR ($3::numeric - pg_sequence_last_value(c.oid)) * sign(s.seqincrement) > 0"
" THEN setval(c.oid, $3::bigint, $4::boolean) * 0 ELSE 0 END"
" FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
" JOIN pg_sequence AS s ON s.seqrelid = c.oid"
" WHERE n.nspname = $1 AND c.relname = $2"
" AND ($5::oid[] IS NULL OR NOT EXISTS"
"  (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
"   AND d.deptype IN ('a', 'i') AND d.refobjid <> ALL ($5)))";

/* Is a table of the manifest among those that were named? */
static bool
is_wanted(const ManifestTable *table, const char *name, const Arguments *arguments)
{
	size_t		schema = strlen(table->schema);
	bool		any = false;

	for (int i = 0; i < arguments->noptions; i++)
	{
		const char *value = arguments->options[i].value;

		if (strcmp(arguments->options[i].option->name, "table") != 0)
			continue;
		any = true;
		if (strcmp(value, name) == 0 ||
			(strncmp(value, table->schema, schema) == 0 && strcmp(value + schema, ".*") == 0))
			return true;
	}
	return !any;
}

/* Choose the tables of the manifest to load, and list their files. */
void
steep_client_choose(Apply *apply, const Arguments *arguments)
{
	const Manifest *manifest = apply->manifest;

	apply->chosen = steep_arguments_has(arguments, "table");
	apply->tables = steep_text_memory((manifest->ntables + 1) * sizeof(ApplyTable));
	apply->files = steep_text_memory((manifest->total.chunks + 1) * sizeof(ApplyFile));
	for (size_t i = 0; i < manifest->ntables; i++)
	{
		const ManifestTable *described = &manifest->tables[i];
		Text		name = {0};

		steep_text_format(&name, "%s.%s", described->schema, described->name);
		if (!is_wanted(described, name.data, arguments))
			continue;
		apply->tables[apply->count].described = described;
		apply->tables[apply->count].name = name.data;
		for (size_t j = 0; j < described->nchunks; j++)
		{
			apply->files[apply->nfiles].table = apply->count;
			apply->files[apply->nfiles++].chunk = &described->chunks[j];
		}
		apply->count++;
	}
	if (apply->count == 0 && apply->chosen)
		steep_complain_fail(CODE_GENERAL, "Name tables as manifest.json does: schema.table, or schema.*.",
							"the snapshot has none of these tables");
}

static const char *
column_array(const ManifestTable *table, bool types)
{
	const char **texts = steep_text_memory((table->ncolumns + 1) * sizeof(char *));

	for (size_t i = 0; i < table->ncolumns; i++)
		texts[i] = types ? table->columns[i].type : table->columns[i].name;
	return steep_text_array((int) table->ncolumns, texts);
}

/* See whether a table exists, and rows can be loaded into it. */
static void
look_at(Apply *apply, ApplyTable *table)
{
	const char *values[] = {
		table->described->schema, table->described->name,
		column_array(table->described, false), column_array(table->described, true)
	};
	PGresult   *row = steep_query_run(apply->session, look_at_table, 4, values);

	if (PQntuples(row) == 0)
		return;
	table->relid = PQgetvalue(row, 0, TARGET_RELID);
	table->shown = PQgetvalue(row, 0, TARGET_SHOWN);
	table->columns = PQgetvalue(row, 0, TARGET_COLUMNS);
	table->may_read = PQgetvalue(row, 0, TARGET_SELECT)[0] == 't';
	table->triggers = PQgetvalue(row, 0, TARGET_TRIGGERS)[0] == 't';
	if (PQgetvalue(row, 0, TARGET_IS_TABLE)[0] != 't')
		steep_complain_fail(CODE_GENERAL, "Rename or drop it, or name other tables with --table.",
							"\"%s\" exists and is not a table", table->name);
	if (!PQgetisnull(row, 0, TARGET_MISFIT))
		steep_complain_fail(CODE_GENERAL, "Alter the table, or drop it and have it created.",
							"table \"%s\" exists and does not fit the snapshot: it lacks %s",
							table->name, PQgetvalue(row, 0, TARGET_MISFIT));
	if (PQgetvalue(row, 0, TARGET_INSERT)[0] != 't')
		steep_complain_fail(CODE_GENERAL, "GRANT INSERT on the table, and USAGE on its schema.",
							"permission denied for table \"%s\"", table->name);
	if (PQgetvalue(row, 0, TARGET_POLICIES)[0] == 't')
		steep_complain_fail(CODE_GENERAL, "Connect as the table's owner or as a role with BYPASSRLS.",
							"row level security decides which rows of table \"%s\" are loaded", table->name);
}

/* Look at all tables: either all exist, or none does. */
void
steep_client_look(Apply *apply)
{
	const ApplyTable *missing = NULL;
	int			found = 0;

	for (int i = 0; i < apply->count; i++)
	{
		look_at(apply, &apply->tables[i]);
		if (apply->tables[i].relid)
			found++;
		else if (missing == NULL)
			missing = &apply->tables[i];
	}
	if (missing && (found > 0 || apply->chosen || apply->created))
		steep_complain_fail(CODE_GENERAL,
							"Create it, or choose with --table: the schema of a snapshot is created as a whole or not at all.",
							"table \"%s\" does not exist", missing->name);
	apply->created = missing != NULL;
}

/* Load tables before those that reference them. */
static void
read_depths(Apply *apply)
{
	Text		relids = {0};
	const char *values[1];
	PGresult   *rows;

	for (int i = 0; i < apply->count; i++)
		steep_text_format(&relids, "%s%s", i > 0 ? "," : "{", apply->tables[i].relid);
	steep_text_append(&relids, apply->count > 0 ? "}" : "{}");
	values[0] = relids.data;
	rows = steep_query_run(apply->session, list_depths, 1, values);
	for (int row = 0; row < PQntuples(rows); row++)
	{
		for (int i = 0; i < apply->count; i++)
		{
			if (strcmp(apply->tables[i].relid, PQgetvalue(rows, row, 0)) == 0)
				apply->tables[i].depth = (int) steep_client_number(rows, row, 1);
		}
	}
}

/* Refuse tables that have rows, unless these are to be added to. */
void
steep_client_check_targets(Apply *apply)
{
	bool		triggers = false;

	for (int i = 0; i < apply->count; i++)
	{
		ApplyTable *table = &apply->tables[i];
		Text		query = {0};

		triggers |= table->triggers;
		if (!table->may_read)
		{
			steep_complain_warn("GRANT SELECT on the table to have its rows compared.",
								"cannot see what is in table \"%s\"", table->name);
			continue;
		}
		steep_text_format(&query, "SELECT EXISTS (SELECT FROM ONLY %s)", table->shown);
		table->occupied = steep_client_value(apply->session, query.data, 0, NULL)[0] == 't';
		if (table->occupied && !apply->force)
			steep_complain_fail(CODE_GENERAL, "Empty it, name other tables with --table, or add to its rows with --force.",
								"table \"%s\" has rows", table->name);
	}
	if (!triggers)
		return;
	apply->parallel = 1;		/* others would not see the parents of rows */
	read_depths(apply);
	if (!apply->session->quiet)
		steep_complain_warn(NULL,
							"triggers and foreign keys fire as rows are loaded, over one connection");
}

/* Move the sequences on to where those of the snapshot are. */
void
steep_client_sequences(Apply *apply)
{
	Text		relids = {0};

	for (int i = 0; i < apply->count && apply->chosen; i++)
		steep_text_format(&relids, "%s%s", i > 0 ? "," : "{", apply->tables[i].relid);
	if (apply->chosen)
		steep_text_append(&relids, "}");
	for (size_t i = 0; i < apply->manifest->nsequences; i++)
	{
		const ManifestSequence *sequence = &apply->manifest->sequences[i];
		char		value[32];
		const char *values[] = {
			sequence->schema, sequence->name, value,
			sequence->is_called ? "true" : "false", relids.data
		};
		const char *answer;

		snprintf(value, sizeof(value), "%lld", (long long) sequence->last_value);
		answer = steep_client_value(apply->session, set_sequence, 5, values);
		if (answer && strcmp(answer, "-1") == 0)
			steep_complain_warn("GRANT SELECT, USAGE and UPDATE on the sequence, or set it by hand.",
								"sequence \"%s.%s\" stays where it is", sequence->schema, sequence->name);
	}
}
