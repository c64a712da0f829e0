# Whatever a role plants in its schema, in pg_temp or in search_path, compare
# of rows and of schemas and the functions for nodes never run it.
use SteepTest;

my ($node, $peer) = start_pair();

# For every function and operator of the server, one that leaves a trace in
# the log, which a read-only transaction cannot prevent; and tables and types
# with the names of the server's.
my $plants = <<'EOC';
CREATE ROLE mallory LOGIN;
GRANT CREATE ON DATABASE postgres TO mallory;
SET ROLE mallory;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
DO $do$
DECLARE
	plant record;
BEGIN
	FOR plant IN
		SELECT format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$BEGIN RAISE LOG ''canary %s''; RETURN NULL; END$f$',
			proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), proname) AS sql
		FROM pg_proc p
		WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset
			AND prorettype NOT IN (SELECT oid FROM pg_type WHERE typtype = 'p' AND typname <> 'record')
			AND NOT EXISTS (SELECT FROM unnest(proargtypes) a JOIN pg_type t ON t.oid = a WHERE typtype = 'p')
		UNION ALL
		SELECT format('CREATE FUNCTION evil.%I("any") RETURNS bigint LANGUAGE internal AS ''canary''', 'count')
		UNION ALL
		SELECT format('CREATE FUNCTION evil.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$BEGIN RAISE LOG ''canary operator''; RETURN NULL; END$f$;'
			'CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.op%s)',
			o.oid, l, r, oprresult::regtype, oprname, l, r, o.oid)
		FROM pg_operator o, format_type(oprleft, NULL) l, format_type(oprright, NULL) r
		WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' AND oprcode <> 0
			AND 'p' NOT IN (SELECT typtype FROM pg_type t WHERE t.oid IN (oprleft, oprright, oprresult))
		UNION ALL
		SELECT format('CREATE TABLE evil.%I (canary text)', relname) FROM pg_class
		WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
		UNION ALL
		SELECT format('CREATE DOMAIN evil.%I AS pg_catalog.text CHECK (evil.version() IS NULL)', typname) FROM pg_type t
		WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typcategory <> 'A'
	LOOP
		BEGIN
			EXECUTE plant.sql;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
END $do$;

