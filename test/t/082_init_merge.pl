# Two nodes that both have rows, and both are written to, become one pair that
# follows each other: what either has committed is on both, and stays so.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => <<'EOC');
max_logical_replication_workers = 8
wal_retrieve_retry_interval = 500ms
wal_receiver_status_interval = 1s
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

# Rows 1-1000 here, 501-1500 there, of which 100 are in conflict.
sql($target, q{INSERT INTO t SELECT i, CASE WHEN i % 5 = 0 THEN 'target' ELSE 'same' END FROM generate_series(1, 1000) i});
sql($source, q{INSERT INTO t SELECT i, CASE WHEN i % 5 = 0 THEN 'source' ELSE 'same' END FROM generate_series(501, 1500) i});
my $before = state_of(@nodes);

# Each node writes rows of its own, changes any that it has, and notes it.
sub start_writing
{
	return map {
		my $name = $_->name;
		my $own = $name eq 'a' ? 100000 : 200000;
		start_load($_, <<"EOC", clients => 2, options => [ '-R', 150 ]);
\\set new random(1, 10000000)
\\set id random(1, 1500)
BEGIN;
INSERT INTO log (node, x) VALUES ('$name', ':new');
UPDATE t SET x = '$name :new' WHERE id = :id AND id % 2 = @{[ $name eq 'a' ? 0 : 1 ]};
UPDATE t SET x = '$name any :new' WHERE id = :id AND id < 20;
INSERT INTO t VALUES ($own + :new, '$name') ON CONFLICT DO NOTHING;
DELETE FROM t WHERE id = $own + :new - 1;
COMMIT;
EOC
	} @nodes;
}

sub are_equal
{
	my ($name) = @_;

	wait_applied($target, $source);
	wait_applied($source, $target, 'steep_repl_target_back');
	wait_applied($target, $source);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_equal_table(@nodes, "public.$_", $_ eq 't' ? ['id'] : [ 'node', 'id' ], "$name: $_ is the same on both nodes")
	  foreach qw(t log);
}

my @loads = start_writing();
is(start_init($target, 'bidirectional-merge'), 'preparing', 'an init is submitted');
is(wait_for_init($target), 'synchronized', 'it comes to its end while both nodes are written to')
  or BAIL_OUT('no init');
ok($_->stop > 0, 'the load has run') foreach @loads;
are_equal('under load');
done_testing();
