# A node becomes a copy of another that is written to all the while, by a backup
# that somebody takes from a slot's snapshot, or by a standby that is promoted:
# every row that was committed is there once.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "restart_after_crash = on\nwal_receiver_status_interval = 1s\nsteep_repl.max_workers = 3\n");
register_pair($target, $source);
make_bank($source);
my $before = state_of($target, $source);
my $load = start_bank($source, endure => 1);

sub prepare
{
	my ($node, $id, @more) = @_;
	my %row;

	@row{qw(slot lsn snapshot status)} = split /\|/,
	  sql($node, 'SELECT slot_name, lsn, snapshot_name, status FROM steep_repl.prepare_init(' . join(', ', map { quote($_) } $id, @more) . ')'), -1;
	return \%row;
}

# By the newer programs, if releases differ; what an older server can't set is
# left out.
sub restore
{
	my ($snapshot) = @_;

	return system_or_bail('sh', '-c',
		sprintf q{%s -d '%s' -n bank %s | grep -v transaction_timeout | %s -qX -v ON_ERROR_STOP=1 -o /dev/null -d '%s'},
		$source->installed_command('pg_dump'), $source->connstr('postgres'), $snapshot ? "--snapshot '$snapshot'" : '',
		$source->installed_command('psql'), $target->connstr('postgres'));
}

sub complete
{
	my ($slot, $options) = @_;

	return sprintf q{SELECT init_state FROM steep_repl.complete_init('target', 'source', '%s', '%s')}, $slot, $options // '{}';
}

my $slot = prepare($target, 'source', 'own_backup');
is("$slot->{slot} $slot->{status}", 'own_backup prepared', 'manual: a slot is prepared');
is(sql($source, q{SELECT confirmed_flush_lsn FROM pg_replication_slots}), $slot->{lsn}, 'at the place that is told');
is(sql($target, q{SELECT operation, phase FROM steep_repl.list_operations('running')}), 'init_hold|holding', 'a job holds its snapshot');
like(error_of($target, q{SELECT steep_repl.prepare_init('source', 'own_backup')}), qr/slot "own_backup" is prepared already/, 'refused: the same again');
like(error_of($target, complete('own_backup')), qr/bank\.accounts/, 'refused: a schema that is not there');
restore($slot->{snapshot});
like(error_of($target, complete('other')), qr/has no slot "other"/, 'refused: another slot');
like(error_of($target, complete('own_backup', '{"schema": "auto"}')), qr/a manual init creates no tables/, 'refused: to create tables');
like(error_of($target, complete('own_backup', '{"lsn": "0/1"}')), qr/slot "own_backup" does not reach back to 0\/1/, 'refused: a backup that is too old');
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'manual')}), qr/takes two calls/, 'refused: in one call');
is(sql($target, complete('own_backup')), 'preparing', 'it is completed');
is(wait_for_init($target), 'synchronized', 'and comes to its end');
is(sql($target, q{SELECT status, snapshot_name IS NULL FROM steep_repl.init_slots}), 'used|t', 'the snapshot is not held any more');
$load->stop;
wait_applied($target, $source, 'own_backup');
is_same_bank($target, $source, 'manual');
sql($target, 'DROP SUBSCRIPTION steep_repl_target; DROP SCHEMA bank CASCADE');
sql($target, q{DELETE FROM steep_repl.init_objects; UPDATE steep_repl.nodes SET init_state = 'uninitialized'});
sql($source, 'DROP PUBLICATION own_backup');
is_unleaked($before, 'manual: nothing is leaked');

