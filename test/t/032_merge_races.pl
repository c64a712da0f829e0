# Applications, other merges and schema changes go on while a merge runs: it
# overwrites no row that it has not seen, and never hangs.
use SteepTest;

my ($node, $peer) = start_pair();
my $before = state_of($node, $peer);
my ($point, $id, $row, $images);

both($node, $peer, q{
CREATE TABLE t (id int PRIMARY KEY, x text);
CREATE TABLE parent (id int PRIMARY KEY, x text);
CREATE TABLE child (id int PRIMARY KEY, p int NOT NULL REFERENCES parent, x text)});

sub diverge
{
	both($node, $peer, 'TRUNCATE t');
	sql($node, q{INSERT INTO t SELECT i, 'here ' || i FROM generate_series(1, 7) i});
	sql($peer, q{INSERT INTO t SELECT i, 'there ' || i FROM generate_series(4, 9) i});
	return;
}

# Start a merge and stop it at a point; $work happens there.
sub while_at
{
	my ($name, $work, $tables, %o) = @_;

	$point = hold_point($node, $name);
	$id = submit_merge($node, $peer, $tables // ['t'], %o);
	$point->wait_reached;
	$work->();
	$point->release;
	return wait_for_merge($node, $id);
}

# Rows that applications change between plan and apply.
diverge();
$row = while_at('merge-before-marker', sub {
	sql($node, q{UPDATE t SET x = 'app' WHERE id IN (1, 4); DELETE FROM t WHERE id IN (2, 5); INSERT INTO t VALUES (8, 'app'), (20, 'app')});
	sql($peer, q{UPDATE t SET x = 'app' WHERE id IN (6); DELETE FROM t WHERE id IN (7); INSERT INTO t VALUES (3, 'peer app'), (21, 'app')});
});
is($row->{status}, 'complete', 'rows that moved: the merge completes');
is(sql($node, 'SELECT string_agg(concat(id, x), E\'\\n\' ORDER BY id) FROM t'),
	"1app\n3here 3\n4app\n5there 5\n6here 6\n7here 7\n8app\n9there 9\n20app", 'rows that moved: here each has the newest version');
is(sql($peer, 'SELECT string_agg(concat(id, x), E\'\\n\' ORDER BY id) FROM t'),
	"1app\n3here 3\n4app\n5there 5\n6here 6\n7here 7\n8app\n9there 9\n21app", 'rows that moved: and on the peer');
is(sql($node, "SELECT key ->> 'id', category, local_row ->> 'x', remote_row ->> 'x', round, state FROM steep_repl.merge_decisions
	WHERE merge_id = '$id' AND round > 1 ORDER BY seq"), <<'EOC' =~ s/\n\z//r, 'they were planned again');
1|local_only|app||2|applied
3|conflict|here 3|peer app|2|applied
4|conflict|app|there 4|2|applied
5|remote_only||there 5|2|applied
6|conflict|here 6|app|2|applied
7|local_only|here 7||2|applied
8|conflict|app|there 8|2|applied
EOC
is($row->{stale}, '0', 'none is stale in the end');
run_merge($node, $peer, ['t']);
is_equal_table($node, $peer, 'public.t', ['id'], 'the next merge takes the rest');

# A row that appears after the lock is not overwritten either.
diverge();
$row = while_at('merge-after-lock', sub {
	sql($node, q{INSERT INTO t VALUES (8, 'app')});
	sql($peer, q{INSERT INTO t VALUES (1, 'peer app')});
}, ['t'], strategy => 'prefer-remote');
is($row->{status}, 'complete', 'rows that appear under way: the merge completes');
is_equal_table($node, $peer, 'public.t', ['id'], 'rows that appear: both nodes are equal');
is(sql($node, q{SELECT x FROM t WHERE id IN (1, 8) ORDER BY id}), "peer app\nthere 8", 'and the strategy decides');
is(sql($node, "SELECT local_row ->> 'x' FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND key ->> 'id' = '8'"),
	'app', 'on what it has seen');

# A parent that moves keeps its children waiting.
sql($node, q{INSERT INTO parent VALUES (1, 'here'), (2, 'here'); INSERT INTO child VALUES (1, 1, 'here'), (2, 2, 'here')});
$row = while_at('merge-before-marker', sub { sql($node, q{UPDATE parent SET x = 'app' WHERE id = 1}) }, [ 'child', 'parent' ]);
is_merged($row, '4|0|0|0|0|4', 'a parent that moved: the merge completes');
is_equal_table($node, $peer, "public.$_", ['id'], "a parent that moved: $_ is equal") foreach qw(parent child);

# A parent that is deleted while its child is merged: one of the two fails.
sql($node, q{INSERT INTO child VALUES (3, 2, 'new')});
both($node, $peer, q{DELETE FROM child WHERE id = 2});
$row = while_at('merge-before-peer-commit', sub {
	like(error_of($peer, q{SET lock_timeout = '300ms'; DELETE FROM parent WHERE id = 2}), qr/lock timeout/, 'the parent of a merged row is locked');
}, ['child']);
is_merged($row, '1|0|1|0|0|1', 'and stays');

# The schema changes between plan and apply.
foreach my $case ([ $node, 'ALTER TABLE t ADD COLUMN y int', 'ALTER TABLE t DROP COLUMN y' ],
	[ $peer, 'ALTER TABLE t ADD COLUMN y int', 'ALTER TABLE t DROP COLUMN y' ],
	[ $peer, 'ALTER TABLE t ALTER x TYPE varchar', 'ALTER TABLE t ALTER x TYPE text' ],
	[ $node, 'ALTER TABLE t RENAME TO t2', 'ALTER TABLE t2 RENAME TO t' ],
	[ $peer, 'ALTER TABLE t DROP CONSTRAINT t_pkey', 'ALTER TABLE t ADD PRIMARY KEY (id)' ])
{
	my ($where, $change, $undo) = @$case;
	my $name = $change . ($where == $node ? ' here' : ' on the peer');

	diverge();
	$images = images($node, $peer, 't');
	$point = hold_point($node, 'merge-plan-batch');
	$id = submit_merge($node, $peer, ['t']);
	$point->wait_reached;
	my $second = hold_point($node, 'step_begin');
	$point->release;
	$second->wait_reached;
	sql($where, $change);
	$second->release;
	$row = wait_for_merge($node, $id);
	is($row->{status}, 'failed', "$name: the merge fails");
	like($row->{error_message}, qr/differ between the nodes|has changed since|does not exist/, "$name: and says why");
	sql($where, $undo);
	is_deeply(images($node, $peer, 't'), $images, "$name: nothing is written");
}

# The change waits for a lock that the merge waits for, too: it is seen all the same.
diverge();
my $locker = $node->background_psql('postgres');
$locker->query_safe(q{BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('steep_repl merge public.t', 0))});
$id = submit_merge($node, $peer, ['t']);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'steep_repl helper' AND wait_event = 'advisory'})
  or die 'the merge does not wait for another of the table';
