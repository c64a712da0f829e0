# An init outlives the death of its workers and of either node, in each phase,
# while the source is written to; a source that is gone for good is said so, and
# what it has is not forgotten.
use SteepTest;
use SteepTest::Init;

my $conf = "restart_after_crash = on\nmax_logical_replication_workers = 8\nwal_receiver_status_interval = 1s\nwal_retrieve_retry_interval = 300ms\n";
my ($target, $source) = start_pair(conf => $conf, peer_conf => "max_replication_slots = 5\n");
register_pair($target, $source);
make_bank($source, scale => 2);

# An own way for each, since the load ends with the source.
my %faults = (
	'target: worker killed, slot' => [ 'done slot', sub { kill 'KILL', $_[0]->waiter } ],
	'target: worker killed, subscribe' => [ 'done subscribe', sub { kill 'KILL', $_[0]->waiter } ],
	'target: immediate restart, copy' => [ 'begin copy', sub { $target->stop('immediate'); $target->start } ],
	'target: worker killed, catchup' => [ 'begin catchup', sub { kill 'KILL', $_[0]->waiter } ],
	'source: immediate restart, prepare' => [ 'done prepare', sub { $source->stop('immediate'); $source->start } ],
	'source: immediate restart, copy' => [ 'begin copy', sub { $source->stop('immediate'); $source->start } ]);
foreach my $name (sort keys %faults)
{
	my ($where, $fault) = @{ $faults{$name} };
	my $load = start_bank($source, scale => 2, endure => 1);
	my $point = hold_point($target, $where);

	start_init($target, 'snapshot');
	$point->wait_reached;
	$fault->($point);
	wait_back($target);
	eval { $point->release };
	is(wait_for_init($target), 'synchronized', "$name: it comes to its end");
	$load->stop;
	wait_applied($target, $source);
	is_same_bank($target, $source, $name);
	decommission($target, $source);
}

# No room on the source.
sql($source, q{SELECT pg_create_logical_replication_slot('taken_' || i, 'pgoutput') FROM generate_series(1, 5) i});
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source')}),
	qr/no room for another subscriber.*All 5 of its max_replication_slots are in use/s, 'a source without a free slot is refused');
sql($source, q{SELECT pg_drop_replication_slot('taken_' || i) FROM generate_series(1, 5) i});

# The source is gone when the init is cancelled: this node is clean, and what the
# source has stays in the record until it can be removed.
my $before = state_of($target);
my $point = hold_point($target, 'begin copy');
start_init($target, 'snapshot');
$point->wait_reached;
$source->stop('immediate');
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
$point->release;
like(wait_for_init($target), qr/^failed: .*to_source|^failed: .*source/, 'a source that is gone cannot be cleaned');
is_unleaked($before, 'but this node is');
is(sql($target, q{SELECT string_agg(kind, ' ' ORDER BY kind) FROM steep_repl.leftovers() WHERE kind <> 'slot'}),
	'publication', 'what it has is listed');
$source->start;
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
is(wait_for_init($target), 'uninitialized', 'once it is back it is cleaned');
is(sql($source, 'SELECT count(*) FROM pg_replication_slots'), '0', 'its slots are gone');
is(sql($target, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'and forgotten');

# A source that is down when the init is submitted.
$source->stop;
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source')}), qr/could not (establish connection|connect)/, 'a source that is down is an error of the call');
is(init_state($target), 'uninitialized', 'the node is as it was');
done_testing();
