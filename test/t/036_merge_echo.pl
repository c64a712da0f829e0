# A merge beside logical replication: refused if a subscription between the
# two nodes would send back what it writes; with origin = none and tagged
# writes it runs, and replication goes on.
use SteepTest;

my ($node, $peer) = start_pair();
my $old = older_release($node, $peer) < 160000;
my $id = 1000;

both($node, $peer, q{
CREATE TABLE t (id int PRIMARY KEY, x text);
CREATE TABLE u (id int PRIMARY KEY, x text);
CREATE TABLE p (id int PRIMARY KEY, x text) PARTITION BY LIST (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p DEFAULT;
CREATE PUBLICATION pub FOR TABLE t;
CREATE PUBLICATION other FOR TABLE t;
GRANT SELECT, INSERT, UPDATE ON t TO merger});
my $before = state_of($node, $peer);

sub subscribe
{
	my ($subscriber, $publisher, $name, $options, %o) = @_;
	my $conninfo = quote($publisher->connstr($o{from} // 'postgres'));

	sql($subscriber, "CREATE SUBSCRIPTION $name CONNECTION $conninfo PUBLICATION pub WITH (copy_data = false, $options)",
		$o{into});
	return;
}

# Let a node have a row that the other lacks, whatever subscribes to it with
# origin = none.
sub diverge
{
	my (@nodes) = @_;

	sql($_, 'BEGIN; SELECT steep_repl.tag_writes(); INSERT INTO t VALUES (' . ++$id . ", 'only on " . $_->name . "'); COMMIT")
	  foreach @nodes;
	return;
}

# What a submit that is rolled back says.
sub submit_says
{
	my ($n, $p, $tables, %o) = @_;
	my (undef, undef, $said) = $n->psql('postgres', 'BEGIN; SELECT FROM ' . start_call($p, $tables, %o) . '; ROLLBACK',
		$o{role} ? (connstr => conninfo($n, user => $o{role})) : ());

	return $said;
}

# Test that a merge is not refused, and warned of only as the pattern says.
sub passes
{
	my ($name, $regex, $tables, %o) = @_;
	my $said = submit_says($node, $peer, $tables, %o);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike($said, qr/ERROR/, "not refused: $name");
	return $regex ? like($said, $regex, "$name: but warned") : unlike($said, qr/subscription/, "$name: nor warned");
}

sub refused
{
	my ($name, $regex, %o) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like(submit_says(@{ delete $o{nodes} // [ $node, $peer ] }, delete $o{tables} // ['t'], %o), $regex, "refused: $name");
}

# Test that a merge runs, and that the subscriptions given as [publisher,
# subscriber, database] still bring a new row and write no error.
sub runs
{
	my ($name, $subscriptions, %o) = @_;
	my %log = map { $_->name => -s $_->logfile } $node, $peer;
	my $row = run_merge($node, $peer, ['t'], %o);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($row->{status}, 'complete', "$name: it runs") || diag $row->{error_message};
	is_equal_table($node, $peer, 'public.t', ['id'], "$name: both nodes are the same");
	foreach my $subscription (@$subscriptions)
	{
		my ($publisher, $subscriber, $dbname) = @$subscription;

		sql($publisher, 'INSERT INTO t VALUES (' . ++$id . ", 'new')");
		ok($subscriber->poll_query_until($dbname // 'postgres', "SELECT count(*) = 1 FROM t WHERE id = $id"),
			"$name: a new row arrives in " . ($dbname // 'the other node'));
	}
	foreach ($node, $peer)
	{
		unlike(slurp_file($_->logfile, $log{ $_->name }), $o{log} // qr/ERROR|conflict detected/, "$name: no error on " . $_->name);
	}
	return;
}

# Test that a merge is refused when it is applied, after something was done on
# a node while it was under way.
sub fails_late
{
	my ($name, $regex, $where, $query, %o) = @_;
	my $point = hold_point($node, 'merge-plan-batch');

	diverge($peer);
	my $merge = submit_merge($node, $peer, ['t'], %o);
	$point->wait_reached;
	sql($where, $query);
	$point->release;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(wait_for_merge($node, $merge)->{error_message}, $regex, "$name: refused when applied");
	return is(sql($node, "SELECT count(*) FROM t WHERE id = $id"), '0', "$name: nothing is written");
}

# Subscriptions of other databases are none of ours.
foreach my $case ([ $node, 'app' ], [ $peer, 'reader' ])
{
	sql($case->[0], "CREATE DATABASE $case->[1]");
	sql($case->[0], 'CREATE TABLE t (id int PRIMARY KEY, x text); CREATE PUBLICATION pub FOR TABLE t', $case->[1]);
}
subscribe($peer, $node, 'elsewhere', 'enabled = true', from => 'app');
subscribe($peer, $node, 'reader', 'enabled = true', into => 'reader');
diverge($node, $peer);
passes('subscriptions of other databases', undef, ['t']);
runs('subscriptions of other databases', [ [ $node, $peer, 'reader' ] ]);
is(sql($peer, "SELECT string_agg(x, ',' ORDER BY id) FROM t", 'reader'), 'only on a,only on b,new',
	'a subscriber of any origin is sent merged rows');
sql($peer, 'DROP SUBSCRIPTION elsewhere');

# One way.
my $message = qr/ERROR:  subscription "Sub 1" on peer "[^"]+" would be sent what the merge writes to table "public.t"/;
my $cause = $old ? qr/DETAIL:  PostgreSQL 15 has no origin = none.*\nHINT:  Disable the subscription.* upgrade both nodes, or set the option "echo"/
  : qr/DETAIL:  It has origin = any.*\nHINT:  ALTER SUBSCRIPTION "Sub 1" SET \(origin = none\), or set the option "echo" to "allow"/;
subscribe($peer, $node, '"Sub 1"', "slot_name = 'sub_1'");
refused('the peer subscribes to us', qr/$message.*\n$cause/);
refused('we subscribe to the peer', qr/subscription "Sub 1" here would be sent.*\n$cause/, nodes => [ $peer, $node ]);
refused('a role that may not mark its writes', $old ? $cause : qr/ALTER SUBSCRIPTION.*and GRANT EXECUTE/, role => 'merger', conninfo => { user => 'merger' });
passes('a dry run', qr/WARNING:  subscription "Sub 1".*\n$cause/, ['t'], dry_run => 1);
is(run_merge($node, $peer, ['t'], dry_run => 1)->{status}, 'complete', 'a dry run runs');
passes('a table that is not subscribed to', undef, ['u']);
foreach my $case ('SET TABLE u', q{SET (publish = 'delete, truncate')})
{
	sql($node, "ALTER PUBLICATION pub $case");
	passes("a publication after $case", undef, ['t']);
	sql($node, q{ALTER PUBLICATION pub SET TABLE t; ALTER PUBLICATION pub SET (publish = 'insert, update, delete, truncate')});
}
sql($node, 'ALTER PUBLICATION pub SET TABLES IN SCHEMA public');
refused('a publication of its schema', $message);
sql($node, 'BEGIN; DROP PUBLICATION pub; CREATE PUBLICATION pub FOR ALL TABLES; COMMIT');
refused('a publication of all tables', $message);
foreach my $root ('false', 'true')
{
	sql($node, "BEGIN; DROP PUBLICATION pub; CREATE PUBLICATION pub FOR TABLE p1 WITH (publish_via_partition_root = $root); COMMIT");
	sql($peer, 'ALTER SUBSCRIPTION "Sub 1" REFRESH PUBLICATION WITH (copy_data = false)');
	refused("a partition is published, via its root $root", qr/"Sub 1".*"public.p"/, tables => ['p']);
	sql($node, "BEGIN; DROP PUBLICATION pub; CREATE PUBLICATION pub FOR TABLE p WITH (publish_via_partition_root = $root); COMMIT");
	sql($peer, 'ALTER SUBSCRIPTION "Sub 1" REFRESH PUBLICATION WITH (copy_data = false)');
	refused("a partitioned table, via its root $root", qr/"Sub 1".*"public.p"/, tables => ['p']);
}
sql($node, 'BEGIN; DROP PUBLICATION pub; CREATE PUBLICATION pub FOR TABLE t; COMMIT');
sql($peer, 'ALTER SUBSCRIPTION "Sub 1" REFRESH PUBLICATION WITH (copy_data = false)');

# Allowed: rows that are updated to what the subscriber has.
like(refused_merge($node, $peer, ['t'], options => '{"echo": true}'), qr/invalid value of option "echo".*HINT:.*"refuse" or "allow"/s,
	'an echo that is neither');
sql($node, 'INSERT INTO t VALUES (' . ++$id . ", 'here')");
$peer->poll_query_until('postgres', "SELECT count(*) = 1 FROM t WHERE id = $id") or die 'a row has not arrived';
sql($peer, "UPDATE t SET x = 'there' WHERE id = $id");
passes('allowed', undef, ['t'], options => '{"echo": "allow"}');
runs('allowed', [ [ $node, $peer ] ], strategy => 'prefer-remote', options => '{"echo": "allow"}', log => qr/ERROR/);

# Disabled, and enabled while a merge is under way.
sql($peer, 'ALTER SUBSCRIPTION "Sub 1" DISABLE');
passes('a subscription that is disabled', qr/WARNING:  subscription "Sub 1" on peer "[^"]+" would, when it is enabled, be sent/, ['t']);
fails_late('a subscription that is enabled', qr/subscription "Sub 1" on peer/, $peer, 'ALTER SUBSCRIPTION "Sub 1" ENABLE');

SKIP:
{
	skip 'no origin = none', 1 if $old;
	my %merger = (role => 'merger', conninfo => { user => 'merger' });
	my $grant = 'EXECUTE ON FUNCTION pg_replication_origin_session_setup(text)';

	sql($peer, 'ALTER SUBSCRIPTION "Sub 1" SET (origin = none)');
	sql($peer, 'CREATE DATABASE deaf');
	sql($peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)', 'deaf');
	subscribe($peer, $node, 'deaf', 'origin = none', into => 'deaf');
	diverge($peer);
	my $merged = $id;
	passes('origin = none', undef, ['t']);
	runs('origin = none', [ [ $node, $peer, 'reader' ], [ $node, $peer, 'deaf' ], [ $node, $peer ] ]);
	is(sql($peer, "SELECT count(*) FROM t WHERE id = $merged", $_->[0]), $_->[1], "a row from the peer has come to $_->[0]: $_->[1]")
	  foreach [ 'deaf', 0 ], [ 'reader', 1 ];

	refused('a role that may not mark its writes', qr/DETAIL:  It has origin = none, but the role may not mark what it writes here.*\nHINT:  GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_origin_session_setup\(text\) to the role that merges, or set/, %merger);
	sql($node, "GRANT $grant TO merger");
	passes('a role that may', undef, ['t'], %merger);
	fails_late('a role that no longer may', qr/may not mark what it writes here/, $node, "REVOKE $grant FROM merger", %merger);
	fails_late('a subscription of any origin', qr/It has origin = any/, $peer, 'ALTER SUBSCRIPTION "Sub 1" SET (origin = any)');
	sql($peer, 'ALTER SUBSCRIPTION "Sub 1" SET (origin = none)');
	sql($node, "GRANT $grant TO merger");
	my $row = wait_for_merge($node, submit_merge($node, $peer, ['t'], %merger));
	is($row->{status}, 'complete', 'the role merges');

	# Both ways.
	subscribe($node, $peer, 'back', 'origin = none');
	refused('the other way', qr/subscription "back" here.*\nDETAIL:.*on peer ".*\nHINT:  GRANT.*to the role that connects to the peer/, %merger);
	sql($peer, "GRANT $grant TO merger");
	passes('both ways', undef, ['t'], %merger);
	diverge($node, $peer);
	sql($_, "BEGIN; SELECT steep_repl.tag_writes(); UPDATE t SET x = 'conflict of " . $_->name . "' WHERE id = $merged; COMMIT")
	  foreach $node, $peer;
	runs('both ways', [ [ $node, $peer ], [ $peer, $node ] ], %merger);
	like(sql($node, "SELECT x FROM t WHERE id = $merged"), qr/conflict of a/, 'both ways: a conflict is settled');
	sql($node, 'DROP SUBSCRIPTION back');
	sql($peer, 'DROP SUBSCRIPTION deaf', 'deaf');
}
sql($peer, 'DROP SUBSCRIPTION reader', 'reader');
sql($peer, 'DROP SUBSCRIPTION "Sub 1"');
is_unleaked($before, 'nothing is left behind');
done_testing();
