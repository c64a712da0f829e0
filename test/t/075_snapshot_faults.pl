# A snapshot is of one moment, whatever is done to its tables meanwhile; one
# that is cancelled, crashes or has no room starts over or leaves nothing.
use SteepTest::Namespace qw(mount);
use SteepTest;
use SteepTest::Snapshot;

my $small = PostgreSQL::Test::Utils::tempdir;
mount_small("$small/disk", 3);
my $node = start_node('a', conf => "restart_after_crash = on\nsteep_repl.max_workers = 1\nsteep_repl.lock_timeout = 2s\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my $before = state_of($node);
my ($id, $row, $n);

sub new_path
{
	return "$base/" . ++$n;
}

# The sums of pgbench's tables that the files hold.
sub sums
{
	my ($path) = @_;
	my %column = (pgbench_accounts => 2, pgbench_branches => 1, pgbench_tellers => 2, pgbench_history => 3);
	my %sum = map { $_ => 0 } keys %column;

	foreach my $table (grep { $column{ $_->{name} } } @{ read_manifest($path)->{tables} })
	{
		my $command = unpack_command($path, $table);
		$sum{ $table->{name} } += (split /\t/)[ $column{ $table->{name} } ] foreach split /\n/, `$command`;
	}
	return \%sum;
}

# Of one moment, while pgbench runs; there is one worker beside the one that
# holds the snapshot.
$node->run_log([ 'pgbench', '-i', '-q', '-d', $node->connstr('postgres') ]);
my $load = start_load($node, <<'EOC');
\set aid random(1, 100000)
\set d random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :d WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :d WHERE tid = 1 + :aid % 10;
UPDATE pgbench_branches SET bbalance = bbalance + :d WHERE bid = 1;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :d, now());
END;
EOC
wait_until(sub { sql($node, 'SELECT count(*) FROM pgbench_history') > 100 }, 'pgbench at work');
foreach my $parallel (1, 4)
{
	my $path = new_path();

	$row = run_snapshot($node, $path, parallel => $parallel, compression => 'zstd');
	is($row->{status}, 'complete', "parallel $parallel: complete") or diag $row->{error_message};
	my $sums = sums($path);
	is(scalar(keys %{ { map { $_ => 1 } values %$sums } }), 1, "parallel $parallel: all sums agree") or diag explain $sums;
}
$load->stop;

# An ALTER that waits for the snapshot keeps no worker from reading.
sql($node, 'CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS x FROM generate_series(1, 30000) i');
my $path = new_path();
my $point = hold_point($node, 'snapshot-held');
my %options = (options => '{"tables": ["t"]}', parallel => 1);
$id = submit_snapshot($node, $path, %options);
$point->wait_reached;
my $alter = $node->background_psql('postgres', on_error_stop => 0);
$alter->query_until(qr/asked/, "\\echo asked\nALTER TABLE t ADD y int;\n");
wait_until(sub { sql($node, q{SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted}) == 1 }, 'the ALTER to wait');
$point->release;
$row = wait_for_snapshot($node, $id);
is($row->{status}, 'complete', 'a queued ALTER TABLE does not stop it') or diag $row->{error_message};
is($row->{rows}, 30000, 'nor does it cost rows');
$alter->quit;

# A TRUNCATE, or a new table, before the snapshot is taken is in it; the tables
# are listed again.
$path = new_path();
$point = hold_point($node, 'begin hold');
$id = submit_snapshot($node, $path, parallel => 1, options => '{"tables": ["public.*"]}');
$point->wait_reached;
like(error_of($node, "SET lock_timeout = '200ms'; TRUNCATE t"), qr/lock timeout/, 'no TRUNCATE between lock and snapshot');
$point->release;
is(wait_for_snapshot($node, $id)->{status}, 'complete', 'it goes on');

$path = new_path();
$point = hold_point($node, 'done plan');
$id = submit_snapshot($node, $path, %options);
$point->wait_reached;
sql($node, 'TRUNCATE t; INSERT INTO t VALUES (1, 2); ALTER TABLE t ADD z int');
$point->release;
$row = wait_for_snapshot($node, $id);
is("$row->{status} $row->{rows}", 'complete 1', 'tables that change before the snapshot are planned again');
is(sql($node, "SELECT attempt FROM steep_repl.work_queue WHERE snapshot_id = '$id'"), 2, 'by starting over');
is(scalar @{ (grep { $_->{name} eq 't' } @{ read_manifest($path)->{tables} })[0]{columns} }, 4, 'with the new column');

# A lock that is not to be had.
my $locker = $node->background_psql('postgres');
$path = new_path();
$point = hold_point($node, 'done plan');
$id = submit_snapshot($node, $path, %options);
$point->wait_reached;
$locker->query_safe('BEGIN; LOCK TABLE t');
my $offset = -s $node->logfile;
$point->release;
$node->wait_for_log(qr/canceling statement due to lock timeout/, $offset);
$locker->query_safe('COMMIT');
$locker->quit;
is(wait_for_snapshot($node, $id)->{status}, 'complete', 'a lock that is not to be had is tried for again');

