-- Comparing tables: the statements, the images of rows, and what is refused.
-- The peer is another database of this server.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;
CREATE DATABASE overlap_peer TEMPLATE template0;
CREATE DATABASE overlap_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
SELECT split_part(current_setting('unix_socket_directories'), ',', 1) AS host,
	current_setting('port') AS port \gset
CREATE SERVER overlap_peer FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host :'host', port :'port', dbname 'overlap_peer');
CREATE SERVER overlap_latin FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host :'host', port :'port', dbname 'overlap_latin');
CREATE SERVER overlap_closed FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x');
CREATE SERVER overlap_no_mapping FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN DATA WRAPPER overlap_wrapper;
CREATE SERVER overlap_other FOREIGN DATA WRAPPER overlap_wrapper;
CREATE USER MAPPING FOR CURRENT_USER SERVER overlap_peer;
CREATE USER MAPPING FOR CURRENT_USER SERVER overlap_latin;
CREATE USER MAPPING FOR CURRENT_USER SERVER overlap_closed;
CREATE ROLE overlap_reader LOGIN;
GRANT USAGE ON SCHEMA steep_repl TO overlap_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO overlap_reader;

-- An error as state, message, detail and hint.
CREATE FUNCTION failure(query text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION overlap_failure(tables text, keys text DEFAULT 'NULL', peer text DEFAULT 'overlap_peer',
	OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE sql AS $$
	SELECT * FROM failure(format('SELECT * FROM steep_repl.analyze_overlap(%L, %s, %s)', peer, tables, keys))
$$;
CREATE TABLE only_here (id int PRIMARY KEY);
CREATE TABLE differ (id int PRIMARY KEY, a int, b varchar(3), c int, "D d" text);
CREATE TABLE kind (id int PRIMARY KEY);
CREATE TABLE no_key (id int, v int);
INSERT INTO no_key VALUES (1, 1), (1, 2), (2, 3), (NULL, 4);
CREATE SCHEMA "S 1";
CREATE TABLE "S 1"."T 1" ("C 1" int, "a$1b" text, "$2" text, "select" text, ","")""" text, "It's" text, "back\slash" text,
	PRIMARY KEY ("$2", "C 1"));
CREATE TABLE fit (id int PRIMARY KEY, a int, b int);
\c overlap_peer
SET client_min_messages = warning;
CREATE EXTENSION steep_repl CASCADE;
CREATE TABLE differ (id int PRIMARY KEY, a int8, b varchar(3), e int, "D d" varchar(9));
CREATE VIEW kind AS SELECT 1 AS id;
CREATE TABLE no_key (id int, v int);
INSERT INTO no_key VALUES (1, 1);
CREATE SCHEMA "S 1";
CREATE TABLE "S 1"."T 1" ("C 1" int, "a$1b" text, "$2" text, "select" text, ","")""" text, "It's" text, "back\slash" text,
	PRIMARY KEY ("$2", "C 1"));
CREATE TABLE fit (id int PRIMARY KEY, a int, b int);
\c steep_repl_test
SET client_min_messages = warning;

-- the statements
\pset format unaligned
\pset tuples_only on
SELECT seq, runs_on, purpose, E'\n' || statement FROM steep_repl.overlap_sql('overlap_peer', '"S 1"."T 1"') WHERE seq > 3;
SELECT E'\n' || statement FROM steep_repl.overlap_sql('overlap_peer', 'fit', ARRAY['b', 'a']) WHERE purpose ~ '^(digest|read keys)';
\pset tuples_only off
\pset format aligned

-- images
\pset null '(null)'
CREATE TYPE row_type AS ("a ""b" text, c text, d int);
SELECT r, steep_repl.row_image(ARRAY['a "b', 'c', 'd'], r::text) AS image,
	steep_repl.image_record(ARRAY['a "b', 'c', 'd'], steep_repl.row_image(ARRAY['a "b', 'c', 'd'], r::text))::row_type IS NOT DISTINCT FROM r AS same
FROM (VALUES
	(ROW('', NULL, 1)::row_type), (ROW(NULL, NULL, NULL)::row_type), (ROW('a,b', '("', 2)::row_type),
	(ROW(E'\\', E'\\"\n\t', 3)::row_type), (ROW('NULL', ' ', NULL)::row_type), (ROW('{"x":1}', '''', 4)::row_type)) AS v(r);
SELECT steep_repl.changed_columns(ARRAY['a', 'b', 'c'], ROW(1, NULL, '')::text, ROW(1, '', NULL)::text),
	steep_repl.changed_columns(ARRAY['a', 'b'], '(1,2)', '(1,2)'),
	steep_repl.changed_columns(ARRAY['a', 'b'], '(1,2)', NULL);
SELECT state, message, detail FROM failure($$SELECT steep_repl.row_image(ARRAY['a'], '(1,2)')$$);
SELECT r, f.state FROM unnest('{"","(","(1","1)","(\"1)","(1,2,3)","(1,2)x","(1,2\\"}'::text[]) AS r,
	failure(format('SELECT steep_repl.row_image(ARRAY[''a'', ''b''], %L)', r)) AS f;
SELECT state, message FROM failure($$SELECT steep_repl.row_image(ARRAY['a', NULL], '(1,2)')$$);
SELECT state, message, hint FROM failure($$SELECT steep_repl.image_record(ARRAY['a'], '{"a": 1}')$$);
SELECT state, message FROM failure($$SELECT steep_repl.image_record(ARRAY['a'], '[1]')$$);

-- what a peer may be called
\pset format unaligned
\x on
SELECT f.* FROM unnest(ARRAY[
	'', '  ', 'nowhere', 'host=x nonsense=1', 'host=x password=canary admin', 'password=''canary',
	'postgresql://u:canary@h:port/d', 'postgres://u:can@ary@h/d', 'overlap_other', 'overlap_closed']) AS peer, overlap_failure('ARRAY[''fit'']', 'NULL', peer) AS f;
SELECT * FROM failure('SELECT * FROM steep_repl.analyze_overlap(NULL, ARRAY[''fit''])');

SELECT state FROM overlap_failure('ARRAY[''fit'']', 'NULL', 'overlap_no_mapping');
SELECT state, message, hint FROM overlap_failure('ARRAY[''fit'']', 'NULL', 'overlap_latin');

-- which tables
SELECT tables, f.* FROM unnest(ARRAY[
	'NULL', '''{}''', 'ARRAY[''fit'', NULL]', 'ARRAY[''missing'']', 'ARRAY[''a.b.c.d'']', 'ARRAY[''""'']', 'ARRAY[''fit; x'']',
	'ARRAY[''only_here'']', 'ARRAY[''kind'']', 'ARRAY[''missing.*'']', 'ARRAY[''a.b.*'']', 'ARRAY[''publication:missing'']',
	'ARRAY[''pg_class'']', 'ARRAY[''pg_catalog.*'']', 'ARRAY[''information_schema.sql_features'']',
	'ARRAY[''steep_repl.merge_audit_log'']', 'ARRAY[''pg_stat_activity'']']) AS tables, overlap_failure(tables) AS f;
CREATE TEMPORARY TABLE passing (id int PRIMARY KEY);
CREATE VIEW seen AS SELECT 1 AS id;
CREATE FOREIGN TABLE far (id int) SERVER overlap_peer;
SELECT message FROM unnest('{passing,seen,far}'::text[]) AS t, overlap_failure(format('ARRAY[%L]', t));
SELECT * FROM failure($$SELECT * FROM steep_repl.diff('overlap_peer', 'public.*')$$);
SELECT state, message FROM failure($$SELECT * FROM steep_repl.diff('overlap_peer', NULL)$$);
SELECT state, message FROM failure($$SELECT * FROM steep_repl.diff('overlap_peer', 'fit', NULL, -1)$$);

-- whether they fit
SELECT * FROM overlap_failure('ARRAY[''differ'']');
SELECT * FROM overlap_failure('ARRAY[''no_key'']');
SELECT * FROM overlap_failure('ARRAY[''no_key'']', '''{"no_key": ["id"]}''');
DELETE FROM no_key WHERE id IS NULL;
SELECT * FROM overlap_failure('ARRAY[''no_key'']', '''{"no_key": ["id"]}''');
SELECT keys, f.* FROM unnest(ARRAY[
	'[]', '1', '"fit"', '{"fit": "id"}', '{"fit": []}', '{"fit": null}', '{"fit": [1]}', '{"fit": [["id"]]}',
	'{"fit": {"id": ["a"]}}', '{"other": ["id"]}', '{"fit": ["missing"]}', '{"fit": ["a"], "public.fit": ["b"]}']) AS keys,
	overlap_failure('ARRAY[''fit'']', quote_literal(keys)) AS f;

-- privileges
SET ROLE overlap_reader;
SELECT * FROM overlap_failure('ARRAY[''fit'']');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER overlap_peer TO overlap_reader;
SELECT format('CREATE USER MAPPING FOR overlap_reader SERVER overlap_peer OPTIONS (user %L, password_required ''false'')', 'overlap_reader') \gexec
SET ROLE overlap_reader;
SELECT * FROM overlap_failure('ARRAY[''fit'']');
RESET ROLE;
GRANT SELECT ON fit TO overlap_reader;
SET ROLE overlap_reader;
SELECT state FROM overlap_failure('ARRAY[''fit'']');
RESET ROLE;
\x off
\pset format aligned

-- transactions that only read
INSERT INTO fit VALUES (1, 1, 1);
ALTER DATABASE overlap_peer SET default_transaction_read_only = on;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT * FROM steep_repl.analyze_overlap('overlap_peer', ARRAY['fit', 'public.fit']);
SELECT * FROM steep_repl.analyze_overlap(format('host=%s port=%s dbname=overlap_peer', :'host', :'port'), ARRAY['fit']);
SELECT * FROM steep_repl.diff('overlap_peer', 'fit');
COMMIT;
SELECT state, message, detail FROM failure($$SELECT steep_repl.assert_in_sync('overlap_peer', ARRAY['fit'])$$);
DELETE FROM fit;
SELECT steep_repl.assert_in_sync('overlap_peer', ARRAY['fit']);

DROP FOREIGN TABLE far;
DROP OWNED BY overlap_reader;
DROP ROLE overlap_reader;
DROP SERVER overlap_peer CASCADE;
DROP SERVER overlap_latin CASCADE;
DROP SERVER overlap_closed CASCADE;
DROP SERVER overlap_no_mapping;
DROP FOREIGN DATA WRAPPER overlap_wrapper CASCADE;
DROP DATABASE overlap_peer;
DROP DATABASE overlap_latin;
