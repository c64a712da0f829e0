# Clients on both nodes append to rows, and count in them, while merges run and
# break: every committed id is afterwards in a node or in an image of a decision,
# and where a node wins none of its increments is lost.
use SteepTest;

my $rounds = $ENV{STEEP_SWEEP} ? 100 : 8;
my ($node, $peer) = start_pair(conf => "restart_after_crash = on\n", node_conf => "steep_repl.lock_timeout = 1s\n");
my $proxy = start_proxy($peer);
my %via = (conninfo => { port => $proxy->port });
my $before = state_of($node, $peer);
my %count;

# Of "a" this node's rows win, of "b" the peer's.  What a client has done is
# noted in the same transaction, in a table that is not merged.
both($node, $peer, q{
CREATE TABLE a (id int PRIMARY KEY, n bigint NOT NULL, ids text NOT NULL);
CREATE TABLE b (LIKE a INCLUDING ALL);
INSERT INTO a SELECT i, 0, '' FROM generate_series(1, 40) i;
INSERT INTO b SELECT i, 0, '' FROM generate_series(1, 40) i;
CREATE TABLE done (uid bigint PRIMARY KEY, tab text, id int, inserted boolean)});
my $script = <<'EOC';
\set uid random(1, 1000000000000000000)
\set id random(1, 40)
\set new random(100, 1000000000)
\set what random(1, 10)
BEGIN;
\if :what < 5
UPDATE a SET n = n + 1, ids = ids || ' ' || :uid WHERE id = :id;
INSERT INTO done VALUES (:uid, 'a', :id, false);
\elif :what < 10
UPDATE b SET n = n + 1, ids = ids || ' ' || :uid WHERE id = :id;
INSERT INTO done VALUES (:uid, 'b', :id, false);
\else
INSERT INTO a VALUES (:new, 1, :uid);
INSERT INTO done VALUES (:uid, 'a', :new, true);
\endif
END;
EOC
my @load = map { start_load($_, $script, endure => 1, options => [ '-R', 60 ]) } $node, $peer;

sub helper
{
	return sql($node, q{SELECT max(pid) FROM pg_stat_activity WHERE backend_type = 'steep_repl helper'});
}

sub backend
{
	return sql($peer, q{SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'steep_repl'});
}

my ($id, @points);
my %faults = (
	'no fault' => sub { },
	'the link is cut' => sub { $proxy->command('cut') },
	'the worker is terminated' => sub { sql($node, 'SELECT pg_terminate_backend(' . (helper() || 0) . ')') },
	'the worker is killed' => sub { my $pid = helper(); kill 'KILL', $pid if $pid; },
	'the peer\'s backend is killed' => sub { my $pid = backend(); kill 'KILL', $pid if $pid; },
	'this node stops' => sub { $node->stop('immediate'); $node->start },
	'the peer stops' => sub { $peer->stop('immediate'); $peer->start },
	'it is cancelled' => sub { sql($node, "SELECT steep_repl.cancel_operation('$id')") },
	'the reply to COMMIT is lost' => 'kill-after:^COMMIT',
	'COMMIT is lost' => 'kill-before:^COMMIT');
my @names = sort keys %faults;

srand($ENV{STEEP_SEED} // 1);
foreach my $round (1 .. $rounds)
{
	my $name = $names[ ($round * 7) % @names ];
	my $atomicity = $round % 3 ? 'merge' : 'batch';
	my $fault = $faults{$name};
	my $point = hold_point($node, (qw(merge-plan-batch merge-before-lock merge-write-chunk merge-before-peer-commit merge-after-peer-commit
			merge-before-local-commit))[ rand 6 ]);

	$id = submit_merge($node, $peer, [qw(a b)], %via,
		options => qq({"strategies": {"public.b": "prefer-remote"}, "atomicity": "$atomicity", "batch_size": 20}));
	# what it passes may lie behind it: a lost COMMIT takes no point
	if (ref $fault)
	{
		$point->wait_reached;
		$fault->();
	}
	else
	{
		$proxy->command("rule $fault");
	}
	eval { $point->release };
	my $status = wait_until(sub {
			my $status = eval { sql($node, "SELECT status FROM steep_repl.merge_audit_log WHERE merge_id = '$id'") } // '';
			return $status !~ /pending|running/ && $status;
		}, "round $round, $name");
	$count{$status}++;
	$proxy->command('clear');
	is($status, $name =~ /cancel/ ? 'cancelled' : 'complete', "round $round, $atomicity, $name: $status")
	  || diag sql($node, "SELECT error_message FROM steep_repl.merge_audit_log WHERE merge_id = '$id'");
}
wait_back($_) foreach $node, $peer;
my @transactions = map { $_->stop } @load;

# The first ledger: every id that was committed.
my %seen;
foreach my $n ($node, $peer)
{
	foreach my $ids (split /\n/, sql($n, 'SELECT ids FROM a UNION ALL SELECT ids FROM b'))
	{
		$seen{$_} = 1 foreach split ' ', $ids;
	}
}
my $current = keys %seen;
foreach my $ids (split /\n/, sql($node, q{SELECT concat_ws(' ', local_row ->> 'ids', remote_row ->> 'ids') FROM steep_repl.merge_decisions WHERE state = 'applied'}))
{
	$seen{$_} = 1 foreach split ' ', $ids;
}
my @done = map { [ split /\|/ ] } map { split /\n/, sql($_, 'SELECT uid, tab, id FROM done') } $node, $peer;
my @lost = grep { !$seen{ $_->[0] } } @done;
is(scalar @lost, 0, sprintf '%d ids committed, %d in the rows, %d in all', scalar @done, $current, scalar keys %seen)
  || diag explain @lost[ 0 .. ($#lost < 9 ? $#lost : 9) ];
cmp_ok(scalar @done, '>', 50 * $rounds / 4, 'the clients have done something');

# The second: increments of the side that wins.
foreach my $case ([ $node, 'a' ], [ $peer, 'b' ])
{
	my ($n, $table) = @$case;

	is(sql($n, <<"EOC"), '', "no increment of $table is lost where its rows win");
SELECT t.id, t.n, d.n FROM $table t FULL JOIN (SELECT id, count(*) AS n FROM done WHERE tab = '$table' GROUP BY id) d USING (id)
WHERE t.n <> d.n AND (t.id < 100 OR d.n IS NOT NULL) OR t.id IS NULL
EOC
}

# At rest a merge makes the nodes equal.
is(run_merge($node, $peer, [qw(a b)], options => '{"strategies": {"public.b": "prefer-remote"}}')->{status}, 'complete', 'at rest a merge completes');
is_equal_table($node, $peer, "public.$_", ['id'], "at rest both nodes are equal: $_") foreach qw(a b);
is(sql($node, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'nothing is in doubt');
is_unleaked($before, 'nothing is left behind');
note join ', ', map { "$_: $count{$_}" } sort keys %count;
note "transactions: @transactions";
done_testing();
