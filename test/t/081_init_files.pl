# A node becomes a copy of another that is written to all the while, by way of
# files that somebody moves: every row that was committed is there once, and what
# was begun can be ended wherever it is.
use SteepTest;
use SteepTest::Init;
use SteepTest::Snapshot;

my ($target, $source) = start_pair(conf => "restart_after_crash = on\nmax_replication_slots = 4\nwal_receiver_status_interval = 1s\nsteep_repl.max_workers = 3\n");
if (sql($source, 'SHOW server_version_num') / 10000 >= 1 + int(sql($target, 'SHOW server_version_num') / 10000))
{
	register_pair($target, $source);
	like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'two-phase', '{"path": "/x"}')}), qr/are of a newer release of PostgreSQL/, 'refused: files of a newer release');
	done_testing();
	exit;
}
my $base = PostgreSQL::Test::Utils::tempdir;
my $n = 0;
register_pair($target, $source);
make_bank($source);
my $before = state_of($target, $source);
my $load = start_bank($source, endure => 1);

sub phase
{
	return sql($target, q{SELECT phase FROM steep_repl.init_progress('target')});
}

sub files_options
{
	my ($path, $more) = @_;

	return sprintf '{"path": "%s", "parallel": 2, "compression": "lz4"%s}', $path, $more ? ", $more" : '';
}

# Changes one byte of a file.
sub damage
{
	my ($file) = @_;

	open my $handle, '+<', $file or die "$file: $!";
	seek $handle, 10, 0;
	read $handle, my $byte, 1;
	seek $handle, 10, 0;
	print $handle chr(ord($byte) ^ 1);
	close $handle or die "$file: $!";
	return;
}

# Makes the target a node of its own again.
sub end_copy
{
	sql($target, 'DROP SUBSCRIPTION steep_repl_target');
	sql($target, q{DROP SCHEMA bank CASCADE});
	sql($target, q{DELETE FROM steep_repl.init_objects});
	sql($target, q{UPDATE steep_repl.nodes SET init_state = 'uninitialized'});
	sql($source, 'DROP PUBLICATION steep_repl_target');
	return;
}

# Makes sure that nothing is left of an init that is cancelled.
sub is_cancelled
{
	my ($name, @paths) = @_;

	is(wait_for_init($target), 'uninitialized', "$name: cancelled");
	is(sql($target, q{SELECT count(*) FROM steep_repl.leftovers()}), 0, "$name: nothing is left over");
	is(sql($target, q{SELECT to_regclass('bank.accounts') IS NULL}), 't', "$name: no table");
	ok(is_no_snapshot($_), "$name: no file") foreach @paths;
	is(sql($source, 'SELECT count(*) FROM pg_publication'), 0, "$name: no publication");
	return is_unleaked($before, "$name: nothing is leaked", qr/^(background|client)|pgbench/);
}

