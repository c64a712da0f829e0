# A node becomes a copy of another that is written to all the while, by way of
# files that somebody moves, or of a backup that somebody restores: every row
# that was committed is there once, and what was begun can be ended.
use SteepTest;
use SteepTest::Init;
use SteepTest::Snapshot;

my ($target, $source) = start_pair(conf => "restart_after_crash = on\nmax_replication_slots = 4\nwal_receiver_status_interval = 1s\nsteep_repl.max_workers = 3\n");
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

# Ends an init that was begun, and makes sure that nothing is left of it.
sub end_init
{
	my ($name, @paths) = @_;

	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	is(wait_for_init($target), 'uninitialized', "$name: cancelled");
	is(sql($target, q{SELECT count(*) FROM steep_repl.leftovers()}), 0, "$name: nothing is left over");
	is(sql($target, q{SELECT to_regclass('bank.accounts') IS NULL}), 't', "$name: no table");
	ok(is_no_snapshot($_), "$name: no file") foreach @paths;
	is(sql($source, 'SELECT count(*) FROM pg_publication'), 0, "$name: no publication");
	return is_unleaked($before, "$name: nothing is leaked", qr/^(background|client)|pgbench/);
}

# In two phases; the files are moved while the init waits for them.
my ($path, $input) = ("$base/out", "$base/in");
is(start_init($target, 'two-phase', files_options($path, qq{"input": "$input"})), 'preparing', 'files: submitted');
wait_until(sub { phase() eq 'waiting_for_files' || init_state($target) eq 'failed' }, 'the files to be written');
is(init_state($target), 'copying', 'it waits for its files') or diag wait_for_init($target);
like(sql($target, q{SELECT error FROM steep_repl.init_progress('target')}), qr/could not open directory "\Q$input\E"/, 'and says what it misses');
mkdir $input;
system_or_bail('sh', '-c', "cp -r '$path'/data '$path'/schema '$input' && cp '$path/manifest.json' '$input'");
is(wait_for_init($target), 'synchronized', 'it goes on once they are there');
is(sql($target, q{SELECT lsn = (SELECT lsn FROM steep_repl.snapshots) FROM steep_repl.inits}), 't', 'the manifest has the place of the slot');
$load->stop;
wait_applied($target, $source);
is_same_bank($target, $source, 'files');
is(sql($target, q{SELECT last_value >= (SELECT max(hid) FROM bank.history) - 1000 FROM bank.history_hid_seq}), 't', 'sequences are there, too');
ok(-e "$path/manifest.json", 'the files are kept');

done_testing();
