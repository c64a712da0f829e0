# What may get in the way of a direct copy: it is refused before anything is
# made, or goes on, and a cancel at any time leaves nothing on either node.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "wal_receiver_status_interval = 1s\nsteep_repl.lock_timeout = 500\n");
my $objects = q{SELECT string_agg(oid::regclass::text, ' ' ORDER BY oid) FROM pg_class WHERE relkind IN ('r', 'p', 'S') AND relnamespace IN ('public'::regnamespace, to_regnamespace('bank'))};
my $made = 'SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_replication_slots)';
my $point;

register_pair($target, $source);
make_bank($source, scale => 6);
sql($source, 'CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (1, NULL), (2, 2)');

sub is_clean
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(wait_for_init($target), 'uninitialized', "$name: it ends");
	is(sql($target, "SELECT concat(($objects), (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM steep_repl.leftovers()))"),
		'00', "$name: nothing stays");
	is(sql($source, $made), 0, "$name: nor on the source");
	return;
}

sub fails
{
	my ($options, $error, $name) = @_;

	start_init($target, 'direct', $options);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(wait_for_init($target), $error, "$name");
	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	return is_clean($name);
}

# A cancel, step by step.
foreach my $name ('begin create', 'begin plan', 'direct-slot', 'direct-held', 'begin index', 'begin finish', 'begin subscribe', 'begin catchup')
{
	$point = hold_point($target, $name);
	start_init($target, 'direct', '{"parallel": 2}');
	$point->wait_reached;
	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	is_clean("cancelled at $name");
	$point->release;
}

# A slot waits for all who write.
my $writer = $source->background_psql('postgres');
$writer->query_safe('BEGIN; INSERT INTO t VALUES (3)');
start_init($target, 'direct');
wait_until(sub { sql($source, 'SELECT count(*) FROM pg_replication_slots WHERE active') }, 'a slot that waits');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
is_clean('cancelled while the slot waits');
$writer->query_safe('ROLLBACK');

# Somebody waits to alter a table while it is copied.
sub start_altering
{
	$writer->{stdin} .= "BEGIN; LOCK TABLE bank.accounts, t; ROLLBACK;\n";
	$writer->{run}->pump_nb;
	return wait_until(sub { sql($source, q{SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'}) }, 'who waits to alter it');
}

# If a worker comes late then, all let go, and start over.
$point = hold_point($target, 'begin load');
start_init($target, 'direct', '{"parallel": 2}');
$point->wait_reached;
wait_until(sub { sql($source, q{SELECT count(*) FROM pg_locks WHERE relation = 'bank.accounts'::regclass AND mode = 'AccessShareLock'}) }, 'who holds the snapshot');
start_altering();
$point->release;
wait_until(sub { sql($target, q{SELECT attempt FROM steep_repl.work_queue ORDER BY id DESC LIMIT 1}) > 1 }, 'the next start');
wait_until(sub { !sql($source, q{SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'}) }, 'who has waited to alter it');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
is_clean('cancelled after that');

# The source, or the tables here, are not as they should be.
fails('{"schema": "strict"}', qr/^failed: .*schemas of the tables differ/, 'strict');
fails('{"schema": "manual"}', qr/^failed: .*table "bank\.accounts" does not exist here/, 'manual');
sql($source, 'CREATE PUBLICATION half FOR TABLE t WHERE (id > 1)');
start_init($target, 'direct', '{"publication": "half"}');
like(wait_for_init($target), qr/^failed: .*publication "half" has only a part of table "public\.t"/, 'a row filter');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
wait_for_init($target);
sql($source, 'DROP PUBLICATION half');
sql($target, 'CREATE TABLE t (id int PRIMARY KEY, x bigint)');
start_init($target, 'direct', '{"tables": ["t"]}');
like(wait_for_init($target), qr/^failed: .*table "public\.t" exists and does not fit/, 'another type');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
wait_for_init($target);
sql($target, 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (9)');
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source', 'direct')}), qr/table "public\.t" is not empty/, 'a table that has rows');

# Else it need not wait for ever, and neither do we.
$point = hold_point($target, 'direct-load');
start_init($target, 'direct', '{"force": true, "parallel": 2}');
$point->wait_reached;
start_altering();
$point->release;
is(wait_for_init($target), 'synchronized', 'a table is copied that somebody waits to alter');
is(sql($target, 'SELECT string_agg(id || coalesce(x, $$-$$), $$ $$ ORDER BY id) FROM t'), '1- 22 9-', 'to rows that were there others are added');
wait_applied($target, $source);
is_same_bank($target, $source, 'all');
$writer->quit;
done_testing();
