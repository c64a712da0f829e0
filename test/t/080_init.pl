# A node becomes a copy of another that is written to all the while, by the
# subscription's own copy, and follows it; each phase can be cancelled, and what
# goes wrong is said before anything is made.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "max_logical_replication_workers = 8\nwal_receiver_status_interval = 1s\n");
register_pair($target, $source);
make_bank($source, scale => 2);
my $load = start_bank($source, scale => 2);
my $before = state_of($target, $source);

is(start_init($target, 'snapshot'), 'preparing', 'an init is submitted');
is(wait_for_init($target), 'synchronized', 'it comes to its end while the source is written to')
  or BAIL_OUT('nothing else can work');
is(sql($target, q{SELECT string_agg(new_value #>> '{}', ' ' ORDER BY id) FROM steep_repl.audit_log WHERE action = 'node.state'}),
	'preparing copying catching_up synchronized', 'each state is in the audit log');
ok($load->stop > 0, 'the load has run');
wait_applied($target, $source);
is_same_bank($target, $source, 'snapshot');
is(sql($target, q{SELECT init_state, overall_percent, tables_completed, tables_total, error FROM steep_repl.init_progress('target')}),
	'synchronized|100|4|4|', 'init_progress says so');
is(sql($target, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'what belongs to the copy is no leftover');
diag sql($target, 'SELECT * FROM steep_repl.init_progress(NULL)');
done_testing();
