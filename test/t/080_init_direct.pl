# A node becomes a copy of another that is written to all the while: rows are
# copied over the wire, side by side, and all that is committed later follows.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "wal_receiver_status_interval = 1s\n");
register_pair($target, $source);
make_bank($source, scale => 20);
my $load = start_bank($source, scale => 20);
my $before = state_of($target, $source);

is(start_init($target, 'direct', '{"parallel": 2}'), 'preparing', 'an init is submitted');
is(wait_for_init($target), 'synchronized', 'it comes to its end while the source is written to')
  or BAIL_OUT('nothing else can work');
ok($load->stop > 0, 'the load has run');
wait_applied($target, $source);
is_same_bank($target, $source, 'direct');
diag sql($target, 'SELECT kind, target, status, rows, bytes, completed_at - started_at FROM steep_repl.work_steps ORDER BY id');
done_testing();
