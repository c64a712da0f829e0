# Two nodes that both have rows, and both are written to, become one pair that
# follows each other: what either has committed is on both, and stays so.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => <<'EOC');
max_logical_replication_workers = 8
wal_retrieve_retry_interval = 500ms
wal_receiver_status_interval = 1s
restart_after_crash = on
EOC
my @nodes = ($target, $source);
register_pair($target, $source);

# The way back: the source reaches the target by its own entry.
sql($source, sprintf <<'EOC', $target->port, secret());
SET log_statement = 'none';
CREATE SERVER to_target FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres');
CREATE USER MAPPING FOR PUBLIC SERVER to_target OPTIONS (user 'admin', password '%s');
SELECT NULL FROM steep_repl.register_node('target', 'the other', p_server => 'to_target');
EOC
both(@nodes, 'CREATE TABLE t (id int PRIMARY KEY, x text); CREATE TABLE log (node text, id serial, x text, PRIMARY KEY (node, id))');

if (older_release(@nodes) < 160000)
{
	like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'bidirectional-merge')}),
		qr/method "bidirectional-merge" needs PostgreSQL 16 or later on both nodes.*HINT:/s, 'refused before 16');
	done_testing();
	exit;
}

my $before = state_of(@nodes);

# Rows 1-1000 here, 501-1500 there, of which 100 are in conflict.
sub diverge
{
	both(@nodes, 'TRUNCATE t, log');
	sql($target, q{INSERT INTO t SELECT i, CASE WHEN i % 5 = 0 THEN 'target' ELSE 'same' END FROM generate_series(1, 1000) i});
	sql($source, q{INSERT INTO t SELECT i, CASE WHEN i % 5 = 0 THEN 'source' ELSE 'same' END FROM generate_series(501, 1500) i});
	return;
}

# Each node writes rows of its own, changes rows that only it changes, and some
# that both do, and logs what it has done.
sub start_writing
{
	my ($shared) = @_;

	return map {
		my $name = $_->name;
		my ($own, $odd) = $name eq 'a' ? (100000, 0) : (200000, 1);

		start_load($_, <<"EOC", options => [ '-R', 200 ]);
\\set new random(1, 10000)
\\set id random(21, 1500)
\\set few random(1, 19)
BEGIN;
INSERT INTO log (node, x) VALUES ('$name', ':new');
UPDATE t SET x = '$name :new' WHERE id = :id AND id % 2 = $odd;
UPDATE t SET x = '$name :new' WHERE id = :few AND $shared;
INSERT INTO t VALUES ($own + :new, '$name') ON CONFLICT DO NOTHING;
DELETE FROM t WHERE id = $own + :new - 1;
COMMIT;
EOC
	} @nodes;
}

# Wait until each node has all that the other has written.
sub settle
{
	wait_applied($target, $source);
	wait_applied($source, $target, 'steep_repl_target_back');
	return;
}

sub are_equal
{
	my ($name) = @_;

	settle();
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_equal_table(@nodes, 'public.t', ['id'], "$name: t is the same on both nodes");
	is_equal_table(@nodes, 'public.log', [ 'node', 'id' ], "$name: so is what they have logged");
	return;
}

sub objects
{
	return join ' ', map { sql($_, <<'EOC') } @nodes;
SELECT concat_ws(' ', (SELECT string_agg(subname, ',' ORDER BY 1) FROM pg_subscription),
	(SELECT string_agg(slot_name, ',' ORDER BY 1) FROM pg_replication_slots), (SELECT string_agg(pubname, ',' ORDER BY 1) FROM pg_publication))
EOC
}

# Have a node whose subscriptions are gone initialised anew.
sub reset_node
{
	sql($target, q{SELECT NULL FROM steep_repl.unregister_node('target'); SELECT NULL FROM steep_repl.register_node('target', 'copy')});
	return;
}

# An init that is cancelled, and all that it has made removed.
sub remove
{
	my ($name) = @_;

	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(wait_for_init($target), 'uninitialized', "$name: cancelled");
	return is(objects(), ' ', "$name: nothing is left of it");
}

