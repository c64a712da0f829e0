-- Nodes are registered, changed and forgotten by who may; what is wrong with
-- one is said at once, and no connection string gets into a row.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;
CREATE ROLE nodes_alice;
CREATE ROLE nodes_bob;
GRANT USAGE ON SCHEMA steep_repl TO nodes_alice, nodes_bob;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO nodes_alice, nodes_bob;
CREATE SERVER "S ""1" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'b');
GRANT USAGE ON FOREIGN SERVER "S ""1" TO nodes_alice;
CREATE FOREIGN DATA WRAPPER nodes_wrapper;
CREATE SERVER nodes_other FOREIGN DATA WRAPPER nodes_wrapper;
GRANT USAGE ON FOREIGN SERVER nodes_other TO nodes_alice;
CREATE FUNCTION nodes_error(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE 'SELECT steep_repl.' || p_call;
	RETURN p_call || ': no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', p_call, concat('    ', SQLSTATE, ' ', message),
		'    DETAIL: ' || nullif(detail, ''), '    HINT: ' || nullif(hint, ''));
END $$;

-- Sees the node b as if its last heartbeat was so long ago.
CREATE FUNCTION nodes_aged(p_age interval) RETURNS TABLE (status text, is_healthy boolean) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE steep_repl.nodes SET last_seen = clock_timestamp() - p_age WHERE node_id = 'b';
	RETURN QUERY SELECT s.status, s.is_healthy FROM steep_repl.node_status('b') s;
END $$;
SET SESSION AUTHORIZATION nodes_alice;

-- This node, one that has a host, one that has a server.
SELECT node_id, node_name, host, port, priority, server, status, last_seen, init_state, registered_by
FROM steep_repl.register_node('a', 'Node A');
SELECT host, port, priority FROM steep_repl.register_node('b', 'Node B', '10.0.0.2', 5433, 100);
SELECT host, port, server FROM steep_repl.register_node('c "%n', 'Node É', p_server => 'S "1');

-- Registered again, it is changed: what is not given becomes the default.
SELECT node_name, host, port, priority FROM steep_repl.register_node('b', 'B', '/run/postgresql');
SELECT host, port FROM steep_repl.register_node('b', 'B', 'fe80::1%eth0', p_port => 65535);

-- What is no node.
\pset format unaligned
\pset tuples_only on
SELECT nodes_error(call) FROM (VALUES
	(1, $$register_node(NULL, 'x')$$),
	(2, $$register_node('', 'x')$$),
	(3, $$register_node(E' \t', 'x')$$),
	(4, $$register_node(repeat('é', 64), 'x')$$),
	(5, $$register_node('x', NULL)$$),
	(6, $$register_node('x', '')$$),
	(7, $$register_node('x', repeat('x', 256))$$),
	(8, $$register_node('x', 'x', '')$$),
	(9, $$register_node('x', 'x', repeat('x', 256))$$),
	(10, $$register_node('x', 'x', 'host=b password=secret')$$),
	(11, $$register_node('x', 'x', 'postgresql://b')$$),
	(12, $$register_node('x', 'x', 'admin:secret@b')$$),
	(13, $$register_node('x', 'x', 'b', 0)$$),
	(14, $$register_node('x', 'x', 'b', 65536)$$),
	(15, $$register_node('x', 'x', 'b', NULL)$$),
	(16, $$register_node('x', 'x', 'b', p_priority => 0)$$),
	(17, $$register_node('x', 'x', 'b', p_priority => 101)$$),
	(18, $$register_node('x', 'x', p_server => '')$$),
	(19, $$register_node('x', 'x', p_server => 'nowhere')$$),
	(20, $$register_node('x', 'x', p_server => 'host=b password=secret')$$),
	(21, $$register_node('x', 'x', p_server => 'nodes_other')$$),
	(22, $$register_node('x', 'x')$$),
	(23, $$unregister_node('x')$$),
	(24, $$unregister_node(NULL)$$)
	) c (place, call) ORDER BY place;
