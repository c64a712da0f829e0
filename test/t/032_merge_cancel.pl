# A merge that is cancelled, at each point of it, or that loses the ground under
# its feet, ends as told: all of its rows are written on both nodes, or none.
use SteepTest;

my ($node, $peer) = start_pair(conf => "restart_after_crash = on\n", node_conf => "steep_repl.lock_timeout = 2s\n");
my $before = state_of($node, $peer);
my %options = (merge => '{}', batch => '{"atomicity": "batch", "batch_size": 3}');
my ($id, $row, $point, $last);

both($node, $peer, 'CREATE TABLE t (id serial PRIMARY KEY, x text)');

# Rows 1-3 here only, 4-7 in conflict, 8-9 on the peer only.
sub diverge
{
	both($node, $peer, 'TRUNCATE t');
	sql($node, q{INSERT INTO t SELECT i, 'here ' || i FROM generate_series(1, 7) i});
	sql($peer, q{INSERT INTO t SELECT i, 'there ' || i FROM generate_series(4, 9) i});
	return;
}

sub rows_now
{
	return join '; ', map { sql($_, q{SELECT string_agg(id || left(x, 1), ' ' ORDER BY id) FROM t}) } $node, $peer;
}

my %result = (
	none => '1h 2h 3h 4h 5h 6h 7h; 4t 5t 6t 7t 8t 9t',
	first => '1h 2h 3h 4h 5h 6h 7h; 1h 2h 3h 4t 5t 6t 7t 8t 9t',
	all => '1h 2h 3h 4h 5h 6h 7h 8t 9t; 1h 2h 3h 4h 5h 6h 7h 8t 9t');

sub submit
{
	my ($kind) = @_;

	if ($kind eq 'revert')
	{
		return sql($node, "SET log_statement = 'none'; SELECT merge_id FROM steep_repl.revert_merge('$last', " . quote(conninfo($peer)) . ')');
	}
	return submit_merge($node, $peer, ['t'], options => $options{$kind});
}

# Before the peer's COMMIT nothing is written, afterwards all of the batch is.
my @early = ('begin plan', 'compare-second-pass', 'merge-plan-batch', 'begin apply', 'merge-before-marker', 'merge-after-marker', 'merge-before-lock',
	'merge-after-lock', 'merge-write-chunk', 'merge-before-peer-commit');
my @late = ('merge-after-peer-commit', 'merge-before-local-commit', 'begin sequences', 'merge-before-sequences', 'begin verify', 'done verify');

foreach my $kind ($ENV{STEEP_SWEEP} ? qw(merge batch revert) : qw(merge batch))
{
	foreach my $name (@early, @late)
	{
		my $which = $name =~ s/apply/batch/r;
		$which = $name if $kind ne 'batch';
		next if $kind eq 'revert' && $name =~ /plan|compare|sequences/;
		next if $kind eq 'batch' && !$ENV{STEEP_SWEEP} && $name !~ /marker|commit|begin sequences/;

		if ($kind eq 'revert')
		{
			diverge();
			$last = run_merge($node, $peer, ['t'])->{merge_id};
		}
		else
		{
			diverge();
		}
		$point = hold_point($node, $which);
		$id = submit($kind);
		$point->wait_reached;
		is(sql($node, "SELECT steep_repl.cancel_operation('$id')"), 't', "$kind, cancelled at $which");
		# it leaves at once, unless the peer has committed
		wait_until(sub { !$point->waiter }, 'the cancel') if $name !~ /merge-(after-peer|before-local)-commit/;
		$point->release;
		$row = wait_for_merge($node, $id);
		is($row->{status}, 'cancelled', "$kind, cancelled at $which: it is cancelled") || diag $row->{error_message};

		my $written = grep { $name eq $_ } @late;
		my $want = $written ? ($kind eq 'batch' && $name =~ /^merge-.*-commit/ ? 'first' : 'all') : 'none';
		is(rows_now(), $result{ $kind eq 'revert' ? ($written ? 'none' : 'all') : $want }, "$kind, cancelled at $which: rows");
		is($row->{applied_local} + $row->{applied_remote}, $written ? ($want eq 'first' ? 3 : 9) : 0, "$kind, cancelled at $which: it says so");
		is_unleaked($before, "$kind, cancelled at $which: nothing is left behind");
	}
}