# Refused at the call.
foreach my $case (
	[ '{}', qr/method "two-phase" needs the option "path"/, 'no path' ],
	[ '{"path": "/x", "compression": "brotli"}', qr/compression/, 'no such compression' ],
	[ '{"path": "x"}', qr/path "x" is not absolute/, 'no absolute path' ])
{
	my ($options, $error, $name) = @$case;
	like(error_of($target, "SELECT steep_repl.start_init('target', 'source', 'two-phase', '$options')"), $error, "refused: $name");
}
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'snapshot', '{"path": "/x"}')}), qr/method "snapshot" has no option "path"/, 'refused: an option of another method');
sql($source, 'ALTER FUNCTION steep_repl.discard_snapshots(text) RENAME TO gone');
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'two-phase', '{"path": "/x"}')}), qr/cannot write files for us/, 'refused: a source that cannot write files');
sql($source, 'ALTER FUNCTION steep_repl.gone(text) RENAME TO discard_snapshots');
sql($source, q{SELECT pg_create_logical_replication_slot('steep_repl_target', 'pgoutput')});
my $call = "SELECT steep_repl.start_init('target', 'source', 'two-phase', '" . files_options("$base/no") . "')";
like(error_of($target, $call), qr/slot "steep_repl_target" exists already/, 'refused: the slot is there');
sql($source, qq{SELECT pg_create_logical_replication_slot('other$_', 'pgoutput')}) foreach 1 .. 3;
sql($source, q{SELECT pg_drop_replication_slot('steep_repl_target'), pg_create_logical_replication_slot('other', 'pgoutput')});
like(error_of($target, $call), qr/no room for another subscriber.*max_replication_slots/s, 'refused: no slot is to be had');
like(error_of($target, q{SELECT steep_repl.prepare_init('source')}), qr/no room for another subscriber/, 'nor to be prepared');
sql($source, 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
sql($target, 'CREATE SCHEMA bank; CREATE TABLE bank.branches (bid int PRIMARY KEY, bbalance int NOT NULL DEFAULT 0, filler text); INSERT INTO bank.branches VALUES (1)');
like(error_of($target, $call), qr/table "bank.branches" is not empty/, 'refused: rows are here');
sql($target, 'DROP SCHEMA bank CASCADE');

# Cancelled wherever it is.
foreach my $case ([ $target, 'files-slot' ], [ $target, 'files-export' ],
	[ $source, 'snapshot-held' ], [ $target, 'files-loading' ], [ $target, 'begin subscribe' ])
{
	my ($node, $name) = @$case;
	my $path = "$base/cancel" . ++$n;
	my $point = hold_point($node, $name);

	start_init($target, 'two-phase', files_options($path));
	$point->wait_reached;
	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	$point->release;
	is_cancelled($name, $path);
}

# A file that was damaged on its way.
my ($path, $input) = ("$base/damaged", "$base/damaged_in");
start_init($target, 'two-phase', files_options($path, qq{"input": "$input"}));
wait_until(sub { phase() eq 'waiting_for_files' || init_state($target) eq 'failed' }, 'the files to be written');
system_or_bail('cp', '-r', $path, "$base/tmp");
damage((glob "$base/tmp/data/*")[0]);
rename "$base/tmp", $input;
like(wait_for_init($target), qr/failed: snapshot "snap_\w+" that is applied here has ended: failed\n.*file "data\/1\.1\.copy\.lz4"/s, 'a damaged file is refused');
like(sql($target, q{SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM steep_repl.leftovers()}), qr/slot snapshot/, 'what is left is listed');

# Both nodes restart in the middle; the next start cleans first.
$path = "$base/crash";
my $point = hold_point($target, 'files-exporting');
is(start_init($target, 'two-phase', files_options($path)), 'preparing', 'a failed init is started again');
$point->wait_reached;
ok(is_no_snapshot("$base/damaged"), 'that has removed what the failed one had written');
kill 'KILL', $point->waiter;
wait_back($target);
$point = hold_point($source, 'snapshot-write');
$point->wait_reached;
$source->stop('immediate');
$source->start;
is(wait_for_init($target), 'synchronized', 'crashes of both nodes do not keep it from its end');
end_copy();

# In two phases; the files are moved while the init waits for them.
($path, $input) = ("$base/out", "$base/in");
is(start_init($target, 'two-phase', files_options($path, qq{"input": "$input"})), 'preparing', 'files: submitted');
wait_until(sub { phase() eq 'waiting_for_files' || init_state($target) eq 'failed' }, 'the files to be written');
is(init_state($target), 'copying', 'it waits for its files') or diag wait_for_init($target);
like(sql($target, q{SELECT error FROM steep_repl.init_progress('target')}), qr/could not open directory "\Q$input\E"/, 'and says what it misses');
mkdir $input;
system_or_bail('sh', '-c', "cp -r '$path'/data '$path'/schema '$input' && cp '$path/manifest.json' '$input'");
is(wait_for_init($target), 'synchronized', 'it goes on once they are there');
is(sql($target, q{SELECT bool_and(i.lsn = s.lsn) FROM steep_repl.inits i JOIN steep_repl.snapshots s ON s.source = i.snapshot_id WHERE i.status = 'complete'}), 't', 'the manifest has the place of the slot');
$load->stop;
wait_applied($target, $source);
is_same_bank($target, $source, 'files');
is(sql($target, q{SELECT last_value > 1 FROM bank.history_hid_seq}), 't', 'sequences are there, too');
ok(-e "$path/manifest.json", 'the files are kept');

done_testing();