\pset tuples_only off
\pset format aligned

-- Another role neither changes nor removes it, nor uses the server.
SET SESSION AUTHORIZATION nodes_bob;
SELECT steep_repl.register_node('b', 'B', 'evil');
SELECT steep_repl.unregister_node('b');
SELECT steep_repl.register_node('d', 'D', p_server => 'S "1');
RESET SESSION AUTHORIZATION;
GRANT nodes_alice TO nodes_bob;
SET SESSION AUTHORIZATION nodes_bob;
SELECT host FROM steep_repl.register_node('b', 'B', 'b');
RESET SESSION AUTHORIZATION;
SELECT node_id, host, registered_by FROM steep_repl.nodes ORDER BY node_id;

-- A role that is no more: then only an admin does.
CREATE ROLE nodes_gone;
GRANT USAGE ON SCHEMA steep_repl TO nodes_gone;
GRANT EXECUTE ON FUNCTION steep_repl.register_node TO nodes_gone;
SET SESSION AUTHORIZATION nodes_gone;
SELECT node_id FROM steep_repl.register_node('g', 'G', 'g');
RESET SESSION AUTHORIZATION;
DROP OWNED BY nodes_gone;
DROP ROLE nodes_gone;
SET SESSION AUTHORIZATION nodes_alice;
SELECT steep_repl.unregister_node('g');
RESET SESSION AUTHORIZATION;
SELECT steep_repl.unregister_node('g');

-- A heartbeat is good for a while. That of this node keeps itself, if
-- anybody registers it: the others are what they were told to be.
SELECT nodes_error(call) FROM (VALUES
	(1, $$heartbeat('x')$$),
	(2, $$heartbeat('')$$),
	(3, $$heartbeat(NULL)$$),
	(4, $$node_status('x')$$),
	(5, $$node_status('')$$)
	) c (place, call) ORDER BY place;
SET SESSION AUTHORIZATION nodes_bob;
SELECT steep_repl.heartbeat('b');
SELECT node_id, node_name, status, clock_timestamp() - last_seen < '30 s' AS seen, is_healthy FROM steep_repl.node_status();
SELECT status, is_healthy FROM steep_repl.node_status('b');
RESET SESSION AUTHORIZATION;
SELECT status, last_seen IS NOT NULL AS seen FROM steep_repl.nodes WHERE node_id = 'b';
SELECT age, (SELECT concat_ws(' ', status, is_healthy) FROM nodes_aged(age))
FROM unnest('{29 s,31 s,4 min,6 min,59 min,61 min}'::interval[]) WITH ORDINALITY AS u (age, place) ORDER BY place;

-- What was done, by whom; nobody else sees it.
SELECT steep_repl.unregister_node(node_id) FROM steep_repl.nodes ORDER BY node_id;
SELECT * FROM steep_repl.nodes;
SELECT actor, action, target, old_value, new_value, success
FROM steep_repl.audit_log WHERE action LIKE 'node.%' AND target IN ('b', 'g') ORDER BY id;
SELECT count(*) AS secrets FROM steep_repl.audit_log a WHERE a::text LIKE '%secret%';
SET SESSION AUTHORIZATION nodes_alice;
SELECT * FROM steep_repl.audit_log;
SELECT steep_repl.prune_audit_log('0');
RESET SESSION AUTHORIZATION;
SELECT steep_repl.prune_audit_log('1 day');
SELECT steep_repl.prune_audit_log('0') > 0 AS pruned;
SELECT actor, action, target, old_value, new_value - 'rows' AS new_value, success FROM steep_repl.audit_log;

DROP FUNCTION nodes_error, nodes_aged;
DROP SERVER "S ""1";
DROP SERVER nodes_other;
DROP FOREIGN DATA WRAPPER nodes_wrapper;
DROP OWNED BY nodes_alice, nodes_bob;
DROP ROLE nodes_alice, nodes_bob;
