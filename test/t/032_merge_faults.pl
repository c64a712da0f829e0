# Whatever breaks during a merge, in batches or not, and while it is undone, at
# every point of it: it goes on by itself and completes, no row is lost or
# invented, and nothing is left behind.  With STEEP_SWEEP=1 every fault is tried
# at every point that the code names, with STEEP_SWEEP=batch,revert in these;
# otherwise a few.
use SteepTest;

my ($node, $peer) = start_pair(conf => "restart_after_crash = on\n", node_conf => "steep_repl.lock_timeout = 2s\n");
my $proxy = start_proxy($peer);
my $before = state_of($node, $peer);
my %via = (conninfo => { port => $proxy->port });
my $through = quote(conninfo($peer, port => $proxy->port));
my ($round, %cases) = (0);

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
	return both_rows();
}

sub both_rows
{
	return { map { $_->name => rows($_) } $node, $peer };
}

sub rows
{
	my ($n) = @_;

	return { map { my $t = $_; my $r = table_rows($n, "public.$t", ['id']); map { ("$t $_" => $r->{$_}) } keys %$r } @tables };
}

# What a merge with prefer-local makes of both nodes.
sub merged
{
	my ($start) = @_;
	my $rows = { %{ $start->{b} }, %{ $start->{a} } };

	return { a => $rows, b => $rows };
}

my ($start, $last);
my %scenarios = (
	merge => sub { $start = diverge(); return (merged($start), sub { submit_merge($node, $peer, \@tables, %via) }) },
	batch => sub {
		$start = diverge();
		return (merged($start), sub { submit_merge($node, $peer, \@tables, %via, options => '{"atomicity": "batch", "batch_size": 3}') });
	},
	# undoes what the last case has merged
	revert => sub {
		run_case('merge') unless $last;
		return ($start, sub { sql($node, "SET log_statement = 'none'; SELECT merge_id FROM steep_repl.revert_merge('$last', $through)") });
	});

# Run a merge, with a fault once it has come to a point.
sub run_case
{
	my ($scenario, $point, $fault, $strike) = @_;
	my ($want, $submit) = $scenarios{$scenario}->();
	my $name = $fault ? "$scenario: $fault at $point" : $scenario;

	if ($fault)
	{
		my $hold = hold_point($node, $point);
		$last = $submit->();
		$hold->wait_reached;
		my $struck = $strike->($hold);
		eval { $hold->release };
		$cases{$fault}{$struck ? 'tried' : 'nothing to strike'}++;
	}
	else
	{
		$last = $submit->();
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_sound($last, $want, $name);
	$last = undef if $scenario eq 'revert';
	return;
}

# Test that a merge completes by itself, with these rows, and leaves nothing.
sub is_sound
{
	my ($id, $want, $name) = @_;
	my $job = wait_until(sub {
			my $status = eval { sql($node, "SELECT m.status || ' ' || q.status FROM steep_repl.merge_audit_log m
				JOIN steep_repl.work_queue q USING (merge_id) WHERE merge_id = '$id'") };
			return $status && $status !~ /pending|running/ && $status;
		}, "$name: the end of the merge");

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($job, 'complete complete', "$name: complete")
	  || diag sql($node, "SELECT error_message FROM steep_repl.merge_audit_log WHERE merge_id = '$id'");
	is_deeply(both_rows(), $want, "$name: the rows are right") || finish();
	is(sql($node, "SELECT count(*) FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND state <> 'applied'")
		. sql($node, 'SELECT count(*) FROM steep_repl.leftovers()'), '00', "$name: every decision is applied, nothing is in doubt");
	is_unleaked($before, "$name: nothing is left behind");
	return;
}

# Make both nodes equal after a case that has failed.
sub finish
{
	both($node, $peer, 'TRUNCATE parent, child');
	undef $last;
	return;
}

# Kill a process of a node, and wait until the node is back.
sub crash
{
	my ($n, $pid) = @_;
	my $offset = -s $n->logfile;

	kill 'KILL', $pid;
	$n->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	return wait_back($n);
}

sub peer_backend
{
	return sql($peer, q{SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'steep_repl'});
}

# Faults, each with what it does while a worker waits at the point.
my %faults = (
	'worker killed' => sub { crash($node, $_[0]->waiter) },
	'launcher killed' => sub { crash($node, sql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'steep_repl launcher'})) },
	'this node stopped' => sub { $node->stop('immediate'); $node->start; 1 },
	'peer\'s backend killed' => sub { my $pid = peer_backend(); $pid && crash($peer, $pid) },
	'peer stopped' => sub { my $there = peer_backend(); $peer->stop('immediate'); $peer->start; $there },
	'link cut' => sub { my $there = peer_backend(); $proxy->command('cut'); $there });

# Which points a scenario comes by: the code says so in the log.
my %passes;
foreach my $scenario (qw(merge revert batch))
{
	sql($node, 'ALTER SYSTEM SET log_min_messages = debug1');
	$node->reload;
	$node->poll_query_until('postgres', 'SHOW log_min_messages', 'debug1');
	my $offset = -s $node->logfile;
	run_case($scenario);
	wait_until(sub { slurp_file($node->logfile, $offset) =~ /test point "job_ended"/ }, 'the end of the job');
	my %seen = map { ($_ => 1) } slurp_file($node->logfile, $offset) =~ /test point "([^"]+)"/g;
	$passes{$scenario} = [ sort keys %seen ];
	sql($node, 'ALTER SYSTEM RESET log_min_messages');
	$node->reload;
}

