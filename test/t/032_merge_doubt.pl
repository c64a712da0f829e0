# The acknowledgement of the peer's COMMIT is lost, and the merge is cancelled,
# or is out of attempts, before it could ask again: it finds out first, or says
# that it could not, and then the next apply_merge does.
use SteepTest;

my ($node, $peer) = start_pair(conf => "restart_after_crash = on\n", node_conf => "steep_repl.lock_timeout = 2s\n");
my $proxy = start_proxy($peer);
my %via = (conninfo => { port => $proxy->port });
my $before = state_of($node, $peer);
my %atomicity = (merge => '{}', batch => '{"atomicity": "batch", "batch_size": 3}');
my ($id, $start);

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');

# Rows 1-3 here only, 4-7 in conflict, 8-9 on the peer only.
sub diverge
{
	both($node, $peer, 'TRUNCATE t');
	sql($node, q{INSERT INTO t SELECT i, 'here ' || i FROM generate_series(1, 7) i});
	sql($peer, q{INSERT INTO t SELECT i, 'there ' || i FROM generate_series(4, 9) i});
	$start = images($node, $peer, 't');
	return;
}

sub of_step
{
	my ($what, $kind) = @_;

	return sql($node, "SELECT $what FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id
		WHERE q.merge_id = '$id' AND s.kind IN ('apply', 'batch') AND s.attempt > 0 ORDER BY s.id DESC LIMIT 1");
}

sub status
{
	return sql($node, "SELECT status FROM steep_repl.merge_audit_log WHERE merge_id = '$id'");
}

# Start a merge whose connection breaks at the peer's first COMMIT, and to
# which the peer is unreachable from then on.
sub lose_commit
{
	my ($atomicity, $action, %o) = @_;
	my $point = hold_point($node, 'merge-before-peer-commit');

	diverge();
	$id = submit_merge($node, $peer, ['t'], options => $atomicity{$atomicity}, %via);
	$point->wait_reached;
	sql($node, "UPDATE steep_repl.work_queue SET max_attempts = $o{attempts} WHERE merge_id = '$id'") if $o{attempts};
	$proxy->command("rule $action:COMMIT");
	$proxy->command('refuse');
	$point->release;
	return;
}

sub cancel
{
	return sql($node, "SELECT steep_repl.cancel_operation('$id')");
}

# Test what became of the rows: all as before, all merged, or of the first
# batch of three, which is 1-3.
sub is_result
{
	my ($rows, $name) = @_;
	my ($here, $there) = map { sql($_, q{SELECT string_agg(id || left(x, 1), ' ' ORDER BY id) FROM t}) } $node, $peer;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$here; $there", {
		none => '1h 2h 3h 4h 5h 6h 7h; 4t 5t 6t 7t 8t 9t',
		first => '1h 2h 3h 4h 5h 6h 7h; 1h 2h 3h 4t 5t 6t 7t 8t 9t',
		all => '1h 2h 3h 4h 5h 6h 7h 8t 9t; 1h 2h 3h 4h 5h 6h 7h 8t 9t' }->{$rows}, "$name: $rows of the rows are merged");
	my $applied = sql($node, "SELECT count(*) FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND state = 'applied'");
	is($applied, { none => 0, first => 3, all => 9 }->{$rows}, "$name: and the decisions say so");
	return;
}

