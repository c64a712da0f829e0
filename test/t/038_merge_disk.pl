# A node's disk is full during a merge: nothing is written on either, and the
# merge can be applied when there is room; a peer that falls over with it is
# asked later what it has committed.
use SteepTest::Namespace qw(mount);
use SteepTest;

my $small = PostgreSQL::Test::Utils::tempdir;
mount_small("$small/wal", 24);
mount_small("$small/space", 3);
my ($node, $peer) = (start_node('a'), start_node('b', init => [ '--wal-segsize=1', '--waldir', "$small/wal/pg_wal" ],
		conf => "min_wal_size = 2MB\nmax_wal_size = 10MB\nrestart_after_crash = off\n"));
my $before = state_of($node, $peer);
my ($row, $images);

# A table whose rows on a node are where little room is.
sub diverge
{
	my ($full, $rows) = @_;

	both($node, $peer, 'DROP TABLE IF EXISTS t');
	sql($_, 'CREATE TABLE t (id int PRIMARY KEY, x text)' . ($_ == $full ? ' TABLESPACE small' : '')) foreach $node, $peer;
	sql($full == $peer ? $node : $peer, "INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, $rows) i");
	$images = images($node, $peer, 't');
	return;
}

sub connection
{
	return quote(conninfo($peer));
}

sub apply
{
	my ($id) = @_;

	sql($node, "SET log_statement = 'none'; SELECT steep_repl.apply_merge('$id', " . connection() . ')');
	return wait_for_merge($node, $id);
}

foreach my $full ($node, $peer)
{
	my $where = $full == $node ? 'here' : 'on the peer';
	my $options = sub { '{"atomicity": "' . $_[0] . '", "batch_size": 1000}' };

	sql($full, "CREATE TABLESPACE small LOCATION '$small/space'");
	foreach my $atomicity (qw(merge batch))
	{
		my $name = "no room $where, $atomicity";

		diverge($full, 6000);
		$row = run_merge($node, $peer, ['t'], options => $options->($atomicity));
		is($row->{status}, 'failed', "$name: the merge fails");
		like($row->{error_message}, qr/No space left on device/, "$name: and says why");
		unlike($row->{error_message}, qr/may have applied/, "$name: nothing is in doubt");
		if ($atomicity eq 'merge')
		{
			is_deeply(images($node, $peer, 't'), $images, "$name: nothing is written");
		}
		else
		{
			my ($here, $there) = map { sql($_, 'SELECT count(*) FROM t') } $node, $peer;
			my $written = $full == $node ? $here : $there;
			ok($written % 1000 == 0 && $written < 6000 && $written > 0, "$name: whole batches are written: $written");
			is(sql($node, "SELECT count(*) FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND state = 'applied'"),
				$written, "$name: and marked");
		}
		is_unleaked($before, "$name: nothing is left behind");
		resize_small("$small/space", 64);
		is(apply($row->{merge_id})->{status}, 'complete', "$name: it can be applied when there is room");
		is_equal_table($node, $peer, 'public.t', ['id'], "$name: then both nodes are equal");
		both($node, $peer, 'DROP TABLE t; CHECKPOINT');
		resize_small("$small/space", 3);
	}
	sql($full, 'DROP TABLESPACE small');
}

# No room for the peer's WAL: it falls over, in the writes or in the commit.
both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');
sql($node, q{INSERT INTO t SELECT i, repeat(md5(i::text), 40) FROM generate_series(1, 20000) i});
sql($peer, q{SELECT pg_create_physical_replication_slot('keeps_wal', true)});
my $id = submit_merge($node, $peer, ['t']);
wait_until(sub { !-e $peer->data_dir . '/postmaster.pid' }, 'the end of the peer');
$peer->_update_pid(0);
sql($node, "UPDATE steep_repl.work_queue SET max_attempts = 2 WHERE merge_id = '$id'");
$row = wait_for_merge($node, $id);
is($row->{status}, 'failed', 'no room for WAL: the merge gives up');
like($row->{error_message}, qr/No space left on device|could not connect to peer|closed the connection/, 'no room for WAL: and says why');
resize_small("$small/wal", 200);
$peer->start;
sql($peer, q{SELECT pg_drop_replication_slot('keeps_wal')});
is(sql($peer, 'SELECT count(*) FROM t'), '0', 'no room for WAL: nothing is written');
is(apply($id)->{status}, 'complete', 'no room for WAL: it can be applied when the peer is back');
is_equal_table($node, $peer, 'public.t', ['id'], 'no room for WAL: then both nodes are equal');
is_unleaked($before, 'nothing is left behind');
done_testing();
