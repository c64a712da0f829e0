# The command line makes a node a copy of another, and waits for that.
use SteepTest;
use SteepTest::Cli;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "max_logical_replication_workers = 8\nwal_receiver_status_interval = 1s\n");
register_pair($target, $source);
sql($source, q{CREATE TABLE orders (id int PRIMARY KEY, item text); INSERT INTO orders SELECT i, 'item' FROM generate_series(1, 1000) i});
my @to = ('-c', $target->connstr('postgres'));

my ($code, $stdout, $stderr) = cli(@to, 'init', 'status');
like($stdout, qr/^target +uninitialized /m, 'a node that is no copy yet');
my $point = hold_point($target, 'begin prepare');
($code, $stdout, $stderr) = cli(@to, 'init', 'start', 'target', 'source', '--no-wait');
is($stdout, "target\n", 'an init is started') or diag($stderr);
$point->wait_reached;
($code, $stdout, $stderr) = cli(@to, 'init', 'cancel', 'target');
is($code, 0, 'and cancelled') or diag($stderr);
$point->release;
($code, $stdout, $stderr) = cli(@to, 'ops', 'watch', 'target');
is($code, 4, 'so it was') or diag($stderr);
wait_until(sub { sql($target, q{SELECT count(*) = 0 FROM steep_repl.list_operations('running')}) eq 't' }, 'its end');

($code, $stdout, $stderr) = cli(@to, 'init', 'start', 'target', 'source', '--json');
is($code, 0, 'it becomes one') or diag($stderr);
like($stdout, qr/^(\{"event":"progress",.*\}\n)*\{"event":"result",.*"init_state":"synchronized",.*\}\n$/, 'a line for each change');
($code, $stdout) = cli(@to, 'init', 'status', 'target');
like($stdout, qr/^node +target\nstate +synchronized\n/, 'init status says so');
is(sql($target, 'SELECT count(*) FROM orders'), '1000', 'the rows are there');

($code, $stdout, $stderr) = cli(@to, 'init', 'reinit', 'target', '--tables', 'public.orders');
is($code, 0, 'a table is copied again') or diag($stderr);
($code, undef, $stderr) = cli(@to, 'init', 'reinit', 'target');
is($code, 2, 'reinit wants a scope');
like($stderr, qr/wants one of --tables, --schema and --full/, 'and says which');
done_testing();