# What was prepared can be given up.
$slot = prepare($target, 'source');
is($slot->{slot}, 'steep_repl_source', 'a slot has a name by itself');
sql($target, q{SELECT steep_repl.cancel_operation(id::text) FROM steep_repl.list_operations('running') WHERE operation = 'init_hold'});
wait_until(sub { sql($target, q{SELECT snapshot_name IS NULL FROM steep_repl.init_slots WHERE slot_name = 'steep_repl_source'}) eq 't' }, 'the snapshot to be let go');
is(sql($source, 'SELECT slot_name FROM pg_replication_slots'), 'steep_repl_source', 'the snapshot can be let go, and the slot stays');
like(error_of($target, q{SELECT steep_repl.cancel_init('source')}, 'merger'), qr/permission denied for slot/, 'others cannot remove it');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('source')});
is(sql($target, q{SELECT status FROM steep_repl.init_slots WHERE slot_name = 'steep_repl_source'}), 'dropped', 'it is given up');
is(sql($source, 'SELECT count(*) FROM pg_publication'), 0, 'with its publication');
is_unleaked($before, 'given up: nothing is leaked');

# By a role that is no superuser.
sql($target, 'GRANT USAGE ON FOREIGN SERVER to_source TO merger');
is(sql_as($target, 'merger', q{SELECT created_by FROM steep_repl.prepare_init('source', 'by_merger', '{"tables": ["bank.accounts"]}')}), 'merger', 'who is no superuser prepares one, too');
is(sql($source, q{SELECT string_agg(tablename, ' ') FROM pg_publication_tables}), 'accounts', 'of some tables');
sql_as($target, 'merger', q{SELECT NULL FROM steep_repl.cancel_init('source')});
is_unleaked($before, 'given up by him: nothing is leaked');

# Crashes: before the slot is recorded as prepared, and while it is held.
my $point = hold_point($target, 'manual-created');
my $session = $target->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/asked/, "\\echo asked\nSELECT steep_repl.prepare_init('source', 'own_backup');\n");
$point->wait_reached;
kill 'KILL', $point->waiter;
wait_back($target);
is(prepare($target, 'source', 'own_backup')->{status}, 'prepared', 'a crash does not keep a slot from being prepared');
$source->stop('immediate');
$source->start;
wait_until(sub { sql($target, q{SELECT snapshot_name IS NULL FROM steep_repl.init_slots WHERE slot_name = 'own_backup'}) eq 't' }, 'the snapshot to be lost');
is(sql($source, 'SELECT slot_name FROM pg_replication_slots'), 'own_backup', 'without its snapshot the slot is still there');

# Cancelled after it was completed; the user's rows stay.
restore();
$point = hold_point($target, 'begin subscribe');
sql($target, complete('own_backup'));
$point->wait_reached;
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
$point->release;
is(wait_for_init($target), 'uninitialized', 'manual: cancelled');
is(sql($target, q{SELECT count(*) FROM steep_repl.leftovers()}), 0, 'nothing is left over');
cmp_ok(sql($target, 'SELECT count(*) FROM bank.accounts'), '>', 0, 'but what was restored');
is_unleaked($before, 'cancelled: nothing is leaked');

# A physical copy: a standby that is promoted, of a slot that the source has
# prepared itself.
$load = start_bank($source);
sql($source, q{SELECT NULL FROM steep_repl.register_node('source', 'original')});
is(prepare($source, 'source', 'physical')->{snapshot}, '', 'the source prepares a slot itself');
$source->backup('physical');
my $copy = PostgreSQL::Test::Cluster->new('c', $ENV{STEEP_PEER_PREFIX} ? (install_path => $ENV{STEEP_PEER_PREFIX}) : ());
$copy->init_from_backup($source, 'physical', has_streaming => 1);
$copy->start;
$copy->promote;
my $lsn = sql($copy, 'SELECT pg_last_wal_replay_lsn()');
sql($copy, q{SELECT steep_repl.unregister_node('source')});
register_pair($copy, $source);
is(sql($copy, complete('physical', qq({"lsn": "$lsn"}))), 'preparing', 'a physical copy is completed');
is(wait_for_init($copy), 'synchronized', 'and comes to its end');
$load->stop;
wait_applied($copy, $source, 'physical');
is_same_bank($copy, $source, 'physical');

done_testing();