both($node, $peer, 'ALTER TABLE t ADD COLUMN y int');
$locker->quit;
like(wait_for_merge($node, $id)->{error_message}, qr/has changed since/, 'a change on both nodes while the merge waits is seen');
both($node, $peer, 'ALTER TABLE t DROP COLUMN y');

# The peer is frozen and thawed; and frozen for longer than we wait.
diverge();
my $stopped;
my $stop = sub {
	# the wait at the point may end with the lock timeout, and begin again
	$stopped = wait_until(sub { sql($peer, q{SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'steep_repl'}) }, 'the connection');
	kill 'STOP', $stopped;
};
my $resumed = run_frozen(sub { kill 'CONT', $stopped });
is($resumed->{status}, 'complete', 'a peer that pauses is waited for');
diverge();
$row = run_frozen(sub {
	wait_until(sub { sql($node, "SELECT attempt > 1 FROM steep_repl.work_steps WHERE kind = 'apply' ORDER BY id DESC LIMIT 1") eq 't' }, 'another attempt');
	kill 'CONT', $stopped;
}, options => '{"lock_timeout_ms": 300}');
is($row->{status}, 'complete', 'a peer that is frozen is not waited for');
is_equal_table($node, $peer, 'public.t', ['id'], 'and both nodes are equal');

sub run_frozen
{
	my ($work, %o) = @_;

	$point = hold_point($node, 'merge-before-lock');
	$id = submit_merge($node, $peer, ['t'], %o);
	$point->wait_reached;
	$stop->();
	$point->release;
	$work->();
	return wait_for_merge($node, $id);
}

# An application holds a row for longer than the merge waits.
foreach my $n ($node, $peer)
{
	diverge();
	$locker = $n->background_psql('postgres');
	$locker->query_safe(q{BEGIN; UPDATE t SET x = 'app' WHERE id = 4});
	$id = submit_merge($node, $peer, ['t'], options => '{"lock_timeout_ms": 100}');
	wait_until(sub { sql($node, "SELECT error_sqlstate FROM steep_repl.work_steps WHERE kind = 'apply' ORDER BY id DESC LIMIT 1") eq '55P03' }, 'the lock timeout');
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(wait_for_merge($node, $id)->{status}, 'complete', 'a held row on ' . $n->name . ': tried again');
	is_equal_table($node, $peer, 'public.t', ['id'], 'and both nodes are equal');
}

# The same merge from both ends, and twice from one.
foreach my $turn (1 .. 5)
{
	diverge();
	my @ids = ([ $node, submit_merge($node, $peer, ['t']) ], [ $peer, submit_merge($peer, $node, ['t'], strategy => 'prefer-remote') ],
		[ $node, submit_merge($node, $peer, ['t']) ]);
	is(join(',', map { wait_for_merge(@$_)->{status} } @ids), 'complete,complete,complete', "three merges at once all end ($turn)");
	is_equal_table($node, $peer, 'public.t', ['id'], "three merges at once: both nodes are equal ($turn)");
	is(sql($peer, q{SELECT string_agg(left(x, 1), '' ORDER BY id) FROM t}), 'hhhhhhhtt', "and as the strategy says ($turn)");
}

# Under load, every committed increment of the winning side stays.
both($node, $peer, 'CREATE TABLE counters (id int PRIMARY KEY, n bigint NOT NULL, who text); INSERT INTO counters SELECT i, 0, NULL FROM generate_series(1, 50) i');
my $script = "\\set id random(1, 50)\nUPDATE counters SET n = n + 1, who = '%s' WHERE id = :id;\n";
my $here = start_load($node, sprintf($script, 'here'));
my $there = start_load($peer, sprintf($script, 'there'));
my @status = map { run_merge($node, $peer, ['counters'])->{status} } 1 .. 6;
my ($done, undef) = ($here->stop, $there->stop);
is_deeply([ grep { $_ ne 'complete' } @status ], [], 'merges under load complete');
is(sql($node, 'SELECT sum(n) FROM counters'), $done, "none of $done increments of the winning side is lost");
run_merge($node, $peer, ['counters']);
is_equal_table($node, $peer, 'public.counters', ['id'], 'at rest both nodes are equal');
is_unleaked($before, 'nothing is left behind');
done_testing();
