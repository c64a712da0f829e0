# The command line waits for long work at a terminal and away from it, however
# that is interrupted, and leaves it running when it goes.
use SteepTest;
use SteepTest::Cli;

my ($node, $peer) = start_pair();
both($node, $peer, q{CREATE TABLE orders (id int PRIMARY KEY, item text); INSERT INTO orders SELECT i, 'both' FROM generate_series(1, 100) i});
# a peer's password is a parameter of a statement, which these tests would log
$ENV{PGOPTIONS} = '-c log_statement=none -c log_min_duration_statement=-1';
my @to = ('-c', conninfo($node));
my $peer_string = conninfo($peer);

# Changes a row and stops merges before they write; returns the point.
sub differ
{
	sql($node, q{UPDATE orders SET item = 'here ' || clock_timestamp() WHERE id = 7});
	return hold_point($node, 'merge-before-lock');
}

sub status_of
{
	my ($id) = @_;

	return sql($node, "SELECT status FROM steep_repl.list_operations() WHERE external_id = '$id' ORDER BY id DESC LIMIT 1");
}

sub last_merge
{
	return sql($node, 'SELECT merge_id FROM steep_repl.merge_audit_log ORDER BY created_at DESC LIMIT 1');
}

# At a terminal.
my $point = differ();
my $terminal = at_terminal(@to, 'merge', $peer_string, 'public.orders');
$terminal->expect(qr/Started merge "merge_\w+"\.\r\n/);
$terminal->expect(qr/\rapply +\e\[32m=+\e\[0m\e\[2m-+\e\[0m  \d\d%  .*[01]\/1  public\.orders\e\[K/);
pass('a line says how far it is');
$point->wait_reached;
$terminal->type("\x03");
$terminal->expect(qr/Leave the merge running, cancel it, or wait on\? \[l\/c\/w\] /);
$terminal->type("w\n");
$terminal->expect(qr/\rapply +/);
$terminal->type("\x03");
$terminal->expect(qr/wait on\? \[l\/c\/w\] /);
$terminal->type("l\n");
my ($code, $output) = $terminal->finish;
my $id = last_merge();
is($code, 4, 'Ctrl-C ends the wait');
like($output, qr/"$id" goes on/, 'and says what goes on');
is(status_of($id), 'running', 'it does go on');
$point->release;
is(wait_for_merge($node, $id)->{status}, 'complete', 'to its end');

$point = differ();
$terminal = at_terminal(@to, 'merge', $peer_string, 'public.orders');
$point->wait_reached;
$terminal->expect(qr/\rapply +/);
$terminal->type("\x03");
$terminal->expect(qr/wait on\? /);
$terminal->type("c\n");
($code, $output) = $terminal->finish;
is($code, 4, 'Ctrl-C cancels');
like($output, qr/error:\e\[0m merge "merge_\w+" was cancelled/, 'and says so');
is(status_of(last_merge()), 'cancelled', 'it is');
$point->release;

$ENV{NO_COLOR} = 1;
$terminal = at_terminal(@to, 'merge', $peer_string, 'public.orders');
($code, $output) = $terminal->finish;
is($code, 0, 'a merge without interruption');
like($output, qr/written there +1\r\n(.*\r\n)*.*orders +conflict +local +applied +1\r\n$/, 'shows what it has done');
unlike($output, qr/\e\[\d/, 'without colours if nobody wants them');
delete $ENV{NO_COLOR};
is_equal_table($node, $peer, 'public.orders', ['id'], 'both nodes are the same');

# Away from one.
$point = differ();
($code, undef, my $errors) = cli(@to, '--timeout', 1, 'merge', $peer_string, 'public.orders');
$id = last_merge();
is($code, 5, 'the time is over');
like($errors, qr/^steep-repl: notice: the time is over; merge "$id" goes on\nHINT: /m, 'and it goes on');
is(status_of($id), 'running', 'it does');

my ($stdout, $stderr) = ('', '');
my $run = IPC::Run::start([ 'steep-repl', @to, 'ops', 'watch', '--json' ], '<', \undef, '>', \$stdout, '2>', \$stderr);
IPC::Run::pump($run) until $stdout =~ /"external_id":"$id","status":"running"/;
$run->signal('INT');
$run->finish;
is($run->result(0), 0, 'ops watch shows it until Ctrl-C');
($code, $stdout) = cli(@to, 'merge', 'show', $id);
like($stdout, qr/^status +running\nphase +apply\n/m, 'merge show shows it');
($code, $stdout) = cli(@to, 'merge', 'list', '--limit', 1);
like($stdout, qr/^$id +running/m, 'merge list lists it');
($code) = cli(@to, 'ops', 'cancel', $id);
$point->release;
wait_for_merge($node, $id);
is(status_of($id), 'cancelled', 'ops cancel cancels it');

# A server that restarts in between, by immediate shutdown.
$point = differ();
($stdout, $stderr) = ('', '');
$run = IPC::Run::start([ 'steep-repl', @to, '--json', 'merge', $peer_string, 'public.orders' ],
	'<', \undef, '>', \$stdout, '2>', \$stderr);
$point->wait_reached;
IPC::Run::pump($run) until $stdout =~ /"phase":"apply"/;
$node->stop('immediate');
$node->start;
eval { $point->release };
$run->finish;
is($run->result(0), 0, 'it waits on when the server has restarted') or diag($stderr);
like($stdout, qr/^(\{"event":"progress",.*\}\n)+\{"event":"result",.*"status":"complete",.*"applied_remote":1,.*\}\n$/, 'a line for each change');
is_equal_table($node, $peer, 'public.orders', ['id'], 'both nodes are the same');

$point = differ();
($stdout, $stderr) = ('', '');
$run = IPC::Run::start([ 'steep-repl', @to, 'merge', $peer_string, 'public.orders' ], '<', \undef, '>', \$stdout, '2>', \$stderr);
$point->wait_reached;
$run->signal('TERM');
$run->finish;
$id = last_merge();
is($run->result(0), 4, 'SIGTERM ends the wait');
like($stderr, qr/terminated; merge "$id" goes on\n/, 'and it goes on');
$point->release;
is(wait_for_merge($node, $id)->{status}, 'complete', 'to its end');

# By hand.
sql($node, q{UPDATE orders SET item = 'mine' WHERE id <= 3});
($code, $stdout) = cli(@to, 'merge', $peer_string, 'public.orders', '--strategy', 'manual');
is($code, 0, 'a manual merge');
like($stdout, qr/^status +needs_resolution\n(.*\n)*\nConflicts wait for decisions: /m, 'waits for decisions');
($id) = $stdout =~ /^merge +(merge_\w+)$/m;
(undef, $stdout) = cli(@to, 'merge', 'conflicts', $id);
like($stdout, qr/^public\.orders +id=1 +item: mine <> both\n/m, 'on conflicts');
(undef, $stdout) = cli(@to, 'merge', 'resolve', $id, 'public.orders', 'id=1', 'remote');
like($stdout, qr/^public\.orders +id=1 +remote +planned +admin\n/m, 'one is resolved');
(undef, $stdout) = cli(@to, 'merge', 'resolve', $id, 'public.orders', 'all', 'local');
like($stdout, qr/^public\.orders +id=2 .*\npublic\.orders +id=3 /m, 'and the others');
($code, $stdout) = cli(@to, 'merge', 'apply', $id, '--peer', $peer_string);
is($code, 0, 'it is applied') or diag($stdout);
is(sql($peer, q{SELECT string_agg(item, ' ' ORDER BY id) FROM orders WHERE id <= 3}), 'both mine mine', 'as decided');
($code, $stdout) = cli(@to, 'merge', 'revert', $id, '--peer', $peer_string, '--no-wait', '--quiet');
like($stdout, qr/^merge_\w+\n$/, 'without waiting the id is all there is to say');
is(wait_for_merge($node, $stdout =~ s/\n//r)->{status}, 'complete', 'and it is undone');

# What fails.
sql($node, q{UPDATE orders SET item = 'again' WHERE id <= 3});
($code, undef, $errors) = cli(@to, 'merge', $peer_string, 'public.orders', '-o', 'max_changes=2');
is($code, 1, 'a merge that fails');
like($errors, qr/error: merge "merge_\w+" has failed: merge would change 3 rows\nDETAIL:  .*\nHINT:  /, 'says why, and the way out');
is_deeply([ places_of(secret(), $node, $peer) ], [], 'no password is left anywhere');
done_testing();