# Cancelled at each point.
foreach my $name ('begin directory', 'begin plan', 'begin hold', 'snapshot-held', 'begin data', 'snapshot-write', 'begin finalize', 'done finalize')
{
	$path = new_path();
	$point = hold_point($node, $name);
	$id = submit_snapshot($node, $path, %options);
	$point->wait_reached;
	is(sql($node, "SELECT steep_repl.cancel_operation('$id')"), 't', "cancel at $name");
	$point->release;
	$row = wait_for_snapshot($node, $id);
	is("$row->{status}", 'cancelled', "$name: cancelled");
	ok(is_no_snapshot($path), "$name: nothing is left");
}

# kill -9 of who holds, of who reads, of the one who writes the manifest, and an
# immediate restart.
foreach my $name ('snapshot-held', 'snapshot-write', 'done finalize')
{
	$path = new_path();
	$point = hold_point($node, $name);
	$id = submit_snapshot($node, $path, %options);
	$point->wait_reached;
	ok(!-e "$path/manifest.json", "$name: no manifest yet") if $name ne 'done finalize';
	my $pid = $point->waiter;
	kill 'KILL', $pid;
	wait_until(sub { !kill 0, $pid }, 'the worker to be gone');
	$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
	$row = wait_for_snapshot($node, $id);
	is("$row->{status} $row->{rows}", 'complete 1', "$name: complete after kill -9");
	is(sums($path) && scalar(glob "$path/*/*.tmp") // 0, 0, "$name: no temporary file is left");
}
$path = new_path();
$point = hold_point($node, 'snapshot-held');
$id = submit_snapshot($node, $path, %options);
$point->wait_reached;
$node->stop('immediate');
ok(-d $path && !-e "$path/manifest.json", 'half a snapshot is there while the server is down');
$node->start;
$row = wait_for_snapshot($node, $id);
is("$row->{status} $row->{rows}", 'complete 1', 'complete after an immediate restart');

# Terminated: who reads is replaced, who holds takes the rest along.
foreach my $name ('snapshot-write', 'snapshot-held')
{
	$path = new_path();
	$point = hold_point($node, $name);
	$id = submit_snapshot($node, $path, %options);
	$point->wait_reached;
	my $pid = $point->waiter;
	$point->release;
	sql($node, "SELECT pg_terminate_backend($pid)");
	$row = wait_for_snapshot($node, $id);
	is("$row->{status} $row->{rows}", 'complete 1', "$name: complete after SIGTERM") or diag $row->{error_message};
}

# One that crashes each time ends.
arm_point($node, 'crash_point', 'snapshot-write');
$path = new_path();
$id = submit_snapshot($node, $path, %options);
wait_until(sub { (eval { sql($node, "SELECT status FROM steep_repl.snapshots WHERE snapshot_id = '$id'") } // '') eq 'failed' }, 'the end');
disarm_points($node);
$row = wait_for_snapshot($node, $id);
like($row->{error_message}, qr/started 5 times and never came to its end/, 'it is given up after a while');
ok(is_no_snapshot($path), 'and nothing is left');

# No room.
sql($node, 'CREATE TABLE large AS SELECT i, md5(i::text) FROM generate_series(1, 200000) i');
$row = run_snapshot($node, "$small/disk/s", options => '{"tables": ["large"]}');
is($row->{status}, 'failed', 'a full disk');
like($row->{error_message}, qr/No space left on device/, 'says why');
ok(is_no_snapshot("$small/disk/s"), 'and leaves nothing');
is(run_snapshot($node, "$small/disk/s", %options)->{status}, 'complete', 'there is room again');

# What can't be removed is told.
$path = new_path();
$point = hold_point($node, 'snapshot-held');
$id = submit_snapshot($node, $path, %options);
$point->wait_reached;
append_to_file("$path/data/mine", 'x');
sql($node, "SELECT steep_repl.cancel_operation('$id')");
$point->release;
is(wait_for_snapshot($node, $id)->{status}, 'cancelled', 'cancelled, with a file of somebody else');
is(sql($node, 'SELECT kind, name FROM steep_repl.leftovers()'), "snapshot|$path", 'the directory is told of');
is(sql($node, 'SELECT status FROM steep_repl.health()'), 'degraded', 'by health, too');
unlink "$path/data/mine";
sql($node, q{SELECT steep_repl.prune_snapshots('1 day')});
is(sql($node, 'SELECT count(*) FROM steep_repl.leftovers()'), 0, 'it is removed later');
ok(is_no_snapshot($path), 'really');
is_unleaked($before, 'nothing is leaked');

done_testing();
