# A merge that is planned from exported snapshots of both nodes: what was
# written since is neither seen nor overwritten, whatever the strategy.
use SteepTest;
use SteepTest::Session;

my ($node, $peer) = start_pair();
my $before = state_of($node, $peer);

# A transaction of each node that keeps a snapshot.
sub export
{
	return map {
		my $session = SteepTest::Session->new($_, 'postgres');
		my ($name) = $session->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()');
		[ $session, $name ]
	} @_;
}

sub snapshots
{
	my ($here, $there) = @_;

	return (options => options(local_snapshot => $here->[1], peer_snapshot => $there->[1]));
}

# Rows 1-3 here only, 4-6 in conflict, 7-9 on the peer only, 10 the same.
both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');
sql($node, q{INSERT INTO t SELECT i, 'here' FROM generate_series(1, 6) i});
sql($peer, q{INSERT INTO t SELECT i, 'there' FROM generate_series(4, 9) i});
both($node, $peer, q{INSERT INTO t VALUES (10, 'same')});
my @held = export($node, $peer);

# Since then: new rows, rows that move or go on either node.
sql($node, q{INSERT INTO t VALUES (11, 'new here'); UPDATE t SET x = 'moved' WHERE id IN (1, 4, 10); DELETE FROM t WHERE id IN (2, 5)});
sql($peer, q{INSERT INTO t VALUES (12, 'new there'); UPDATE t SET x = 'moved' WHERE id = 7; DELETE FROM t WHERE id = 8});

is_merged(run_merge($node, $peer, ['t'], dry_run => 1, snapshots(@held)), '3|3|1|3|0|0', 'a dry run counts what the snapshots hold');
my $row = run_merge($node, $peer, ['t'], strategy => 'prefer-remote', snapshots(@held));
is_merged($row, '3|3|1|3|3|2', 'it merges what is as the snapshots hold it');
is($row->{stale}, 2, 'conflicts that moved are left alone');
is(sql($node, q{SELECT string_agg(id || x, ',' ORDER BY id) FROM t}),
	'1moved,3here,4moved,6there,7moved,9there,10moved,11new here', 'what was written here since is as it was');
is(sql($peer, q{SELECT string_agg(id || x, ',' ORDER BY id) FROM t}),
	'1moved,3here,4there,5there,6there,7moved,9there,10same,12new there', 'what was written there since is as it was');
is_merged(run_merge($node, $peer, ['t']), '1|2|5|2|2|3', 'without snapshots, it merges what is there');
is_equal_table($node, $peer, 'public.t', ['id'], 'and both nodes are equal');

# Snapshots that are gone, or of one node only.
$_->[0]->end foreach @held;
like(run_merge($node, $peer, ['t'], snapshots(@held))->{error_message}, qr/snapshot/, 'snapshots that are gone');
like(refused_merge($node, $peer, ['t'], options => options(local_snapshot => '00000003-00000001-1')),
	qr/option "local_snapshot" is given without "peer_snapshot".*HINT:/s, 'a snapshot of one node only');
like(refused_merge($node, $peer, ['t'], options => options(local_snapshot => q{'x}, peer_snapshot => '00000003-00000001-1')),
	qr/invalid value of option "local_snapshot".*HINT:.*pg_export_snapshot/s, 'what is no snapshot');
is_unleaked($before, 'nothing is left behind');
done_testing();