# What a cancelled merge has planned can be applied, and what it has done be undone.
diverge();
$point = hold_point($node, 'merge-before-local-commit');
$id = submit('batch');
$point->wait_reached;
sql($node, "SELECT steep_repl.cancel_operation('$id')");
$point->release;
wait_for_merge($node, $id);
is(rows_now(), $result{first}, 'a batch of a cancelled merge is written');
sql($node, "SET log_statement = 'none'; SELECT steep_repl.apply_merge('$id', " . quote(conninfo($peer)) . ')');
is(wait_for_merge($node, $id)->{status}, 'complete', 'the rest is applied later');
is(rows_now(), $result{all}, 'and only the rest');
$last = $id;
is(wait_for_merge($node, submit('revert'))->{status}, 'complete', 'and all is undone');
is(rows_now(), $result{none}, 'on both nodes');

# The table changes between plan and apply: of a merge in batches, of its
# undoing, and of a plan that is applied later.
foreach my $n ($node, $peer)
{
	my $where = $n->name;

	diverge();
	$point = hold_point($node, 'begin batch');
	$id = submit('batch');
	$point->wait_reached;
	sql($n, 'ALTER TABLE t ADD COLUMN y int');
	$point->release;
	like(wait_for_merge($node, $id)->{error_message}, qr/differ between the nodes|has changed since/, "batch, a new column on $where: the merge fails");
	sql($n, 'ALTER TABLE t DROP COLUMN y');
	is(rows_now(), $result{none}, "batch, a new column on $where: nothing is written");
	run_merge($node, $peer, ['t']);

	diverge();
	$last = run_merge($node, $peer, ['t'])->{merge_id};
	$point = hold_point($node, 'begin apply');
	$id = submit('revert');
	$point->wait_reached;
	sql($n, 'ALTER TABLE t ALTER x TYPE varchar');
	$point->release;
	like(wait_for_merge($node, $id)->{error_message}, qr/differ between the nodes|has changed since/, "revert, another type on $where: it fails");
	sql($n, 'ALTER TABLE t ALTER x TYPE text');
	is(rows_now(), $result{all}, "revert, another type on $where: nothing is written");
	is(wait_for_merge($node, submit('revert'))->{status}, 'complete', "revert, another type on $where: undone later");

	diverge();
	$id = run_merge($node, $peer, ['t'], dry_run => 1)->{merge_id};
	sql($n, 'ALTER TABLE t DROP CONSTRAINT t_pkey');
	sql($node, "SET log_statement = 'none'; SELECT steep_repl.apply_merge('$id', " . quote(conninfo($peer)) . ')');
	like(wait_for_merge($node, $id)->{error_message}, qr/differ between the nodes|has changed since|has no primary key/, "apply_merge, no key on $where: it fails");
	sql($n, 'ALTER TABLE t ADD PRIMARY KEY (id)');
	is(rows_now(), $result{none}, "apply_merge, no key on $where: nothing is written");
}
is_unleaked($before, 'nothing is left behind');

