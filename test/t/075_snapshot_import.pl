# A snapshot in files of a moment that another session has exported: it has the
# rows of that moment, and what was done to its tables since then is noticed.
use SteepTest;
use SteepTest::Snapshot;

my $node = start_node('a', conf => "restart_after_crash = on\nsteep_repl.max_workers = 2\nsteep_repl.lock_timeout = 2s\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my $before = state_of($node);
my ($session, $name, $row, $n);

sql($node, <<'EOC');
CREATE TABLE t (i int PRIMARY KEY, x text);
INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 30000) i;
CREATE INDEX t_x ON t (left(x, 8));
CREATE TABLE parts (i int) PARTITION BY LIST (i);
CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);
INSERT INTO parts VALUES (1);
CREATE TABLE empty (i int);
EOC

sub export_snapshot
{
	$session = $node->background_psql('postgres');
	$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	return $session->query_safe('SELECT pg_export_snapshot()');
}

sub exported
{
	my ($name, $more) = @_;

	return sprintf '{"snapshot": "%s"%s}', $name, $more ? ", $more" : '';
}

sub end_export
{
	$session->quit;
	wait_until(sub { !sql($node, "SELECT count(*) FROM pg_ls_dir('pg_snapshots') f WHERE f = '$name'") }, 'the exported snapshot to go');
	return;
}

# Rows of that moment, whatever was written since; it is held until it is
# imported, not longer.
$name = export_snapshot();
sql($node, "UPDATE t SET x = 'new' WHERE i <= 100; DELETE FROM t WHERE i > 29000; INSERT INTO t VALUES (0, 'new'); INSERT INTO empty VALUES (1)");
my $point = hold_point($node, 'snapshot-held');
my $id = submit_snapshot($node, "$base/one", compression => 'zstd', options => exported($name, '"lsn": "0/ABCDEF0"'));
$point->wait_reached;
end_export();
$point->release;
$row = wait_for_snapshot($node, $id);
is("$row->{status} $row->{rows}", 'complete 30001', 'the rows of then') or diag $row->{error_message};
load_snapshot($node, "$base/one", 'copy');
is(sql($node, "SELECT count(*), count(*) FILTER (WHERE x = 'new'), min(i), max(i) FROM t", 'copy'), '30000|0|1|30000', 'and not of now');
is(read_manifest("$base/one")->{lsn}, '0/ABCDEF0', 'the manifest has the place in the log that was told');
is(sql($node, "SELECT lsn FROM steep_repl.snapshots WHERE snapshot_id = '$id'"), '0/ABCDEF0', 'and so has the record');

# Lost by the job, it is imported again.
$name = export_snapshot();
$point = hold_point($node, 'snapshot-held');
$id = submit_snapshot($node, "$base/two", options => exported($name));
$point->wait_reached;
sql($node, 'INSERT INTO t VALUES (-1)');
sql($node, 'SELECT pg_terminate_backend(' . $point->waiter . ')');
$point->release;
$row = wait_for_snapshot($node, $id);
is("$row->{status} $row->{rows}", 'complete 29003', 'a holder that goes imports it again') or diag $row->{error_message};
is(sql($node, "SELECT attempt FROM steep_repl.work_queue WHERE snapshot_id = '$id'"), 2, 'in another attempt');
is(read_manifest("$base/two")->{lsn}, '0/0', 'of which the place in the log is not known');
end_export();

# What was done since then.
foreach my $case (
	[ 'TRUNCATE empty', qr/table "public.empty" has been emptied or rewritten/, 'emptied' ],
	[ 'VACUUM FULL t', qr/table "public.t" has been emptied or rewritten/, 'rewritten' ],
	[ 'TRUNCATE parts', qr/table "public.part1" has been emptied or rewritten/, 'emptied with its partitions' ],
	[ 'ALTER TABLE t ADD y int', qr/tables have been altered/, 'a column' ],
	[ 'ALTER TABLE t RENAME TO u', qr/tables have been altered/, 'renamed' ],
	[ 'ALTER TABLE u RENAME TO t; DROP INDEX t_x', qr/tables have been altered/, 'an index' ],
	[ 'CREATE TABLE more (i int)', qr/tables have been altered/, 'a table' ],
	[ 'DROP TABLE more', qr/tables have been altered/, 'a table less' ])
{
	my ($ddl, $error, $what) = @$case;
	my $path = "$base/no" . ++$n;

	$name = export_snapshot();
	sql($node, $ddl);
	$row = run_snapshot($node, $path, options => exported($name));
	is($row->{status}, 'failed', "$what: refused");
	like($row->{error_message}, qr/$error since the snapshot was exported/, "$what: and why");
	ok(is_no_snapshot($path), "$what: nothing is left");
	end_export();
}

# One that is gone, at the call or after it.
$name = export_snapshot();
$point = hold_point($node, 'done plan');
$id = submit_snapshot($node, "$base/gone", options => exported($name));
$point->wait_reached;
end_export();
$point->release;
$row = wait_for_snapshot($node, $id);
is($row->{status}, 'failed', 'one that goes meanwhile');
like($row->{error_message}, qr/exported snapshot "\Q$name\E" is not valid any more.*Export another/s, 'with a hint');
ok(is_no_snapshot("$base/gone"), 'leaves nothing');
foreach my $case (
	[ exported($name), qr/exported snapshot "\Q$name\E" is not valid any more/, 'gone' ],
	[ exported('../t'), qr/value of option "snapshot" is not valid/, 'no name' ],
	[ '{"snapshot": 1}', qr/value of option "snapshot" is not valid/, 'a number' ],
	[ '{"lsn": "0/1"}', qr/option "lsn" needs option "snapshot"/, 'a place in the log alone' ],
	[ exported($name, '"lsn": "x"'), qr/value of option "lsn" is not valid/, 'no place in the log' ],
	[ exported($name, '"lsn": "0/"'), qr/invalid input syntax for type pg_lsn/, 'half a place' ])
{
	my ($options, $error, $what) = @$case;
	like(error_of($node, "SELECT steep_repl.start_snapshot('$base/no', 'none', 1, '$options')"), $error, "refused: $what");
}

sql($node, 'DROP DATABASE copy');
is_unleaked($before, 'nothing is leaked');
done_testing();
