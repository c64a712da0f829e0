# A disk that is full while a snapshot is applied: the apply fails and says why
# once that can be written, and goes well then.  Rows of 100 MB need memory for
# one; one that COPY could not read is refused.
use SteepTest::Namespace qw(mount);
use SteepTest;
use SteepTest::Snapshot;

my $small = PostgreSQL::Test::Utils::tempdir;
mount_small("$small/space", 32);
my $node = start_node('a', conf => "steep_repl.max_workers = 2\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my ($row, $id);

sql($node, <<"EOC");
CREATE TABLE t (id int, x text, y text);
INSERT INTO t SELECT i, md5(i::text), md5((-i)::text) FROM generate_series(1, 120000) i;
CREATE TABLE fat (id int, x text);
ALTER TABLE fat ALTER x SET STORAGE EXTERNAL;
INSERT INTO fat SELECT i, repeat(md5(i::text), 3276800) FROM generate_series(1, 3) i;
CREATE TABLESPACE small LOCATION '$small/space';
CREATE DATABASE copy TEMPLATE template0 TABLESPACE small;
EOC
sql($node, 'CREATE EXTENSION steep_repl CASCADE', 'copy');
my $before = state_of($node);
my %options = (options => '{"tables": ["t"]}');
is(run_snapshot($node, "$base/rows", %options)->{status}, 'complete', 'the snapshot');
sql($node, 'CREATE INDEX ON t (x); CREATE INDEX ON t (y); CREATE INDEX ON t (x, y); CREATE INDEX ON t (y, x)');
is(run_snapshot($node, "$base/indexes", %options)->{status}, 'complete', 'one with indexes');

# No room for rows, then none for indexes.
sub free
{
	return sql($node, q{SELECT pg_database_size('copy') / 1048576}) + $_[0];
}

foreach my $case ([ rows => 6, 'load' ], [ indexes => 20, 'index' ])
{
	my ($name, $room, $step) = @$case;

	sql($node, 'DROP TABLE IF EXISTS t; CHECKPOINT', 'copy');
	resize_small("$small/space", free($room));
	my $offset = -s $node->logfile;
	$id = submit_apply($node, "$base/$name", dbname => 'copy');
	$node->wait_for_log(qr/No space left on device/, $offset);
	resize_small("$small/space", 400);
	$row = wait_for_snapshot($node, $id, 'copy');
	is($row->{status}, 'failed', "no room for $name: the apply fails");
	like($row->{error_message}, qr/No space left on device/, "$name: and says why");
	like($row->{error_message}, qr/NOTE:  What was loaded stays/, "$name: and what stays");
	is(sql($node, "SELECT kind FROM steep_repl.work_steps WHERE error_message LIKE '%No space left%' ORDER BY job_id DESC LIMIT 1", 'copy'), $step, "$name: where");
	is(sql($node, 'SELECT count(*) = 120000 FROM t', 'copy'), $step eq 'load' ? 'f' : 't', "$name: rows");
	is(sql($node, "SELECT count(*) FROM steep_repl.verify_snapshot('$base/$name')"), 0, "$name: the snapshot is sound");
	is_unleaked($before, "$name: nothing is leaked");
	sql($node, 'DROP TABLE t; CHECKPOINT', 'copy');
	$row = run_apply($node, "$base/$name", dbname => 'copy');
	is($row->{status}, 'complete', "$name: there is room again") or diag $row->{error_message};
}

# Rows of 100 MB: the one that is read or loaded is in memory several times, as
# COPY needs it, and no more of them are.
sub memory
{
	my ($pid) = @_;
	my ($peak) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
	my ($shared) = slurp_file("/proc/$pid/status") =~ /^RssShmem:\s+(\d+)/m;

	return ($peak - $shared) / 1024;
}

foreach my $case ([ 'done data', 100 + 64 ], [ 'done load', 3 * 128 + 64 ])
{
	my ($name, $most) = @$case;
	my $apply = $name =~ /load/;
	my $point = hold_point($node, $name, $apply ? 'copy' : 'postgres');

	$id = $apply ? submit_apply($node, "$base/fat", dbname => 'copy', parallel => 1)
	  : submit_snapshot($node, "$base/fat", compression => 'zstd', options => '{"tables": ["fat"]}', parallel => 1);
	$point->wait_reached;
	my $peak = memory($point->waiter);
	cmp_ok($peak, '<', $most, sprintf '%s: rows of 100 MB: %d MB', $name, $peak);
	$point->release;
	$row = wait_for_snapshot($node, $id, $apply ? 'copy' : 'postgres');
	is("$row->{status} $row->{rows}", 'complete 3', "$name: complete") or diag $row->{error_message};
}

# A row whose text is longer than COPY reads, by less than a buffer.
sql($node, <<'EOC');
CREATE TABLE endless (x bytea);
ALTER TABLE endless ALTER x SET STORAGE EXTERNAL;
INSERT INTO endless SELECT string_agg(decode(repeat('00', 1048576), 'hex'), '') || decode(repeat('00', 1048575), 'hex') FROM generate_series(1, 511);
EOC
$row = run_snapshot($node, "$base/endless", options => '{"tables": ["endless"]}');
like($row->{error_message}, qr/row is too long for COPY.*other tables in the option "tables".*public\.endless/s, 'a row that COPY could not read is refused, by name');
ok(is_no_snapshot("$base/endless"), 'and nothing is left');
is_unleaked($before, 'nothing is leaked');

done_testing();