foreach my $atomicity (sort keys %atomicity)
{
	my $applied = $atomicity eq 'batch' ? 'first' : 'all';

	# Cancelled while the peer can't be asked.
	foreach my $action (qw(kill-after kill-before))
	{
		my $name = "$atomicity, $action, cancel";
		my $done = $action eq 'kill-after' ? $applied : 'none';

		lose_commit($atomicity, $action);
		wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
		is(cancel(), 't', "$name: accepted");
		is(status(), 'running', "$name: the merge has not ended, for nobody knows how");
		$proxy->command('accept');
		is(wait_for_merge($node, $id)->{status}, 'cancelled', "$name: it ends once the peer has been asked");
		is_result($done, $name);
		is(sql($node, "SELECT count(*) FROM steep_repl.leftovers() WHERE merge_id = '$id'"), '0', "$name: nothing is in doubt");
	}

	# Cancelled, and the peer stays away; applied once it is back.
	foreach my $action (qw(kill-after kill-before))
	{
		my $name = "$atomicity, $action, cancel, unreachable";
		my $done = $action eq 'kill-after' ? $applied : 'none';

		lose_commit($atomicity, $action);
		wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
		cancel();
		my $row = wait_for_merge($node, $id);
		my $batch = of_step('s.id');
		is($row->{status}, 'failed', "$name: not just cancelled");
		like($row->{error_message}, qr/The peer may have applied batch $batch of it.*apply_merge\('$id'\)/s, "$name: it says what is in doubt");
		is(sql($node, "SELECT kind, name, since IS NOT NULL FROM steep_repl.leftovers() WHERE merge_id = '$id'"), "doubt|$batch|t", "$name: and it is listed");
		$proxy->command('accept');
		like(error_of($node, "SELECT steep_repl.revert_merge('$id')"), qr/may have applied a part.*HINT:.*apply_merge\('$id'\)/s,
			"$name: no revert before it is known");
		like(error_of($node, qq{SELECT steep_repl.resolve_conflict('$id', 'public.t', '{"id": 4}', 'remote')}),
			qr/may have applied a part/, "$name: no other decision either");
		is(sql($node, q{SELECT steep_repl.prune_work_queue('0')}) ne '', 1, "$name: the queue is pruned");
		is(sql($node, "SELECT count(*) FROM steep_repl.merge_doubts('$id')"), '1', "$name: but not what is in doubt");
		my $point = hold_point($node, 'step_done');
		sql($node, "SET log_statement = 'none'; SELECT steep_repl.apply_merge('$id', " . quote(conninfo($peer, port => $proxy->port)) . ')');
		$point->wait_reached;
		is(sql($node, "SELECT string_agg(kind, ',') FROM steep_repl.work_steps WHERE status = 'running'"), 'settle', "$name: apply_merge settles first");
		$point->release;
		$row = wait_for_merge($node, $id);
		is("$row->{status} $row->{stale}", 'complete 0', "$name: and applies the rest") || diag $row->{error_message};
		is_result('all', "$name, apply_merge");
		is(sql($node, "SELECT count(*) FROM steep_repl.leftovers() WHERE merge_id = '$id'"), '0', "$name: nothing is in doubt");
	}

	# Out of attempts.
	lose_commit($atomicity, 'kill-after', attempts => 1);
	wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
	$proxy->command('accept');
	is(wait_for_merge($node, $id)->{status}, 'complete', "$atomicity, out of attempts: what the peer has done is done here");
	is_result('all', "$atomicity, out of attempts");
	lose_commit($atomicity, 'kill-before', attempts => 1);
	wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
	$proxy->command('accept');
	my $row = wait_for_merge($node, $id);
	is($row->{status}, 'failed', "$atomicity, out of attempts: what the peer has not done is not done again");
	unlike($row->{error_message}, qr/may have applied|will not be/, "$atomicity, out of attempts: and is in no doubt");
	is_result('none', "$atomicity, out of attempts");
	lose_commit($atomicity, 'kill-after', attempts => 1);
	$row = wait_for_merge($node, $id);
	like($row->{error_message}, qr/(lost the connection|closed the connection|could not).*may have applied batch/s,
		"$atomicity, out of attempts, unreachable: says why, and what is in doubt");
	$proxy->command('accept');

	# The cancel comes while the acknowledgement is on its way.
	diverge();
	my $hits = $proxy->command('hits');
	my $point = hold_point($node, 'merge-before-peer-commit');
	$id = submit_merge($node, $peer, ['t'], options => $atomicity{$atomicity}, %via);
	$point->wait_reached;
	$proxy->command('rule hang-after:COMMIT');
	$point->release;
	$proxy->wait_hits($hits + 1);
	cancel();
	$proxy->command('cut');
	is(wait_for_merge($node, $id)->{status}, 'cancelled', "$atomicity, cancelled during COMMIT: the merge ends");
	is_result($applied, "$atomicity, cancelled during COMMIT");

	# An error that another attempt would not mend, once the peer has committed.
	diverge();
	arm_point($node, 'fail_point', 'merge-after-peer-commit');
	$id = submit_merge($node, $peer, ['t'], options => $atomicity{$atomicity}, %via);
	wait_until(sub { of_step('s.in_doubt') eq 't' }, 'the error');
	disarm_points($node);
	is(wait_for_merge($node, $id)->{status}, 'complete', "$atomicity, an error after COMMIT: this node is rolled forward");
	is_result('all', "$atomicity, an error after COMMIT");

	# The worker is killed, and the cancel meets a job that nobody works on.
	lose_commit($atomicity, 'hang-after');
	$proxy->wait_hits($hits + 2);
	my $pid = sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'steep_repl helper'});
	my $offset = -s $node->logfile;
	kill 'KILL', $pid;
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	$proxy->command('cut');
	wait_until(sub { (eval { sql($node, "SELECT steep_repl.cancel_operation('$id') FROM steep_repl.work_queue WHERE merge_id = '$id' AND status = 'pending'") } // '') eq 't' },
		'a job that waits');
	isnt(status(), 'cancelled', "$atomicity, a job that waits: it is not cancelled before it has asked the peer");
	$proxy->command('accept');
	is(wait_for_merge($node, $id)->{status}, 'cancelled', "$atomicity, a job that waits: but then");
	is_result($applied, "$atomicity, a job that waits");
}

# Rows that moved on both nodes while the merge was in doubt stay as they are.
lose_commit('merge', 'kill-after');
wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
cancel();
wait_for_merge($node, $id);
$proxy->command('accept');
sql($node, q{UPDATE t SET x = 'new' WHERE id IN (1, 4); INSERT INTO t VALUES (8, 'new')});
sql($peer, q{UPDATE t SET x = 'new' WHERE id IN (2, 5)});
sql($node, "SET log_statement = 'none'; SELECT steep_repl.apply_merge('$id', " . quote(conninfo($peer)) . ')');
my $row = wait_for_merge($node, $id);
is(join('|', @$row{qw(status stale applied_remote applied_local changed_since)}), 'complete|1|7|1|4', 'rows that moved meanwhile are counted');
is(join('; ', map { sql($_, q{SELECT string_agg(id || left(x, 1), ' ' ORDER BY id) FROM t}) } $node, $peer),
	'1n 2h 3h 4n 5h 6h 7h 8n 9t; 1h 2n 3h 4h 5n 6h 7h 8t 9t', 'and left alone');

# A row that the peer has left out is not taken for applied when this node is
# rolled forward: it is planned and written again.
diverge();
my $point = hold_point($node, 'merge-before-marker');
$id = submit_merge($node, $peer, ['t'], %via);
$point->wait_reached;
sql($peer, q{UPDATE t SET x = 'new' WHERE id = 4});
$proxy->command('rule kill-after:COMMIT');
$point->release;
is(wait_for_merge($node, $id)->{status}, 'complete', 'a row that the peer left out: the merge is rolled forward');
is_result('all', 'a row that the peer left out');

# What is left.  Markers go with the merge that has ended well; the others are
# listed when they are old, as are servers that no merge needs.
wait_until(sub { sql($peer, "SELECT count(*) FROM steep_repl.merge_markers WHERE merge_id = '$id'") eq '0' }, 'the end of the markers');
lose_commit('merge', 'kill-after');
wait_until(sub { of_step('s.in_doubt AND s.status = \'pending\'') eq 't' }, 'the loss of the connection');
cancel();
$proxy->command('accept');
wait_for_merge($node, $id);
sql($peer, "DELETE FROM steep_repl.merge_markers WHERE merge_id <> '$id'");
is(sql($peer, 'SELECT count(*) FROM steep_repl.merge_markers'), '1', 'a cancelled merge leaves its marker');
is(sql($peer, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'which a merge may still need');
sql($peer, q{UPDATE steep_repl.merge_markers SET created_at = created_at - interval '25 hours'});
is(sql($peer, 'SELECT kind, name, merge_id, since < now() FROM steep_repl.leftovers()'), 'marker|' . of_step('s.id') . "|$id|t", 'until it is old');
sql($peer, q{SELECT steep_repl.prune_merges('1 hour')});
is(sql($peer, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'prune_merges forgets it');
sql($node, "DELETE FROM steep_repl.work_queue; CREATE SERVER steep_repl_$id FOREIGN DATA WRAPPER postgres_fdw");
is(sql($node, 'SELECT kind, name, merge_id FROM steep_repl.leftovers()'), "server|steep_repl_$id|$id", 'a server of a merge that has ended is listed');
sql($node, "DROP SERVER steep_repl_$id");

is_unleaked($before, 'nothing is left behind');
done_testing();
