# The modules in test/perl do what the other tests take for granted.
use SteepTest;

my ($node, $peer) = start_pair();

# Roles and passwords.
is(sql_as($peer, 'merger', 'SELECT current_user'), 'merger', 'merger can log in');
like(
	error_of($node, "SELECT dblink_connect("
		  . quote(conninfo($peer, password => "it's wrong\\")) . ")"),
	qr/password authentication failed/,
	'a wrong password is refused');
is( sql($node, "SELECT * FROM dblink("
		  . quote(conninfo($peer)) . ", 'SELECT current_user') AS t (name text)"),
	'admin',
	'one node reaches the other');

# The oracle.
sql($_, 'CREATE TABLE t ("K" text PRIMARY KEY, b numeric, a text)') foreach $node, $peer;
sql($peer, 'ALTER TABLE t DROP a; ALTER TABLE t ADD a text');
sql($_, q{INSERT INTO t ("K", b, a) VALUES (E'tab\t', 1, NULL), ('x', 1.0, 'x')})
  foreach $node, $peer;
is_equal_table($node, $peer, 'public.t', ['K'], 'columns in another order are the same');
sql($node, q{INSERT INTO t VALUES ('here'); UPDATE t SET b = 1.00 WHERE "K" = 'x'});
sql($peer, q{INSERT INTO t VALUES ('there'), ('There')});
my $compared = compare_tables($node, $peer, 'public.t', ['K']);
is( join('|', @$compared{qw(local_only remote_only match conflict)}),
	'1|2|1|1', 'each row has a category');
is_deeply($compared->{rows}{x}, [ 'conflict', "x\tx\t1.00", "x\tx\t1.0" ],
	'numbers that print differently are a conflict');
$compared = compare_tables($node, $peer, 'public.t', ['K'],
	columns => ['b'], key_text => sub { $_[0] =~ s/^There/thither/r });
is($compared->{rows}{thither}[0], 'remote_only', 'a test can say which keys are equal');

# Leaks.
my $before = state_of($node, $peer);
is_unleaked($before, 'nothing has changed');
sql($peer, 'CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw');
sql($peer, 'CREATE USER MAPPING FOR admin SERVER s');
sql($peer, "SELECT pg_create_physical_replication_slot('slot')");
my $session = $node->background_psql('postgres');
$session->query_safe('CREATE TEMPORARY TABLE leak (); SELECT pg_advisory_lock(1, 2)');
$session->query_safe('SELECT dblink_connect(' . quote(conninfo($peer)) . ')');
is_deeply(
	[ SteepTest::Leaks::changes($before, qr/slot/) ],
	[
		'a: +1 advisory lock 1 2',
		'a: +1 temporary relation leak',
		'b: +1 client backend ',
		'b: +1 server s',
		'b: +1 user mapping s for admin'
	],
	'leaks are seen');
$session->quit;
sql($peer, q{DROP SERVER s CASCADE; SELECT pg_drop_replication_slot('slot')});
is_unleaked($before, 'leaks are gone');

# Test points.
my $point = hold_point($node, 'a point');
my $stopped = $node->background_psql('postgres');
$stopped->query_until(qr/started/,
	"\\echo started\nSELECT pg_advisory_lock_shared(7378, hashtext('a point' COLLATE \"C\"));\n");
$point->wait_reached;
$point->release;
is($stopped->query_safe('SELECT 1'), "\n1", 'a point stops code and lets it go on');
$stopped->quit;
arm_point($node, 'fail_point', 'nowhere');
disarm_points($node);
is(sql($node, 'SHOW steep_repl.fail_point'), '', 'points can be armed and disarmed');

# Secrets.
is_deeply([ places_of(secret(), $peer) ], [], 'a password that went nowhere');
my $listener = start_listener($node, 'steep_repl_progress');
sql($node, q{NOTIFY steep_repl_progress, 'one'; NOTIFY steep_repl_progress, 'two'});
is_deeply([ $listener->payloads ], [ 'one', 'two' ], 'payloads are heard');
$listener->quit;
sql($node, q{SELECT 'a lost secret'});
is(scalar places_of('a lost secret', $node), 1, 'a secret in the log is found');

# Load.
my $load = start_load($peer, 'SELECT 1;');
$peer->poll_query_until('postgres',
	"SELECT xact_commit > 500 FROM pg_stat_database WHERE datname = 'postgres'");
cmp_ok($load->stop, '>', 0, 'pgbench runs until it is stopped');

done_testing();
