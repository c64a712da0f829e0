# Two nodes become copies of a third at once, one reached with a password, one
# with a password file; how far they are can be seen, and where the password is.
use SteepTest;
use SteepTest::Init;

my $conf = "max_logical_replication_workers = 8\nwal_receiver_status_interval = 1s\nwal_retrieve_retry_interval = 300ms\n";
my $passfile = PostgreSQL::Test::Utils::tempdir() . '/passfile';
append_to_file($passfile, "127.0.0.1:*:*:admin:${\secret()}\n");
chmod 0600, $passfile;
my ($target, $source) = start_pair(conf => $conf);
$ENV{PGPASSFILE} = $passfile;
my $third = start_node('c', conf => $conf);
delete $ENV{PGPASSFILE};
make_bank($source, scale => 2);
my $load = start_bank($source, scale => 2);

register_pair($target, $source);
sql_as($third, 'admin', sprintf q{SELECT steep_repl.register_node('third', 'the other copy, by its address', '127.0.0.1', %d)}, $third->port);
sql_as($third, 'admin', sprintf q{SELECT steep_repl.register_node('source', 'original', '127.0.0.1', %d)}, $source->port);

# The one whose subscription will keep a password is warned of it.
my $point = hold_point($target, 'done catchup');
my (undef, undef, $warning) = $target->psql('postgres', q{SELECT steep_repl.start_init('target', 'source')});
like($warning, qr/WARNING:  subscription "steep_repl_target" will keep the password.*subconninfo.*passfile/s, 'where the password goes is said');
(undef, undef, $warning) = $third->psql('postgres', q{SELECT steep_repl.start_init('third', 'source', 'snapshot', '{"schema": "auto"}')},
	connstr => conninfo($third));
is($warning, '', 'a password file needs no warning');

# How far it is.
$point->wait_reached;
is(sql($target, q{SELECT init_state, phase, tables_completed, tables_total, rows_copied > 20000, bytes_copied > 0, lag_bytes >= 0
	FROM steep_repl.init_progress('target')}), 'catching_up|catching_up|4|4|t|t|t', 'rows, bytes and lag are shown');
is(sql($target, q{SELECT phase FROM steep_repl.list_operations() WHERE operation = 'init_start'}), 'catching_up', 'also among the operations');
$point->release;
is(wait_for_init($target), 'synchronized', 'one copy is there');
is(sql_as($third, 'admin', "SELECT init_state FROM steep_repl.wait_init('third', 180)"), 'synchronized', 'and the other');
$load->stop;
wait_applied($target, $source);
wait_applied($third, $source, 'steep_repl_third');
is_same_bank($target, $source, 'one copy');
is_same_bank($third, $source, 'the other');

# The password is in the one place that was said, and in no other.
is(sql($target, sprintf q{SET log_statement = 'none'; SELECT count(*) FROM pg_subscription WHERE subconninfo LIKE '%%%s%%'}, secret()), '1', 'it is in the subscription');
is(sql($third, sprintf q{SET log_statement = 'none'; SELECT count(*) FROM pg_subscription WHERE subconninfo LIKE '%%%s%%'}, secret()), '0', 'but not with a password file');
is(join("\n", places_of(secret(), $target, $source, $third)), '', 'and nowhere else');

# What is done to the original is done to both.
sql($source, 'UPDATE bank.accounts SET abalance = 1; DELETE FROM bank.history');
wait_applied($target, $source);
wait_applied($third, $source, 'steep_repl_third');
is(sql($_, 'SELECT sum(abalance), (SELECT count(*) FROM bank.history) FROM bank.accounts'), '20000|0', 'changes follow') foreach $target, $third;
done_testing();