# They are all that the code has, but for what only a failure comes by, and
# what only snapshots and inits do, or a merge beside replication.
my %known = map { map { ($_ => 1) } slurp_file($_) =~ /TEST_POINT\("([^"]+)"\)/g } glob 'src/ops/*.c src/worker/*.c';
delete @known{ grep { /^(snapshot|apply|init|direct|files|manual|reinit)-|^merge-await$/ } keys %known };
delete $known{$_} foreach map { @$_ } values %passes;
is(join(' ', sort keys %known), 'job_end step_fail', 'the merges come by every point');

my @swept = grep { ($ENV{STEEP_SWEEP} // '') !~ /[a-z]/ || $ENV{STEEP_SWEEP} =~ /$_/ } qw(merge batch revert);

sub sweep
{
	foreach my $scenario (@swept)
	{
		foreach my $point (@{ $passes{$scenario} })
		{
			run_case($scenario, $point, $_, $faults{$_}) foreach sort keys %faults;
		}
	}
	return;
}

# The most delicate points once, the faults and the scenarios in turn.
sub sample
{
	my @faults = sort keys %faults;
	my @points = qw(merge-before-marker merge-after-lock merge-write-chunk merge-before-peer-commit merge-after-peer-commit
	  merge-before-local-commit merge-plan-batch scout_recover job_finish merge-before-sequences);
	my $turn = 0;

	foreach my $point (@points)
	{
		my ($scenario) = grep { my $s = $_; grep { $_ eq $point } @{ $passes{$s} } } $turn % 2 ? qw(batch revert merge) : qw(revert merge batch);
		my $fault = $faults[ ($turn++ * 5 + 2) % @faults ];
		run_case($scenario, $point, $fault, $faults{$fault});
	}
	return;
}

$ENV{STEEP_SWEEP} ? sweep() : sample();

# What only a failure comes by: its record is lost.
foreach my $fault ($ENV{STEEP_SWEEP} ? sort keys %faults : 'worker killed')
{
	$start = diverge();
	my $hold = hold_point($node, 'step_fail');
	$proxy->command('rule kill-before:SELECT steep_repl.claim_batch');
	$last = submit_merge($node, $peer, \@tables, %via);
	$hold->wait_reached;
	$cases{$fault}{tried}++ if $faults{$fault}->($hold);
	eval { $hold->release };
	is_sound($last, merged($start), "merge: $fault at step_fail");
}

# Acknowledgements that are lost, statements that do not arrive.
my @statements = ('COMMIT', 'SELECT steep_repl.claim_batch', 'SELECT steep_repl.finish_batch', 'INSERT INTO public.parent', 'UPDATE ONLY public.child',
	'LOCK TABLE', 'SET CONSTRAINTS', 'START TRANSACTION', 'SELECT steep_repl.forget_batch', 'setval');
foreach my $scenario ($ENV{STEEP_SWEEP} ? @swept : 'batch')
{
	foreach my $action (qw(kill-before kill-after reset-before reset-after))
	{
		foreach my $statement (@statements)
		{
			next unless $ENV{STEEP_SWEEP} || $statement eq 'COMMIT' && $action =~ /after/;
			next if $scenario eq 'revert' && $statement =~ /INSERT|setval/;
			my ($want, $submit) = $scenarios{$scenario}->();
			my $hits = $proxy->command('hits');
			my $hold = hold_point($node, 'job_claimed');

			$last = $submit->();
			$hold->wait_reached;
			$proxy->command("rule $action:$statement");
			$hold->release;
			is_sound($last, $want, "$scenario: $action $statement");
			is($proxy->command('hits'), $hits + 1, "$scenario: $action $statement: it struck");
			$proxy->command('clear');
			$cases{$action}{tried}++;
			$last = undef if $scenario eq 'revert';
		}
	}
}

foreach my $fault (sort keys %cases)
{
	note "$fault: ", join ', ', map { "$cases{$fault}{$_} $_" } sort keys %{ $cases{$fault} };
}
note 'points: ', join '; ', map { "$_ " . @{ $passes{$_} } } sort keys %passes;
done_testing();
