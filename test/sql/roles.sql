-- Who may do what: each function and each table of the schema by role, and what
-- the functions that look at ownership say of what is not the caller's.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;

-- The operator has what the README recommends, the admin is a member of the
-- extension's owner, and the others have no more than what they are.
CREATE ROLE roles_nobody;
CREATE ROLE roles_monitor IN ROLE pg_monitor;
CREATE ROLE roles_operator;
CREATE ROLE roles_replication REPLICATION;
CREATE ROLE roles_reader IN ROLE pg_read_server_files;
CREATE ROLE roles_writer IN ROLE pg_write_server_files;
CREATE ROLE roles_admin;
CREATE ROLE roles_superuser SUPERUSER;
DO $$ BEGIN EXECUTE format('GRANT %I TO roles_admin', current_user); END $$;
GRANT USAGE ON SCHEMA steep_repl TO roles_operator;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO roles_operator;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO roles_operator;
GRANT SET ON PARAMETER session_replication_role TO roles_operator;

CREATE TABLE roles (role name, place int);
INSERT INTO roles
SELECT * FROM unnest('{nobody,monitor,operator,replication,reader,writer,admin,superuser}'::name[]) WITH ORDINALITY;

-- Privileges on the schema, on its tables and sequences or any of their
-- columns, as psql abbreviates them.
SELECT c.relname AS relation, r.role, r.place, string_agg(p.letter, '' ORDER BY p.place) AS privileges
FROM (SELECT 'schema' AS relname, NULL::oid AS oid, 'n' AS relkind
		UNION ALL
		SELECT relname, oid, relkind FROM pg_class
		WHERE relnamespace = 'steep_repl'::regnamespace AND relkind NOT IN ('i', 'I', 't', 'c')) c
	CROSS JOIN roles r
	LEFT JOIN (VALUES (1, 'r', 'SELECT'), (2, 'a', 'INSERT'), (3, 'w', 'UPDATE'), (4, 'd', 'DELETE'),
			(5, 'D', 'TRUNCATE'), (6, 'x', 'REFERENCES'), (7, 't', 'TRIGGER'),
			(8, 'U', 'USAGE'), (9, 'C', 'CREATE')) p (place, letter, privilege)
		ON CASE
			WHEN c.relkind = 'n' THEN
				CASE WHEN letter IN ('U', 'C')
					THEN has_schema_privilege('roles_' || r.role, 'steep_repl', p.privilege) END
			WHEN c.relkind = 'S' THEN
				CASE WHEN letter IN ('r', 'w', 'U')
					THEN has_sequence_privilege('roles_' || r.role, c.oid, p.privilege) END
			WHEN letter IN ('d', 'D', 't') THEN has_table_privilege('roles_' || r.role, c.oid, p.privilege)
			WHEN letter NOT IN ('U', 'C') THEN has_any_column_privilege('roles_' || r.role, c.oid, p.privilege)
		END
GROUP BY c.relkind, c.relname, r.role, r.place
ORDER BY c.relkind, c.relname COLLATE "C", r.place
\crosstabview relation role privileges place

-- EXECUTE on the functions; a new one changes this.
SELECT p.oid::regprocedure AS function, r.role, r.place,
	CASE WHEN has_function_privilege('roles_' || r.role, p.oid, 'EXECUTE') THEN 'X' END AS execute
FROM pg_proc p CROSS JOIN roles r
WHERE p.pronamespace = 'steep_repl'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C", r.place
\crosstabview function role execute place