# An application and the merge wait for each other's rows: the server finds out,
# and the merge tries again.
foreach my $n ($node, $peer)
{
	my $where = $n->name;

	diverge();
	my $app = $n->background_psql('postgres');
	$app->query_safe(q{SET deadlock_timeout = '60s'; BEGIN; UPDATE t SET x = x || ' app' WHERE id = 7});
	$id = submit_merge($node, $peer, ['t'], options => '{"lock_timeout_ms": 20000}');
	wait_until(sub { sql($n, q{SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')}) ne '0' }, 'a lock');
	$app->query_safe(q{UPDATE t SET x = x || ' app' WHERE id = 4; COMMIT});
	$app->quit;
	$row = wait_for_merge($node, $id);
	is($row->{status}, 'complete', "a deadlock on $where: the merge completes") || diag $row->{error_message};
	is(sql($node, "SELECT max(s.attempt) FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id WHERE merge_id = '$id' AND kind = 'apply'"),
		'2', "a deadlock on $where: in another attempt");
	is_equal_table($node, $peer, 'public.t', ['id'], "a deadlock on $where: both nodes are equal");
	is(sql($n, q{SELECT count(*) FROM t WHERE x LIKE '% app'}), $n == $node ? '2' : '0', "a deadlock on $where: this node's row wins");
}

# Merges from both ends, of tables in either order.
both($node, $peer, 'CREATE TABLE u (id int PRIMARY KEY, x text)');
my $turns = $ENV{STEEP_SWEEP} ? 100 : 4;
foreach my $turn (1 .. $turns)
{
	diverge();
	both($node, $peer, "TRUNCATE u; INSERT INTO u SELECT i, 'same' FROM generate_series(1, 5) i");
	sql($node, q{UPDATE u SET x = 'here'});
	my $order = $turn % 2 ? [qw(t u)] : [qw(u t)];
	my %o = (options => $options{ $turn % 3 ? 'merge' : 'batch' });
	my @ids = ([ $node, submit_merge($node, $peer, [qw(t u)], %o) ], [ $peer, submit_merge($peer, $node, $order, strategy => 'prefer-remote', %o) ]);
	my @status = map { wait_for_merge(@$_)->{status} } @ids;
	my $right = "@status" eq 'complete complete' && rows_now() eq $result{all} && sql($peer, q{SELECT count(*) FROM u WHERE x = 'here'}) eq '5';
	ok($right, "merges from both ends complete ($turn of $turns)") || diag "@status ", rows_now();
}
is_unleaked($before, 'nothing is left behind');

# Every place for a worker is taken.
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
diverge();
my $offset = -s $node->logfile;
$point = hold_point($node, 'begin plan');
my @ids = map { submit_merge($node, $peer, ['t']) } 1 .. 2;
$point->wait_reached;
$node->wait_for_log(qr/could not start a background worker/, $offset);
is(sql($node, "SELECT string_agg(status, ' ' ORDER BY id) FROM steep_repl.work_queue WHERE merge_id IN ('$ids[0]', '$ids[1]')"),
	'running pending', 'no place for a worker: the second merge waits');
$point->release;
is(join(' ', map { wait_for_merge($node, $_)->{status} } @ids), 'complete complete', 'no place for a worker: both complete');
my $warnings = () = slurp_file($node->logfile, $offset) =~ /could not start a background worker/g;
cmp_ok($warnings, '<=', 3, "no place for a worker: and the launcher and each leader say so once: $warnings");
is(rows_now(), $result{all}, 'no place for a worker: rows');
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->restart;

# The extension is dropped under a merge, on the peer and here.  The drop can
# be the victim of a deadlock; then the merge completes.
foreach my $name ('compare-second-pass', 'merge-before-marker', 'merge-after-lock', 'merge-after-peer-commit')
{
	foreach my $n ($peer, $node)
	{
		my $where = $n->name;

		diverge();
		$point = hold_point($node, $name);
		$id = submit('merge');
		$point->wait_reached;
		my $session = $n->background_psql('postgres', on_error_stop => 0);
		$session->query_until(qr/now/, "\\echo now\nDROP EXTENSION steep_repl CASCADE;\n");
		wait_until(sub { sql($n, q{SELECT count(*) FROM pg_extension WHERE extname = 'steep_repl'}) eq '0'
			  || sql($n, q{SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'advisory'}) ne '0' }, 'the drop');
		$point->release;
		$session->query('SELECT 1');
		my $dropped = sql($n, q{SELECT count(*) FROM pg_extension WHERE extname = 'steep_repl'}) eq '0';
		ok($dropped || $session->{stderr} =~ /deadlock detected/, "dropped at $name on $where: " . ($dropped ? 'done' : 'deadlock'));
		$session->quit;
		if (!$dropped || $n == $peer)
		{
			$row = wait_for_merge($node, $id);
			like($row->{status}, $dropped ? qr/complete|failed/ : qr/complete/, "dropped at $name on $where: the merge ends: $row->{status}");
		}
		$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('steep_repl leader', 'steep_repl helper')})
		  or die 'the workers stay';
		ok((grep { rows_now() eq $_ } @result{qw(none all)}), "dropped at $name on $where: all rows are written, or none") || diag rows_now();
		is_unleaked($before, "dropped at $name on $where: nothing is left behind");
		sql($n, 'CREATE EXTENSION steep_repl') if $dropped;
		is(run_merge($node, $peer, ['t'])->{status}, 'complete', "dropped at $name on $where: merged later");
	}
}
done_testing();
