# Nodes are reached as they are registered, alive as long as their hearts beat,
# and what is done to them and to merges is written down, but no password.
use SteepTest;

use IO::Socket::INET;
use Time::HiRes qw(time);

# Superusers have a password file.
my $passfile = PostgreSQL::Test::Utils::tempdir() . '/passfile';
append_to_file($passfile, "127.0.0.1:*:*:admin:${\secret()}\n");
chmod 0600, $passfile;
$ENV{PGPASSFILE} = $passfile;
my ($node, $peer) = start_pair(conf => "track_commit_timestamp = on\n");
delete $ENV{PGPASSFILE};
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
my $before = state_of($node, $peer);
my %port = (there => $peer->port, here => $node->port, down => 1, silent => $silent->sockport);

sub node_status
{
	my ($id) = @_;

	return sql($node, "SELECT concat_ws(' ', status, is_healthy) FROM steep_repl.node_status('$id')");
}

# By host, to the same database and as the same role, from the password file.
sql_as($node, 'admin', "SELECT steep_repl.register_node('$_', 'Node $_', '127.0.0.1', $port{$_})") foreach keys %port;
sql_as($node, 'admin', q{SELECT steep_repl.register_node('me', 'This one')});
is(node_status('there'), 'unknown f', 'it is not known how a new node is');
is( sql_as($node, 'admin', q{SELECT node_id, database, server_version, has_extension, is_standby, round_trip < '1 min' FROM steep_repl.check_node('there')}),
	'there|postgres|' . sql($peer, 'SHOW server_version_num') . '|t|f|t', 'a node is reached by its host');
is(node_status('there'), 'active t', 'and is alive then');
is( sql_as($node, 'admin', q{SELECT node_id, server_version, has_extension FROM steep_repl.check_node('me')}),
	'me|' . sql($node, 'SHOW server_version_num') . '|t', 'this node needs no connection');

# What cannot be reached, and who may not.
my $started = time;
like(error_of($node, q{SELECT steep_repl.check_node('down')}, 'admin'),
	qr/could not connect to peer "down \(dbname=postgres host=127.0.0.1 port=1\)"\nDETAIL:.*Connection refused.*\nHINT:/s, 'a node that is down');
like(error_of($node, q{SELECT steep_repl.check_node('here')}, 'admin'),
	qr/peer "here \(dbname=postgres host=127.0.0.1 port=\d+\)" is this very database\nHINT:/, 'a node that is this one');
like(error_of($node, q{SET steep_repl.connect_timeout = '2s'; SELECT steep_repl.check_node('silent')}, 'admin'),
	qr/could not connect to peer .*\nDETAIL:.*timeout expired/, 'a node that says nothing');
cmp_ok(time - $started, '<', 15, 'all that in seconds');
like(error_of($node, q{SELECT steep_repl.check_node('there')}, 'merger'), qr/password/, 'the password file is not for all');
is(node_status($_), 'unknown f', "nothing is known of the node $_") foreach qw(down here silent);
is_unleaked($before, 'no connection and no server is left', qr/track_commit/);

# By server, with the password of its user mapping.
sql($node, <<"EOC");
SET log_statement = 'none';
CREATE SERVER peer_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '$port{there}', dbname 'postgres');
CREATE USER MAPPING FOR merger SERVER peer_server OPTIONS (user 'merger', password '${\secret()}');
GRANT USAGE ON FOREIGN SERVER peer_server TO merger;
EOC
sql_as($node, 'merger', q{SELECT steep_repl.register_node('served', 'By server', p_server => 'peer_server')});
is(sql_as($node, 'merger', q{SELECT node_id, has_extension FROM steep_repl.check_node('served')}), 'served|t', 'a node is reached by its server');
like(error_of($node, q{SELECT steep_repl.unregister_node('there')}, 'merger'), qr/permission denied/, "the recommended role removes no other's node");

