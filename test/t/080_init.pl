# A node becomes a copy of another that is written to all the while, by the
# subscription's own copy, and follows it; each phase can be cancelled, and what
# goes wrong is said before anything is made.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "max_logical_replication_workers = 8\nwal_receiver_status_interval = 1s\nwal_retrieve_retry_interval = 300ms\n");
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

# What a caller gets wrong is said at once, and nothing is made.
my @wrong = (
	[ q{start_init('target', 'source')}, qr/node "target" is synchronized.*start_reinit/s, 'a node that follows already' ],
	[ q{start_init('target', 'nobody')}, qr/node "nobody" does not exist|is synchronized/, 'an unknown source' ],
	[ q{start_init('source', 'target')}, qr/node "source" is not this one/, 'a target that is elsewhere' ],
	[ q{start_init('target', 'source', 'magic')}, qr/method "magic" does not exist.*snapshot/s, 'an unknown method' ],
	[ q{start_init('target', 'source', 'snapshot', '{"x": 1}')}, qr/option "x" does not exist.*tables/s, 'an unknown option' ],
	[ q{cancel_init('target')}, qr/not being initialised.*synchronized/s, 'nothing to cancel' ],
	[ q{start_reinit('target', '{}')}, qr/must say one thing/, 'a scope that says nothing' ],
	[ q{start_reinit('target', '{"tables": ["bank.nothing"]}')}, qr/"bank.nothing" is not replicated by subscription "steep_repl_target"/, 'a table that is not replicated' ],
	[ q{start_reinit('target', '{"schema": "pg_catalog"}')}, qr/replicates no such tables/, 'a schema without tables' ],
	[ q{start_reinit('target', '{"tables": ["bank.branches"]}')}, qr/cannot be copied again without table "bank.tellers".*tellers_bid_fkey/s, 'a table that another refers to' ]);
foreach my $case (@wrong)
{
	my ($call, $message, $name) = @$case;
	like(error_of($target, "SELECT steep_repl.$call"), $message, "refused: $name");
}

# A reinit takes back what was done to the copy, and to no other table.
sql($target, q{UPDATE bank.accounts SET filler = 'damaged' WHERE aid % 100 = 0});
sql($target, q{UPDATE bank.history SET delta = delta + 1 WHERE hid = 1});
my $states = q{SELECT string_agg(format('%s %s', srrelid::regclass, srsublsn), ' ' ORDER BY srrelid) FROM pg_subscription_rel
	WHERE srrelid <> 'bank.accounts'::regclass};
my $others = sql($target, $states);
$load = start_bank($source, scale => 2);
is(sql($target, q{SELECT init_state FROM steep_repl.start_reinit('target', '{"tables": ["bank.accounts"]}')}),
	'reinitializing', 'a reinit is submitted');
is(wait_for_init($target), 'synchronized', 'it comes to its end while the source is written to');
is(sql($target, $states), $others, 'other tables were left alone');
isnt(sql($target, 'SELECT sum(delta) FROM bank.history WHERE hid = 1'),
	sql($source, 'SELECT sum(delta) FROM bank.history WHERE hid = 1'), 'and keep what was done to them');
sql($target, 'CREATE TABLE bank.heirs () INHERITS (bank.history); INSERT INTO bank.heirs (hid) VALUES (-1)');
is(sql($target, q{SELECT init_state FROM steep_repl.start_reinit('target', '{"full": true}')}), 'reinitializing', 'all tables');
is(wait_for_init($target), 'synchronized', 'are copied again');
is(sql($target, 'SELECT count(*) FROM bank.heirs'), '1', 'but none that only inherits from one is emptied');
sql($target, 'DROP TABLE bank.heirs');
$load->stop;
wait_applied($target, $source);
is_same_bank($target, $source, 'reinit');

# From here on the node starts anew each time.
decommission($target, $source);
$before = state_of($target, $source);

sql($source, q{SELECT pg_create_logical_replication_slot('steep_repl_target', 'pgoutput')});
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source')}),
	qr/slot "steep_repl_target" exists already on node "source.*option "slot"/s, 'a slot of that name is refused');
sql($source, q{SELECT pg_drop_replication_slot('steep_repl_target')});
sql($target, 'CREATE SCHEMA bank; CREATE TABLE bank.branches (bid int PRIMARY KEY, bbalance int NOT NULL DEFAULT 0, filler text); INSERT INTO bank.branches VALUES (7)');
like(error_of($target, q{SELECT steep_repl.start_init('target', 'source')}),
	qr/table "bank.branches" is not empty.*TRUNCATE/s, 'a table with rows is refused');
sql($target, 'DROP SCHEMA bank CASCADE');
is_unleaked($before, 'what was refused has left nothing');

# A table that cannot be filled: the init fails, says why, and the next cleans.
sql($target, 'CREATE SCHEMA bank; CREATE TABLE bank.branches (bid int PRIMARY KEY, bbalance int NOT NULL DEFAULT 0, filler text, CHECK (bid > 1))');
is(start_init($target, 'snapshot', '{"schema": "manual", "tables": ["bank.branches"]}'), 'preparing', 'an init that cannot succeed');
like(wait_for_init($target), qr/^failed: .*fails again and again/s, 'it fails, and says why');
is(sql($target, q{SELECT string_agg(kind, ' ' ORDER BY kind) FROM steep_repl.leftovers()}), 'publication rows slot subscription', 'what it has made is listed');
like(sql($target, q{SELECT status || ' ' || last_error FROM steep_repl.health()}), qr/^degraded 4 leftovers/, 'and health says so');
sql($target, 'ALTER TABLE bank.branches DROP CONSTRAINT branches_bid_check');
start_init($target, 'snapshot');
is(wait_for_init($target), 'synchronized', 'the next init cleans first, and succeeds');
wait_applied($target, $source);
is_same_bank($target, $source, 'after a failure');
decommission($target, $source);

# Cancelled in each phase, within seconds, and nothing is left.
foreach my $phase ('clean', 'prepare', 'schema', 'slot', 'subscribe', 'copy', 'catchup')
{
	my $point = hold_point($target, "begin $phase");
	start_init($target, 'snapshot');
	$point->wait_reached;
	my $begun = time;
	sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
	$point->release;
	is(wait_for_init($target), 'uninitialized', "cancelled: $phase");
	cmp_ok(time - $begun, '<', 30, '... within seconds');
	is(sql($target, q{SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('bank') AND relkind = 'r'}), '0', '... and its tables are gone');
	is_unleaked($before, '... and nothing is left');
	is(sql($source, 'SELECT count(*) FROM pg_publication'), '0', '... nor published');
	sql($target, 'DROP SCHEMA IF EXISTS bank');
}
done_testing();