-- Types of the role's own, with casts that an operator could go through.
SET search_path = pg_catalog;
CREATE TYPE evil.pair AS (x int, y text);
CREATE TYPE evil.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION evil.pair_text(evil.pair) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN 'x'; END$$;
CREATE FUNCTION evil.text_pair(text) RETURNS evil.pair LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN (1, 'x'); END$$;
CREATE FUNCTION evil.pair_json(evil.pair) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN '1'; END$$;
CREATE FUNCTION evil.pairs_text(evil.pair[]) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN 'x'; END$$;
CREATE FUNCTION evil.text_pairs(text) RETURNS evil.pair[] LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN '{}'; END$$;
CREATE FUNCTION evil.mood_text(evil.mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN 'x'; END$$;
CREATE FUNCTION evil.mood_json(evil.mood) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary cast'; RETURN '1'; END$$;
CREATE CAST (evil.pair AS text) WITH FUNCTION evil.pair_text AS ASSIGNMENT;
CREATE CAST (text AS evil.pair) WITH FUNCTION evil.text_pair AS ASSIGNMENT;
CREATE CAST (evil.pair AS json) WITH FUNCTION evil.pair_json;
CREATE CAST (evil.pair[] AS text) WITH FUNCTION evil.pairs_text AS ASSIGNMENT;
CREATE CAST (text AS evil.pair[]) WITH FUNCTION evil.text_pairs AS ASSIGNMENT;
CREATE CAST (evil.mood AS text) WITH FUNCTION evil.mood_text AS ASSIGNMENT;
CREATE CAST (evil.mood AS json) WITH FUNCTION evil.mood_json;
CREATE FUNCTION evil.checked(int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary domain'; RETURN true; END$$;
CREATE DOMAIN evil.number AS int;
CREATE TABLE evil.target (
	a evil.pair, b evil.pair[], c evil.mood, d evil.number, e text, f int, "now()" text,
	PRIMARY KEY (a, b, c, d, e));
INSERT INTO evil.target VALUES
	('(1,a)', '{"(1,a)"}', 'sad', 1, 'x', 1), ('(1,b)', '{}', 'sad', 2, 'x', 1), ('(1,c)', '{}', 'ok', 3, 'x', 1);
ALTER DOMAIN evil.number ADD CHECK (evil.checked(VALUE)) NOT VALID;
CREATE TABLE evil.grouped (a int, b text, c evil.number);
INSERT INTO evil.grouped SELECT i, i, NULL FROM generate_series(1, 100) i;
GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC;
EOC
sql($node, $plants);
sql($peer, "$plants UPDATE evil.target SET f = 2 WHERE d = 1; DELETE FROM evil.target WHERE d = 2");
sql($peer, 'UPDATE evil.grouped SET b = NULL WHERE a = 7');
cmp_ok(sql($node, q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'evil'::regnamespace}),
	'>', 2000, 'much is planted');
sql($_, 'SET log_statement = none; SET search_path = evil, pg_catalog; SELECT lower($$canary?$$::pg_catalog.text)')
  foreach $node, $peer;
is(traces($node) > 0 && traces($peer) > 0, 1, 'what is planted leaves a trace');

# How many traces there are in the logs.
sub traces
{
	return scalar(() = map { slurp_file($_->logfile) =~ /LOG:  canary /g } @_);
}

# Everything is called by the superuser, under the role's search_path.
sub is_safe
{
	my ($name, $setup, $notice) = @_;
	my $before = traces($node, $peer);
	my $connection = quote(conninfo($peer));
	my $keys = q{'{"evil.grouped": ["a"]}'};
	my ($rc, $out, $err) = $node->psql('postgres', $setup . <<"EOC", on_error_stop => 1);
SELECT o.* FROM steep_repl.analyze_overlap($connection, ARRAY['evil.target', 'evil.grouped'], $keys) AS o;
SELECT d.key, d.category, d.changed_columns FROM steep_repl.diff($connection, 'evil.target') AS d;
SELECT d.key, d.category, d.changed_columns FROM steep_repl.diff($connection, 'evil.grouped', ARRAY['a']) AS d;
SELECT steep_repl.assert_in_sync($connection, ARRAY['steep.empty']);
SELECT n.node_id, n.host FROM steep_repl.register_node('a', 'A') AS n;
SELECT n.node_id, n.server FROM steep_repl.register_node('b', 'B', p_server => 'peer_server') AS n;
SELECT n.node_id, n.priority FROM steep_repl.register_node('b', 'B', '127.0.0.1', 5432, 7, 'peer_server') AS n;
SELECT c.node_id, c.is_standby FROM steep_repl.check_node('b') AS c;
SELECT d.object, d.difference FROM steep_repl.schema_diff($connection, 'evil.grouped') AS d;
\\o /dev/null
SELECT steep_repl.compute_fingerprint('evil', 'target');
SELECT steep_repl.capture_all_fingerprints('a');
SELECT steep_repl.capture_all_fingerprints('b');
SELECT * FROM steep_repl.compare_fingerprints('a', 'b');
\\o
SELECT steep_repl.heartbeat('a');
SELECT n.node_id, n.status, n.is_healthy FROM steep_repl.node_status() AS n;
SELECT steep_repl.unregister_node('b');
SELECT steep_repl.unregister_node('a');
SELECT a.target, a.success FROM steep_repl.audit_log AS a;
SELECT steep_repl.prune_audit_log('0');
TRUNCATE steep_repl.audit_log;
SELECT h.background_worker_running FROM steep_repl.health() AS h;
\\o /dev/null
SELECT * FROM steep_repl.overlap_sql($connection, 'evil.target');
EOC

	is($rc, 0, "$name: calls succeed");
	like($err, $notice, "$name: nothing unusual is said");
	is($out, <<'EOC' =~ s/\n$//r, "$name: the answers are right");
evil.target|1|0|1|1
evil.grouped|0|0|99|1
{"a": "(1,a)", "b": "{\"(1,a)\"}", "c": "sad", "d": "1", "e": "x"}|conflict|{f}
{"a": "(1,b)", "b": "{}", "c": "sad", "d": "2", "e": "x"}|local_only|
{"a": "7"}|conflict|{b}

a|
b|peer_server
b|7
b|f
index "planted"|missing on peer

a|active|t
b|active|t


a|t
b|t
b|t
b|t
a|t
5
t
EOC
	is(traces($node, $peer) - $before, 0, "$name: nothing planted has run");
	return;
}

sql($node, <<"EOC");
SET log_statement = none;
CREATE SERVER peer_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '@{[$peer->port]}', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer_server OPTIONS (user 'admin', password '@{[secret()]}');
EOC
sql($node, 'CREATE INDEX planted ON evil.grouped (a)');
sql($_, 'CREATE SCHEMA steep; CREATE TABLE steep.empty (id int PRIMARY KEY)') foreach $node, $peer;
is_safe('plain', '', qr/^$/);
is_safe('search_path of the session', 'SET search_path = evil, pg_catalog;', qr/^$/);
sql($node, "ALTER ROLE postgres SET search_path = evil, pg_catalog");
sql($peer, "ALTER ROLE admin SET search_path = evil, pg_catalog");
is_safe('search_path of the roles', '', qr/^$/);
is_safe('pg_temp', <<'EOC', qr/^$/);
SET search_path = pg_temp, evil, pg_catalog;
CREATE TEMPORARY TABLE pg_class (LIKE pg_catalog.pg_class);
CREATE TEMPORARY TABLE pg_type (LIKE pg_catalog.pg_type);
CREATE TEMPORARY TABLE pg_extension (LIKE pg_catalog.pg_extension);
CREATE TEMPORARY TABLE local_leaves (canary pg_catalog.int4);
CREATE TEMPORARY TABLE peer_leaves (canary pg_catalog.int4);
CREATE TEMPORARY TABLE local_keys (canary pg_catalog.int4);
CREATE TEMPORARY TABLE peer_keys (canary pg_catalog.int4);
CREATE TEMPORARY TABLE differences (canary pg_catalog.int4);
CREATE TEMPORARY TABLE local_rows (canary pg_catalog.int4);
CREATE TEMPORARY TABLE peer_rows (canary pg_catalog.int4);
CREATE TEMPORARY TABLE local_fingerprints (canary pg_catalog.int4);
CREATE TEMPORARY TABLE peer_fingerprints (canary pg_catalog.int4);
CREATE DOMAIN pg_temp.int8 AS pg_catalog.text;
EOC

# A schema of our name on a peer without the extension is not ours.
sql($peer, <<'EOC');
SET search_path = pg_catalog;
DROP EXTENSION steep_repl;
SET ROLE mallory;
CREATE SCHEMA steep_repl;
GRANT USAGE ON SCHEMA steep_repl TO PUBLIC;
CREATE FUNCTION steep_repl.digest_version() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary digest'; RETURN 1; END$$;
CREATE FUNCTION steep_repl.row_digest(VARIADIC text[]) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary digest'; END$$;
CREATE FUNCTION steep_repl.in_leaves(bytea, VARIADIC text[]) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary digest'; END$$;
CREATE FUNCTION steep_repl.digest_leaves(int, int, VARIADIC text[]) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'canary digest'; END$$;
EOC
is_safe('a planted extension', '', qr/NOTICE:  peer ".*" is digested in stock SQL/);

done_testing();