# The heartbeat of this node keeps itself, while nothing happens.
is(node_status('me'), 'active t', 'this node is alive');
my $seen = sql($node, q{SELECT last_seen FROM steep_repl.node_status('me')});
$node->poll_query_until('postgres', "SELECT last_seen > '$seen' FROM steep_repl.node_status('me')") or die 'no heartbeat';
is(sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'steep%' AND datname IS NOT NULL}), '0', 'and nothing is connected for that');

# Merges.
both($node, $peer, q{CREATE TABLE t (id int PRIMARY KEY, x text); GRANT ALL ON t TO merger});
sql($node, q{INSERT INTO t SELECT i, 'here' FROM generate_series(1, 5) i});
my ($merged, $undone, $planned, $cancelled, $failed);
$merged = sql_as($node, 'admin', "SET log_statement = 'none'; SELECT merge_id FROM " . start_call($peer, ['t']));
wait_for_merge($node, $merged);
$undone = sql_as($node, 'admin', "SET log_statement = 'none'; SELECT merge_id FROM steep_repl.revert_merge('$merged', " . quote(conninfo($peer)) . ')');
wait_for_merge($node, $undone);
$planned = submit_merge($node, $peer, ['t'], role => 'merger', peer => 'peer_server', dry_run => 1);
wait_for_merge($node, $planned);
sql_as($node, 'merger', "SELECT steep_repl.apply_merge('$planned')");
wait_for_merge($node, $planned);
sql($node, q{INSERT INTO t VALUES (6, 'here')});
my $point = hold_point($node, 'begin plan');
$cancelled = submit_merge($node, $peer, ['t'], role => 'merger', peer => 'peer_server');
$point->wait_reached;
sql($node, "SELECT steep_repl.cancel_operation('$cancelled')");
$point->release;
wait_for_merge($node, $cancelled);
$failed = submit_merge($node, $peer, ['t'], role => 'merger', peer => 'peer_server', options => '{"max_changes": 0}');
wait_for_merge($node, $failed);

my %name = ($merged => 'merged', $undone => 'undone', $planned => 'planned', $cancelled => 'cancelled', $failed => 'failed');
my $audit = sql($node, <<'EOC');
SELECT actor, action, target, success, new_value ->> 'status',
	nullif(concat_ws(' ', new_value ->> 'tables', new_value ->> 'strategy', new_value ->> 'dry_run', new_value ->> 'reverts'), ''),
	new_value ->> 'error'
FROM steep_repl.audit_log WHERE action LIKE 'merge.%' ORDER BY id
EOC
$audit =~ s/\b$_\b/$name{$_}/g foreach keys %name;
is($audit, <<'EOC' =~ s/\n$//r, 'merges are written down');
admin@127.0.0.1|merge.start|merged|t||["public.t"] prefer-local false|
admin|merge.end|merged|t|complete||
admin@127.0.0.1|merge.revert|undone|t||["public.t"] revert false merged|
admin|merge.end|undone|t|complete||
merger@127.0.0.1|merge.start|planned|t||["public.t"] prefer-local true|
merger|merge.end|planned|t|complete||
merger@127.0.0.1|merge.apply|planned|t||["public.t"] prefer-local false|
merger|merge.end|planned|t|complete||
merger@127.0.0.1|merge.start|cancelled|t||["public.t"] prefer-local false|
postgres@local|merge.cancel|cancelled|t|||
merger|merge.end|cancelled|f|cancelled||
merger@127.0.0.1|merge.start|failed|t||["public.t"] prefer-local false|
merger|merge.end|failed|f|failed||merge would change 1 rows
EOC
is(sql($node, q{SELECT string_agg(DISTINCT actor || ' ' || action, ', ') FROM steep_repl.audit_log WHERE action LIKE 'node.%'}),
	'admin@127.0.0.1 node.register, merger@127.0.0.1 node.register', 'and so are nodes');
is_deeply([ places_of(secret(), $node, $peer) ], [], 'without a password');

# A copy of this server, as after a failover, is another node.
$node->backup('copy');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'copy');
$copy->start;
sql_as($node, 'admin', "SELECT steep_repl.register_node('copy', 'Copy', '127.0.0.1', ${\$copy->port})");
is(sql_as($node, 'admin', q{SELECT node_id, has_extension FROM steep_repl.check_node('copy')}), 'copy|t', 'a copy is reached');
sql($copy, q{UPDATE t SET x = 'there' WHERE id < 3});
is(run_merge($node, $copy, ['t'], strategy => 'prefer-remote')->{status}, 'complete', 'a copy is merged with');
is_equal_table($node, $copy, 'public.t', ['id'], 'a copy is as this node');
$copy->stop;