-- Tries a call as a role and undoes it; returns the value, '-' for none, or
-- the SQLSTATE.
CREATE FUNCTION try(p_role name, p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', 'roles_' || p_role);
	EXECUTE p_call INTO result;
	RAISE EXCEPTION USING ERRCODE = 'TRIED', MESSAGE = coalesce(result, '-');
EXCEPTION
	WHEN SQLSTATE 'TRIED' THEN
		RETURN SQLERRM;
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END $$;

-- EXECUTE on the functions that do the book-keeping gives nobody the tables:
-- called with nulls, they run with the rights of their caller, but for those
-- of merge_markers, which look at who has logged in.
SELECT p.oid::regprocedure AS function, r.role, r.place,
	try(r.role, format('SELECT FROM steep_repl.%I(%s)', p.proname,
		(SELECT string_agg(format('NULL::%s', a.type::regtype), ', ' ORDER BY a.place)
		 FROM unnest(p.proargtypes) WITH ORDINALITY a (type, place)))) AS result
FROM pg_proc p CROSS JOIN roles r
WHERE p.pronamespace = 'steep_repl'::regnamespace
	AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql')
	AND r.role IN ('operator', 'superuser')
ORDER BY p.oid::regprocedure::text COLLATE "C", r.place
\crosstabview function role result place

-- A merge that has failed, one that is to run, one whose conflicts wait, and
-- what a peer has done for others: of the operator, of another role and of a
-- superuser.
CREATE ROLE roles_other;
CREATE TABLE owners (owner text, id oid, place int);
INSERT INTO owners
SELECT owner, ('roles_' || owner)::regrole, place
FROM unnest('{operator,other,superuser}'::text[]) WITH ORDINALITY AS o (owner, place);
DELETE FROM steep_repl.work_queue;
BEGIN;
INSERT INTO steep_repl.merge_audit_log
	(merge_id, status, tables, strategy, dry_run, peer, requested_by, owner, server, private_server)
SELECT concat(owner, '-', status), status, '{public.t}', 'prefer-local', false, 'b', 'roles_' || owner, id, 'b', false
FROM owners, unnest('{failed,pending,needs_resolution}'::text[]) AS status;
INSERT INTO steep_repl.merge_tables (merge_id, seq, table_name, strategy, key_columns, columns)
SELECT merge_id, 1, 'public.t', strategy, '{id}', '{id}' FROM steep_repl.merge_audit_log WHERE server = 'b';
INSERT INTO steep_repl.merge_statements (merge_id, table_name, seq, phase, runs_on, purpose, statement)
SELECT merge_id, 'public.t', 1, 'apply', 'local', 'test', 'SELECT 1'
FROM steep_repl.merge_audit_log WHERE server = 'b';
INSERT INTO steep_repl.merge_rows
	(table_id, seq, round, key, category, resolution, state, local_image, local_digest)
SELECT t.id, 1, 1, '{"id": "1"}', 'local_only', 'local', 'planned', '(1)', '\x01'
FROM steep_repl.merge_tables t JOIN steep_repl.merge_audit_log m USING (merge_id) WHERE m.server = 'b';
INSERT INTO steep_repl.work_queue
	(operation, merge_id, status, owner, owner_name, next_attempt_at, completed_at, error_sqlstate, error_message)
SELECT 'merge', merge_id, status, owner, requested_by, now() + interval '1 hour',
	CASE status WHEN 'failed' THEN now() - CASE owner WHEN 'roles_operator'::regrole THEN interval '1 minute' ELSE '1 hour' END END,
	CASE status WHEN 'failed' THEN '23505' END, CASE status WHEN 'failed' THEN 'a secret' END
FROM steep_repl.merge_audit_log WHERE server = 'b' AND status <> 'needs_resolution'
ORDER BY merge_id;
INSERT INTO steep_repl.merge_markers (merge_id, batch, claimed_by, result)
SELECT concat(owner, '-', status), 1, 'roles_' || owner,
	CASE status WHEN 'claimed' THEN NULL ELSE '{}'::jsonb END
FROM owners, unnest('{claimed,finished}'::text[]) AS status;
COMMIT;

CREATE VIEW calls AS
	SELECT c.place, o.place AS of_place, c.function, coalesce(o.owner, '') AS of, format(c.call, o.owner) AS call
	FROM (VALUES
		(1, 'list_operations', true,
			'SELECT concat_ws('' '', status, error_message) FROM steep_repl.list_operations() WHERE external_id = ''%s-failed'''),
		(2, 'cancel_operation', true, 'SELECT steep_repl.cancel_operation(''%s-pending'')'),
		(3, 'wait_merge', true, 'SELECT status FROM steep_repl.wait_merge(''%s-failed'')'),
		(4, 'merge_summary', true, 'SELECT state FROM steep_repl.merge_summary(''%s-failed'')'),
		(5, 'merge_sql', true, 'SELECT statement FROM steep_repl.merge_sql(''%s-failed'')'),
		(6, 'merge_progress', true, 'SELECT concat_ws('' '', phase, error) FROM steep_repl.merge_progress(''%s-failed'')'),
		(7, 'merge_progress, all', false, 'SELECT count(*) FROM steep_repl.merge_progress()'),
		(8, 'prune_work_queue', false, 'SELECT steep_repl.prune_work_queue(''0'')'),
		(9, 'claim_batch', true, 'SELECT steep_repl.claim_batch(''%s-claimed'', 1)'),
		(10, 'finish_batch', true, 'SELECT steep_repl.finish_batch(''%s-claimed'', 1, ''{}'')'),
		(11, 'batch_result', true, 'SELECT steep_repl.batch_result(''%s-finished'', 1)'),
		(12, 'merge_conflicts', true, 'SELECT count(*) FROM steep_repl.merge_conflicts(''%s-failed'')'),
		(13, 'resolve_conflict', true, 'SELECT steep_repl.resolve_conflict(''%s-failed'', ''public.t'', ''{"id": 1}'', ''skip'')'),
		(14, 'apply_merge', true, 'SELECT steep_repl.apply_merge(''%s-failed'')'),
		(15, 'revert_merge', true, 'SELECT steep_repl.revert_merge(''%s-failed'')'),
		(16, 'prune_merges', false, 'SELECT steep_repl.prune_merges(''0'')'),
		(17, 'health', false, 'SELECT last_error FROM steep_repl.health()'),
		(18, 'leftovers', false, 'SELECT count(*) FROM steep_repl.leftovers()'),
		(19, 'node_status', false, 'SELECT count(*) FROM steep_repl.node_status()'),
		(20, 'prune_audit_log', false, 'SELECT steep_repl.prune_audit_log(''100 years'')'),
		(21, 'cancel, waiting', true, 'SELECT steep_repl.cancel_operation(''%s-needs_resolution'')')
		) c (place, function, owned, call)
	LEFT JOIN owners o ON c.owned;

-- As they are.
SELECT concat_ws(' of ', c.function, nullif(c.of, '')) AS call, r.role, r.place, try(r.role, c.call) AS result
FROM calls c CROSS JOIN roles r
ORDER BY c.place, c.of_place, r.place
\crosstabview call role result place

-- If all could execute them.
GRANT USAGE ON SCHEMA steep_repl TO roles_nobody, roles_monitor, roles_replication, roles_reader, roles_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl
	TO roles_nobody, roles_monitor, roles_replication, roles_reader, roles_writer;
SELECT concat_ws(' of ', c.function, nullif(c.of, '')) AS call, r.role, r.place, try(r.role, c.call) AS result
FROM calls c CROSS JOIN roles r
ORDER BY c.place, c.of_place, r.place
\crosstabview call role result place

-- All was undone.
SELECT merge_id, status FROM steep_repl.work_queue ORDER BY merge_id;

DELETE FROM steep_repl.work_queue;
DELETE FROM steep_repl.merge_audit_log WHERE server = 'b';
DELETE FROM steep_repl.merge_markers WHERE claimed_by LIKE 'roles\_%';
DROP VIEW calls;
DROP TABLE owners, roles;
DROP FUNCTION try;
DROP OWNED BY roles_nobody, roles_monitor, roles_operator, roles_replication, roles_reader, roles_writer;
DROP ROLE roles_nobody, roles_monitor, roles_operator, roles_replication, roles_reader, roles_writer,
	roles_admin, roles_superuser, roles_other;
