# The network swallows packets, or the peer stands still, during a merge: it
# gives up waiting in time, both nodes free their rows, and the merge completes
# by itself when the peer answers again.  STEEP_SWEEP=1 tries more points.
use SteepTest::Namespace qw(net);
use SteepTest;
use Time::HiRes qw(time);

my ($node, $peer) = start_pair(conf => "restart_after_crash = on\n",
	node_conf => "steep_repl.connect_timeout = 2s\nsteep_repl.lock_timeout = 200ms\n");
my $proxy = start_proxy($peer);
my $before = state_of($node, $peer);
my $waits = 30 * 0.2;			# for an answer, with this lock_timeout
my ($id, $point, $began);

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');

# Start a merge and hold it at a point.
sub stop_at
{
	my ($name, %o) = @_;

	both($node, $peer, 'TRUNCATE t');
	sql($node, q{INSERT INTO t SELECT i, 'here ' || i FROM generate_series(1, 7) i});
	sql($peer, q{INSERT INTO t SELECT i, 'there ' || i FROM generate_series(4, 9) i});
	$point = hold_point($node, $name);
	$id = submit_merge($node, $peer, ['t'], %o);
	$point->wait_reached;
	sql($node, "UPDATE steep_repl.work_queue SET max_attempts = 20 WHERE merge_id = '$id'");
	return;
}

# How long it takes until an application can write the merged rows of a node.
sub until_free
{
	my ($n) = @_;

	wait_until(sub { error_of($n, q{SET lock_timeout = '100ms'; UPDATE t SET x = x}) eq '' }, 'the locks of ' . $n->name);
	return time - $began;
}

sub go_on
{
	$began = time;
	$point->release;
	return;
}

sub ends_well
{
	my ($name) = @_;
	my $row = wait_for_merge($node, $id);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($row->{status}, 'complete', "$name: the merge completes") || diag $row->{error_message};
	is_equal_table($node, $peer, 'public.t', ['id'], "$name: both nodes are equal");
	is(sql($peer, q{SELECT string_agg(left(x, 1), '' ORDER BY id) FROM t}), 'hhhhhhhtt', "$name: and as the strategy says");
	is_unleaked($before, "$name: nothing is left behind");
	return;
}

# A black hole, in both directions, while both nodes have locks.
stop_at('merge-before-peer-commit');
drop_packets($peer->port);
go_on();
cmp_ok(until_free($node), '<', $waits + 5, 'black hole: this node frees its rows');
my $there = until_free($peer);
cmp_ok($there, '<', 45, sprintf 'black hole: the peer too, after %.0f s', $there);
pass_packets();
ends_well('black hole');

# Only what comes from the peer is lost: it has committed.
stop_at('merge-before-peer-commit');
drop_packets($peer->port, from => 1);
go_on();
wait_until(sub { sql($peer, 'SELECT count(*) FROM t') eq '9' }, 'the commit of the peer');
cmp_ok(until_free($node), '<', $waits + 5, 'no answer comes: this node frees its rows');
is(sql($node, 'SELECT count(*) FROM t'), '7', 'no answer comes: and waits to hear from the peer');
sql($node, q{UPDATE t SET x = 'here ' || id});
pass_packets();
ends_well('no answer comes');

# While the peer is asked how it differs, nothing but the network tells.
stop_at('compare-second-pass', conninfo => { tcp_user_timeout => 2000, keepalives_idle => 1, keepalives_interval => 1, keepalives_count => 2 });
drop_packets($peer->port);
go_on();
wait_until(sub { sql($node, "SELECT attempt > 1 OR error_message IS NOT NULL FROM steep_repl.work_steps WHERE kind = 'plan' ORDER BY id DESC LIMIT 1") eq 't' }, 'the end of the plan');
cmp_ok(time - $began, '<', 15, 'black hole in the plan: the broken connection is noticed');
pass_packets();
ends_well('black hole in the plan');

# A proxy between that takes everything and passes nothing on.
foreach my $name ($ENV{STEEP_SWEEP} ? qw(merge-before-marker merge-before-lock merge-write-chunk) : (), 'merge-before-peer-commit')
{
	stop_at($name, conninfo => { port => $proxy->port });
	$proxy->command('freeze');
	go_on();
	cmp_ok(until_free($node), '<', $waits + 5, "silence at $name: this node frees its rows");
	$proxy->command('thaw');
	ends_well("silence at $name");
}

# The peer's process stands still, or all of the peer.
foreach my $name ($ENV{STEEP_SWEEP} ? qw(merge-before-marker merge-before-peer-commit) : (), 'merge-after-lock')
{
	stop_at($name);
	my $pid = sql($peer, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'steep_repl'});
	kill 'STOP', $pid;
	go_on();
	cmp_ok(until_free($node), '<', $waits + 5, "a frozen process at $name: this node frees its rows");
	kill 'CONT', $pid;
	ends_well("a frozen process at $name");
}
foreach my $name ($ENV{STEEP_SWEEP} ? 'merge-before-peer-commit' : (), 'job_claimed')
{
	stop_at($name);
	my @all = split /\n/, sql($peer, q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()});
	push @all, $peer->{_pid};
	kill 'STOP', @all;
	go_on();
	wait_until(sub { sql($node, 'SELECT max(attempt) > 1 FROM steep_repl.work_steps') eq 't' }, 'another attempt');
	cmp_ok(until_free($node), '<', 2 * $waits + 5, "a frozen peer at $name: this node frees its rows");
	kill 'CONT', @all;
	ends_well("a frozen peer at $name");
}

# A statement is so long that it does not fit into the buffers of the network.
both($node, $peer, 'TRUNCATE t');
sql($node, q{INSERT INTO t SELECT i, repeat(md5(i::text), 100) FROM generate_series(1, 5000) i});
$point = hold_point($node, 'merge-write-chunk');
$id = submit_merge($node, $peer, ['t']);
$point->wait_reached;
my $writer = sql($peer, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'steep_repl'});
kill 'STOP', $writer;
go_on();
my $free = until_free($node);
cmp_ok($free, '<', 45, sprintf 'a long statement that is not taken: this node frees its rows after %.0f s', $free);
kill 'CONT', $writer;
is(wait_for_merge($node, $id)->{status}, 'complete', 'a long statement that is not taken: the merge completes');
is_equal_table($node, $peer, 'public.t', ['id'], 'a long statement that is not taken: both nodes are equal');
is_unleaked($before, 'a long statement that is not taken: nothing is left behind');

# Nobody knows how long the peer takes to compare, but a cancel ends the wait.
stop_at('compare-second-pass');
my $pid = sql($peer, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'steep_repl'});
kill 'STOP', $pid;
go_on();
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event IN ('SteepReplPeer', 'Extension') AND backend_type = 'steep_repl helper'});
$began = time;
sql($node, "SELECT steep_repl.cancel_operation('$id')");
is(wait_for_merge($node, $id)->{status}, 'cancelled', 'a peer frozen in the plan: a cancel ends the merge');
cmp_ok(time - $began, '<', 3, 'at once');
kill 'CONT', $pid;
is_unleaked($before, 'nothing is left behind');
done_testing();