# Returns the state, the worker, and whether health() answers within 100 ms:
# the median of nine calls.
sub health
{
	sql($node, <<'EOC');
CREATE TEMPORARY TABLE times (ms float8);
DO $$
DECLARE
	started timestamptz;
BEGIN
	FOR i IN 1 .. 9 LOOP
		started := clock_timestamp();
		PERFORM * FROM steep_repl.health();
		INSERT INTO times SELECT 1000 * extract(epoch FROM clock_timestamp() - started);
	END LOOP;
END $$;
SELECT h.status, h.background_worker_running, h.shared_memory_available, h.active_operations,
	left(h.last_error, 32), t.median < 100 OR t.median::text::bool
FROM steep_repl.health() h, (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS median FROM times) t
EOC
}

# A long history of jobs and of failures.
sql($node, <<'EOC');
INSERT INTO steep_repl.work_queue (operation, status, owner, owner_name, completed_at, error_message)
SELECT 'test', CASE i % 5 WHEN 0 THEN 'failed' ELSE 'complete' END, 10, 'postgres', now() - interval '2 days', 'old'
FROM generate_series(1, 100000) i;
EOC
is(health(), 'degraded|t|t|0|bidirectional_merge: merge would|t', 'health when a job has failed');

# The nodes are in a dump, and no heart beats without the library.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'dumped');
sql($node, 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-f', $dump, 'restored' ], 'restored');
my $nodes = q{SELECT string_agg(n::text, ' ' ORDER BY node_id) FROM steep_repl.nodes n};
is(sql($node, $nodes, 'restored'), sql($node, $nodes), 'the nodes are there');
is(sql($node, 'SELECT count(*) FROM steep_repl.audit_log', 'restored'), '0', 'and nothing of what went on');
sql($node, 'DROP DATABASE restored');

$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
sql($node, 'UPDATE steep_repl.nodes SET last_seen = NULL');
is(node_status('me'), 'unknown f', 'without the worker nobody knows whether this node is alive');
sql($node, q{SELECT steep_repl.heartbeat('me')});
is(node_status('me'), 'active t', 'unless he is told');
sql($node, q{UPDATE steep_repl.nodes SET last_seen = now() - interval '1 minute' WHERE node_id = 'me'});
is(node_status('me'), 'degraded f', 'for a while');
is(health(), 'unhealthy|f|f|0|bidirectional_merge: merge would|t', 'health without the library');
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'steep_repl'});
$node->restart;
$node->poll_query_until('postgres', q{SELECT is_healthy FROM steep_repl.node_status('me')}) or die 'no heartbeat';
is(node_status('me'), 'active t', 'the worker is back');

# A worker that stands still is none.  It takes 30 seconds to be sure of that.
if ($ENV{STEEP_SWEEP})
{
	my $launcher = sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'steep_repl launcher'});

	kill STOP => $launcher;
	$node->poll_query_until('postgres', q{SELECT NOT is_healthy FROM steep_repl.node_status('me')}) or die 'still healthy';
	is(health(), 'unhealthy|f|t|0|bidirectional_merge: merge would|t', 'health when the worker stands still');
	kill CONT => $launcher;
	$node->poll_query_until('postgres', q{SELECT is_healthy FROM steep_repl.node_status('me')}) or die 'no heartbeat';
	like(health(), qr/^degraded\|t/, 'health when it goes on');
}
done_testing();
