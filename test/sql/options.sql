-- The options of start_merge: what is refused before a peer is asked, and that
-- all the rest is understood.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;

-- What start_merge answers, as state, message, detail and hint.  An answer
-- about the peer, which has no name, means that the options are fine.
CREATE FUNCTION pg_temp.answer(options text, strategy text DEFAULT 'prefer-local',
	OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM steep_repl.start_merge(NULL, ARRAY['t'], strategy, false, options::jsonb);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
-- A condition as an option.
CREATE FUNCTION pg_temp.condition(text) RETURNS text LANGUAGE sql
RETURN jsonb_build_object('where', jsonb_build_object('t', $1));
\pset format unaligned
\pset tuples_only on
\pset null '(null)'

-- understood
SELECT o, a.message FROM unnest(ARRAY[
	NULL, '{}', '{"primary_keys": {}}', '{"primary_keys": {"t": ["a", "b"], "s.t": ["c"]}}',
	'{"strategies": {"t": "manual", "u": "last-modified", "v": "prefer-node-b"}}',
	'{"modified_column": "at"}', '{"modified_column": {"t": "at"}}',
	'{"tie": "local"}', '{"tie": "remote"}', '{"tie": "manual"}',
	'{"atomicity": "merge"}', '{"atomicity": "batch"}',
	'{"batch_size": 1}', '{"batch_size": 100000}', '{"lock_timeout_ms": 0}', '{"lock_timeout_ms": 86400000}',
	'{"fire_triggers": true}', '{"sequences": false}',
	'{"actions": ["insert"]}', '{"actions": ["update"]}', '{"actions": ["update", "insert"]}',
	'{"direction": "both"}', '{"direction": "to-local"}', '{"direction": "to-remote"}',
	'{"where": {}}', '{"exclude": {"t": ["a", "a"]}}',
	'{"max_changes": 0}', '{"max_changes": 9223372036854775807}', '{"max_changes": 1e6}',
	'{"max_change_percent": 0}', '{"max_change_percent": 0.5}', '{"max_change_percent": 100}',
	'{"echo": "refuse"}', '{"echo": "allow"}',
	'{"await_replication": true}', '{"local_snapshot": "00000003-0000001B-1", "peer_snapshot": "00000003-0000001C-1"}',
	'{"tie": "manual", "batch_size": 10, "where": {"t": "a > 1"}}']) AS o, pg_temp.answer(o) AS a;

-- refused
SELECT o, a.state, a.message, a.hint FROM unnest(ARRAY[
	'[]', '"x"', '1', 'null', '{"": 1}', '{"Tie": "local"}', '{"tie": "local", "ties": 1}',
	'{"primary_keys": null}', '{"primary_keys": []}', '{"primary_keys": "id"}', '{"primary_keys": {"t": "id"}}', '{"primary_keys": {"t": []}}',
	'{"primary_keys": {"t": [1]}}', '{"primary_keys": {"t": [""]}}', '{"primary_keys": {"t": [["a"]]}}', '{"primary_keys": {"t": {"a": "b"}}}',
	'{"strategies": []}', '{"strategies": "manual"}', '{"strategies": {"t": null}}', '{"strategies": {"t": 1}}', '{"strategies": {"t": ["manual"]}}',
	'{"strategies": {"t": "Manual"}}', '{"strategies": {"t": "manual", "u": "manual "}}',
	'{"modified_column": null}', '{"modified_column": ""}', '{"modified_column": ["at"]}', '{"modified_column": {"t": 1}}', '{"modified_column": {"t": ""}}',
	'{"tie": null}', '{"tie": "both"}', '{"tie": "loca"}', '{"tie": "locale"}', '{"tie": ["local"]}',
	'{"atomicity": "row"}', '{"atomicity": true}',
	'{"batch_size": 0}', '{"batch_size": 100001}', '{"batch_size": "5"}', '{"batch_size": 0.9}', '{"batch_size": 5.0}', '{"batch_size": 1e30}',
	'{"batch_size": null}', '{"batch_size": [1]}',
	'{"lock_timeout_ms": -1}', '{"lock_timeout_ms": 86400001}', '{"lock_timeout_ms": 0.5}',
	'{"fire_triggers": 1}', '{"fire_triggers": "true"}', '{"fire_triggers": null}', '{"sequences": "off"}',
	'{"actions": "insert"}', '{"actions": []}', '{"actions": ["insert", "insert"]}', '{"actions": ["insert", "delete"]}', '{"actions": [["insert"]]}',
	'{"actions": [null]}', '{"actions": {"insert": true}}',
	'{"direction": "local"}', '{"direction": null}',
	'{"where": "a > 1"}', '{"where": {"t": null}}', '{"where": {"t": true}}', '{"where": {"t": ["a > 1"]}}',
	'{"exclude": ["a"]}', '{"exclude": {"t": "a"}}', '{"exclude": {"t": []}}', '{"exclude": {"t": [null]}}',
	'{"max_changes": -1}', '{"max_changes": 1.5}', '{"max_changes": 9223372036854775808}', '{"max_changes": "10"}', '{"max_changes": null}',
	'{"max_change_percent": -0.1}', '{"max_change_percent": 100.1}', '{"max_change_percent": "5"}', '{"max_change_percent": 1e400}',
	'{"echo": "ignore"}', '{"echo": false}',
	'{"local_snapshot": "x", "peer_snapshot": "1"}', '{"local_snapshot": "1"}', '{"peer_snapshot": "1"}']) AS o, pg_temp.answer(o) AS a;
SELECT s, a.message FROM unnest(ARRAY[NULL, '', 'newest', 'prefer-local', 'last-modified', 'manual']) AS s, pg_temp.answer('{}', s) AS a;

-- conditions: one expression, and nothing but
SELECT c, a.message FROM unnest(ARRAY[
	'a > 1', 't.a > 1', 't."A b" IS NULL', 'true', '(a, b) = (1, 2)', 'a IN (1, 2)', 'a = ANY (ARRAY[1, 2])', 'f(a)', 's.f(VARIADIC b)',
	'a OPERATOR(s.=) b', 'b = '')''', 'b = E''it\''s)''', 'b = $$)'' $1$$', 'b = $x$;$x$', 'a > 1 -- )', 'a > 1 /* ) /* ( */ */',
	'CASE WHEN a > 1 THEN b ELSE c END', E'a\n>\n1', '"$1" = 1', 'a$1 = 1', 'b = U&''\0061''', 'b = ''\''']) AS c, pg_temp.answer(pg_temp.condition(c)) AS a;
SELECT c, a.state, a.message, a.detail FROM unnest(ARRAY[
	'', ' ', '--', '/*', 'a >', 'a, b', 'a) OR (b', 'a) UNION SELECT 1 WHERE (true', 'a) GROUP BY (b', 'a); DELETE FROM t WHERE (true',
	'true;', '; true', 'true; SELECT 1', 'a GROUP BY b', 'a ORDER BY b', 'a LIMIT 1', 'a FOR UPDATE', 'a UNION SELECT true', 'SELECT true', 'VALUES (true)',
	'DEFAULT)', 'b = ''', 'b = E''\''', 'b = $$', '"a', ')', '(',
	'EXISTS (SELECT 1)', 'a IN (SELECT 1)', 'a = (SELECT 1)', 'a > 1 AND NOT (ARRAY(SELECT 1))[1] = 2', 'f(ARRAY[a, (SELECT 1)])',
	'CASE WHEN (SELECT true) THEN a END', 'a = $1', 'f($2::int)']) AS c, pg_temp.answer(pg_temp.condition(c)) AS a;
SELECT a.detail, a.hint FROM pg_temp.answer(pg_temp.condition('a, b')) AS a;
SELECT n, a.state, a.message FROM unnest(ARRAY[8192, 8193]) AS n, pg_temp.answer(pg_temp.condition(rpad('a > 1', n))) AS a;

SELECT hint FROM pg_temp.answer(pg_temp.condition(rpad('a > 1', 8193)));

-- the meaning of a quote is that of the statements, not of the session
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT a.message FROM pg_temp.answer('{"where": {"t": "b = ''\\\\'' OR b = ''x''"}}') AS a;
SHOW standard_conforming_strings;
RESET standard_conforming_strings;
RESET escape_string_warning;
