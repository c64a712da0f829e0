# A merge between nodes that replicate to each other, with await_replication:
# it settles what differs for good, and leaves alone what is under way.
use SteepTest;
use SteepTest::Session;

my ($node, $peer) = start_pair(conf => "max_logical_replication_workers = 8\n");
my %await = (strategy => 'prefer-remote', options => options(await_replication => 'true'));

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text); CREATE TABLE gate (id int PRIMARY KEY)');
is_merged(run_merge($node, $peer, ['t'], %await), '0|0|0|0|0|0', 'without subscriptions there is nothing to await');
if (older_release($node, $peer) < 160000)
{
	done_testing();
	exit;
}

both($node, $peer, 'CREATE PUBLICATION pub FOR TABLE t, gate');
sql($node, 'INSERT INTO t SELECT i FROM generate_series(1, 20) i');
sql($peer, 'INSERT INTO t SELECT i FROM generate_series(1, 20) i');
sql($_->[0], sprintf q{CREATE SUBSCRIPTION %s CONNECTION %s PUBLICATION pub WITH (copy_data = false, origin = none)}, $_->[2], quote($_->[1]->connstr('postgres')))
  foreach [ $node, $peer, 'there' ], [ $peer, $node, 'here' ];

# Let rows differ for good.
sub diverge
{
	my ($ids) = @_;

	sql($_, "BEGIN; SELECT steep_repl.tag_writes(); UPDATE t SET x = '" . $_->name . "' WHERE id IN ($ids); COMMIT") foreach $node, $peer;
	return;
}

# Keep what this node writes from being applied on the peer until that is ended.
my $gate = 0;

sub close_gate
{
	my $session = SteepTest::Session->new($peer, 'postgres');

	$gate++;
	$session->run("BEGIN; INSERT INTO gate VALUES ($gate)");
	sql($node, "INSERT INTO gate VALUES ($gate)");
	return $session;
}

sub both_have
{
	my ($id, $x, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(sub { sql($peer, "SELECT x FROM t WHERE id = $id") eq $x }, "row $id");
	return is(sql($node, "SELECT x FROM t WHERE id = $id"), $x, $name);
}

# A change that is under way when the merge begins, and what it would do to it.
sub merge_behind_gate
{
	my ($id, %o) = @_;
	my $gate = close_gate();
	my $merge;

	sql($node, "UPDATE t SET x = 'new' WHERE id = $id");
	$merge = submit_merge($node, $peer, ['t'], %o);
	if ($o{options})
	{
		ok($node->poll_query_until('postgres',
				"SELECT count(*) = 1 FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id
				 WHERE q.merge_id = '$merge' AND s.kind = 'replan' AND s.status = 'running'"), 'the merge awaits the other node');
	}
	else
	{
		is(wait_for_merge($node, $merge)->{status}, 'complete', 'without the option it does not');
	}
	$gate->run('ROLLBACK');
	$gate->end;
	return wait_for_merge($node, $merge);
}

diverge('1, 2');
my $row = merge_behind_gate(3, %await);
is_merged($row, '0|0|17|3|2|0', 'what differs for good is settled, what is under way not');
both_have(3, 'new', 'the change has come to the peer and is not undone');
both_have(1, 'b', 'the peer is preferred');
merge_behind_gate(4, strategy => 'prefer-remote');
wait_until(sub { sql($peer, 'SELECT x FROM t WHERE id = 4') eq 'new' }, 'row 4');
is(sql($node, 'SELECT x IS NULL FROM t WHERE id = 4'), 't', 'without the option the nodes swap the change');

# Replication that waits for the merge's own locks.
diverge('5');
my $point = hold_point($node, 'merge-await');
my $merge = submit_merge($node, $peer, ['t'], %await);
$point->wait_reached;
my $closed = close_gate();
$point->release;
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM steep_repl.merge_tables WHERE merge_id = '$merge' AND
	(SELECT max(stage) FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id WHERE q.merge_id = '$merge' AND s.kind = 'apply') > 4"),
	'a merge whose rows are not quiet in time lets them go');
is(sql($peer, "SET lock_timeout = '1s'; SELECT id FROM t WHERE id = 5 FOR UPDATE"), '5', 'and locks none meanwhile');
$closed->run('ROLLBACK');
$closed->end;
$row = wait_for_merge($node, $merge);
is_merged($row, '0|0|18|2|2|0', 'then it settles them');
both_have($_, $_ == 4 ? 'new' : 'b', "row $_ is settled") foreach 4, 5;

# Both nodes change the same rows all the time; at last they are equal.
my @loads = map { start_load($_, "\\set id random(6, 20)\nUPDATE t SET x = '" . $_->name . "' || random() WHERE id = :id;\n", options => [ '-R', 200 ]) } $node, $peer;
diverge('6, 7, 8');
$row = run_merge($node, $peer, ['t'], %await);
is($row->{status}, 'complete', 'a merge under load') || diag $row->{error_message};
$_->stop foreach @loads;
$row = run_merge($node, $peer, ['t'], %await);
is($row->{stale}, '0', 'a merge after it') || diag $row->{error_message};
is_equal_table($node, $peer, 'public.t', ['id'], 'both nodes are equal');
sql($_->[0], "DROP SUBSCRIPTION $_->[1]") foreach [ $node, 'there' ], [ $peer, 'here' ];
done_testing();