# Each phase can be cancelled.
diverge();
foreach my $kind (qw(publish_back merge await_merge subscribe_back catchup_both settle))
{
	my $point = hold_point($target, "begin $kind");

	start_init($target, 'bidirectional-merge');
	$point->wait_reached;
	remove("at $kind");
	$point->release;
}

# Workers and nodes that die: the snapshots are lost, and slots made anew; later
# it goes on where it was.
diverge();
my $point = hold_point($target, 'begin merge');
is(start_init($target, 'bidirectional-merge', '{"strategy": "prefer-local"}'), 'preparing', 'an init is submitted');
$point->wait_reached;
kill 'KILL', $point->waiter;
wait_back($target);
$point = hold_point($target, 'begin catchup_both');
$point->wait_reached;
$source->stop('immediate');
$source->start;
$target->stop('immediate');
$target->start;
is(wait_for_init($target), 'synchronized', 'it goes on after both nodes have crashed');
are_equal('after crashes');
is(sql($source, q{SELECT count(*) FROM t WHERE x = 'source' AND id <= 1000}), '0', 'this node was preferred');
sql($target, q{DROP SUBSCRIPTION steep_repl_target; DROP PUBLICATION steep_repl_target_back});
sql($source, q{DROP SUBSCRIPTION steep_repl_target_back; DROP PUBLICATION steep_repl_target});
reset_node();

# What is refused.
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'bidirectional-merge', '{"reverse_node": "nobody"}')}),
	qr/node "nobody" does not exist.*register_node/s, 'a source that does not know this node');
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'bidirectional-merge', '{"strategy": "manual"}')}),
	qr/invalid value of option "strategy".*HINT:/s, 'a strategy that waits for a person');

# Both nodes insert a row of one key before they follow each other.
diverge();
$point = hold_point($target, 'begin subscribe');
start_init($target, 'bidirectional-merge');
$point->wait_reached;
both(@nodes, q{INSERT INTO t VALUES (5000, 'both')});
$point->release;
like(wait_for_init($target), qr/^failed: subscription "\S+" .* cannot apply a change.*HINT:.*same key/s, 'it fails for a key that both have inserted');
sql($target, 'DELETE FROM t WHERE id = 5000');

# Both nodes are written to all the while, and then some rows by both at once.
my @loads = start_writing('true');
foreach my $n (@nodes) { $n->poll_query_until('postgres', 'SELECT count(*) > 20 FROM log') or die 'no load'; }
$point = hold_point($target, 'begin subscribe');
start_init($target, 'bidirectional-merge');
$point->wait_reached;
sql($_, q{UPDATE t SET x = 'at once ' || current_setting('port') WHERE id = 20}) foreach @nodes;
my $settle = hold_point($target, 'begin settle');
$point->release;
$settle->wait_reached;
is(sql($target, 'SELECT x FROM t WHERE id = 20'), 'at once ' . $source->port, 'nodes that change a row at once swap the changes');
my @done = map { $_->stop } @loads;
@loads = start_writing('false');
$settle->release;
is(wait_for_init($target), 'synchronized', 'it comes to its end while both nodes are written to');
$done[$_] += $loads[$_]->stop foreach 0, 1;
are_equal('under load');
cmp_ok(sql($_->[0], "SELECT count(*) FROM log WHERE node = '$_->[1]'"), '>=', $_->[2], "under load: what $_->[1] has committed is on " . $_->[0]->name)
  foreach [ $target, 'b', $done[1] ], [ $source, 'a', $done[0] ];
is(sql($source, 'SELECT count(*) FROM t WHERE id = 5000'), '1', 'a row of the source alone is on both');

# From then on changes go both ways, and not back.
sql($target, q{INSERT INTO t VALUES (6000, 'there'); UPDATE t SET x = 'there' WHERE id = 1; DELETE FROM t WHERE id = 2});
sql($source, q{INSERT INTO t VALUES (7000, 'here'); UPDATE t SET x = 'here' WHERE id = 3; DELETE FROM t WHERE id = 4});
are_equal('afterwards');
is(sql($_, q{SELECT sum(apply_error_count) FROM pg_stat_subscription_stats}), '0', $_->name . ' has failed to apply nothing') foreach @nodes;
is(sql($target, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'nothing is left over');
done_testing();
