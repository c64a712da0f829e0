# Whatever breaks during a merge, at every point of it: the merge ends complete
# or failed with a reason, no row is lost or invented, and a merge started
# again makes both nodes equal.
use SteepTest;

my ($node, $peer) = start_pair(
	conf => "restart_after_crash = on\nwal_receiver_timeout = 5s\n",
	node_conf => "steep_repl.lock_timeout = 2s\n");
my $proxy = start_proxy($peer);
my $before = state_of($node, $peer);
my $round = 0;

both($node, $peer, q{
CREATE TABLE parent (id serial PRIMARY KEY, x text);
CREATE TABLE child (id int PRIMARY KEY, p int NOT NULL REFERENCES parent, x text)});
my @tables = qw(child parent);

# Make the nodes differ anew; returns both nodes' rows.
sub diverge
{
	$round++;
	both($node, $peer, 'TRUNCATE parent, child');
	sql($node, qq{INSERT INTO parent SELECT i, 'here $round ' || i FROM generate_series(1, 7) i;
		INSERT INTO child SELECT i, i, 'here $round' FROM generate_series(1, 7) i});
	sql($peer, qq{INSERT INTO parent SELECT i, 'there $round ' || i FROM generate_series(4, 9) i;
		INSERT INTO child SELECT i, i, 'there $round' FROM generate_series(4, 9) i});
	return { map { $_->name => rows($_) } $node, $peer };
}

sub rows
{
	my ($n) = @_;

	return { map { my $t = $_; my $r = table_rows($n, "public.$t", ['id']); map { ("$t $_" => $r->{$_}) } keys %$r } @tables };
}

# What a merge with prefer-local makes of both nodes.
sub expected
{
	my ($start) = @_;

	return { %{ $start->{b} }, %{ $start->{a} } };
}

# Test that each row of each node is either as before or merged, that no row
# version is lost but one that a decision remembers, and that a new merge
# completes.
sub is_sound
{
	my ($id, $start, $name, %o) = @_;
	my $merge = wait_until(sub {
			my $status = eval { sql($node, "SELECT status FROM steep_repl.merge_audit_log WHERE merge_id = '$id'") };
			return $status && $status =~ /complete|failed|cancelled/ && $status;
		}, "$name: the end of the merge");
	my $want = expected($start);
	my @wrong;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if ($o{status})
	{
		is($merge, $o{status}, "$name: $merge")
		  || diag sql($node, "SELECT error_message FROM steep_repl.merge_audit_log WHERE merge_id = '$id'");
	}
	foreach my $n ($node, $peer)
	{
		my $is = rows($n);
		foreach my $key (keys %{ { %$is, %$want } })
		{
			my @may = ($want->{$key});
			push @may, $start->{ $n->name }{$key} if $merge ne 'complete';
			push @wrong, $n->name . ": $key" unless grep { ($_ // '') eq ($is->{$key} // '') } @may;
		}
	}
	is_deeply(\@wrong, [], "$name: each row is as before or merged");
	if ($merge ne 'complete')
	{
		isnt(sql($node, "SELECT coalesce(error_message, status) FROM steep_repl.merge_audit_log WHERE merge_id = '$id'"),
			'failed', "$name: there is a reason");
		my $again = run_merge($node, $peer, \@tables);
		is($again->{status}, 'complete', "$name: merged again") || diag $again->{error_message};
	}
	my $diff = join ',', map { %{ compare_tables($node, $peer, "public.$_", ['id'])->{rows} } } @tables;
	is($diff, '', "$name: both nodes are equal");
	return;
}

my %via = (conninfo => { port => $proxy->port });

# Every point that a merge passes, by the process that passes it.
my @points = qw(compare-second-pass merge-plan-batch merge-before-marker merge-after-marker merge-before-lock
  merge-after-lock merge-write-chunk merge-before-peer-commit merge-after-peer-commit merge-before-local-commit
  merge-before-sequences step_begin step_done job_claimed job_finish);

# Faults, each with what it does to whoever waits at the point.
my %faults = (
	'the worker is killed' => sub {
		my ($pid) = @_;
		my $offset = -s $node->logfile;
		kill 'KILL', $pid;
		$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
		$node->poll_query_until('postgres', 'SELECT true');
	},
	'this node stops at once' => sub { $node->stop('immediate'); $node->start; },
	'the peer stops at once' => sub { $peer->stop('immediate'); $peer->start; },
	'the link is cut' => sub { $proxy->command('cut'); });

# Killing the worker is tried at each point, the rest where it matters most;
# with STEEP_SWEEP=1 everything is tried everywhere.
my @few = qw(merge-after-marker merge-before-peer-commit merge-after-peer-commit merge-before-local-commit
  merge-before-sequences);

foreach my $fault (sort keys %faults)
{
	foreach my $name ($ENV{STEEP_SWEEP} || $fault =~ /killed/ ? @points : @few)
	{
		my $start = diverge();
		my $point = hold_point($node, $name);
		my $id = submit_merge($node, $peer, \@tables, %via);

		$point->wait_reached;
		my $pid = sql($node, q{SELECT pid FROM pg_stat_activity
			WHERE backend_type IN ('steep_repl helper', 'steep_repl leader') AND wait_event = 'advisory'});
		$faults{$fault}->($pid);
		eval { $point->release };
		is_sound($id, $start, "$fault at $name", status => 'complete');
	}
}

# Acknowledgements that are lost, statements that do not arrive.
foreach my $action (qw(kill-before kill-after reset-after))
{
	foreach my $statement ('COMMIT', 'claim_batch', 'finish_batch', 'INSERT INTO public.parent', 'UPDATE ONLY public.child',
		'LOCK TABLE', 'SET CONSTRAINTS', 'START TRANSACTION')
	{
		next if $action eq 'reset-after' && $statement ne 'COMMIT' && !$ENV{STEEP_SWEEP};
		my $start = diverge();
		my $hits = $proxy->command('hits');

		my $point = hold_point($node, 'job_claimed');
		my $id = submit_merge($node, $peer, \@tables, %via);
		$point->wait_reached;
		$proxy->command("rule $action:$statement");
		$point->release;
		is_sound($id, $start, "$action $statement", status => 'complete');
		is($proxy->command('hits'), $hits + 1, "$action $statement: it struck");
		$proxy->command('clear');
	}
}
is_unleaked($before, 'nothing is left behind');
done_testing();
