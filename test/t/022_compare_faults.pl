# A compare under load, faults and cancels: right or an error, and no trace.
use SteepTest;
use IO::Socket::INET;
use Time::HiRes qw(time);

my ($node, $peer) = start_pair();
my $connection = quote(conninfo($peer));
my $overlap = "SELECT * FROM steep_repl.analyze_overlap($connection, ARRAY['t'])";

sql($_, <<'EOC') foreach $node, $peer;
CREATE TABLE t (id int8 PRIMARY KEY, v int, w text);
INSERT INTO t SELECT i, i, repeat('x', 20) FROM generate_series(1, 20000) i;
ANALYZE t;
EOC
my $before = state_of($node, $peer);

# Writers on both nodes that never change the number of rows.
my @load = map { start_load($_, <<'EOC') } $node, $peer;
\set id random(1, 20000)
\set new random(20001, 1000000000000000000)
BEGIN;
UPDATE t SET v = v + 1 WHERE id = :id;
WITH gone AS (DELETE FROM t WHERE id = (SELECT min(id) FROM t WHERE id > :id) RETURNING id)
INSERT INTO t SELECT :new, 1 FROM gone;
END;
EOC
my @odd;
foreach (1 .. 20)
{
	my ($local, $remote, $match, $conflict) = (split /\|/, sql($node, $overlap))[ 1 .. 4 ];
	push @odd, "$local $remote $match $conflict"
	  if $local + $match + $conflict != 20000 || $remote + $match + $conflict != 20000;
	my $wrong = sql($node, <<"EOC");
SELECT count(*) FROM steep_repl.diff($connection, 't', p_limit => 500)
WHERE (local_row IS NULL) <> (category = 'remote_only') OR (remote_row IS NULL) <> (category = 'local_only')
	OR (category = 'conflict') <> (coalesce(cardinality(changed_columns), 0) > 0)
EOC
	push @odd, "$wrong rows without both sides" if $wrong;
}
is_deeply(\@odd, [], 'counts add up while both nodes write');
cmp_ok($_->stop, '>', 0, 'they did') foreach @load;
sql($_, 'TRUNCATE t; INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i') foreach $node, $peer;
sql($peer, 'UPDATE t SET v = 0 WHERE id % 100 = 0');
my $right = 't|0|0|19800|200';
is(sql($node, $overlap), $right, 'a quiet compare');
is_unleaked($before, 'nothing is left');

# Ends a compare by what the sub does, and returns what the client sees; the
# same session goes on to compare again.
sub broken
{
	my ($name, $break, $error, %options) = @_;
	my $point = hold_point($node, 'compare-second-pass');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my ($err, $again);

	$session->query_until(qr/started/, "\\echo started\n" . ($options{before} // '') . "$overlap;\n");
	$point->wait_reached;
	$break->();
	$point->release;
	$again = $options{dead} ? '' : eval { scalar $session->query(($options{after} // '') . $overlap) } // $@;
	$err = $session->{stderr};
	like($err, $error, "$name: a clear error") unless $options{dead};
	is($again =~ s/^\s+//r, $right, "$name: the session can compare again") unless $options{dead};
	eval { $session->quit };
	is_unleaked($before, "$name: nothing is left");
	return;
}

my $backend = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'steep_repl'};
my $caller = q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%analyze_overlap%' AND pid <> pg_backend_pid()};
my $waiting = q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted};

broken('peer terminated', sub { sql($peer, "SELECT pg_terminate_backend(pid) FROM ($backend) b") },
	qr/ERROR:.*(terminating connection due to administrator command|lost the connection|server closed)/);
broken('caller canceled', sub { sql($node, "SELECT pg_cancel_backend(pid) FROM ($caller) c") },
	qr/ERROR:  canceling statement due to user request/);
broken('caller terminated', sub { sql($node, "SELECT pg_terminate_backend(pid) FROM ($caller) c") }, qr//, dead => 1);
broken('time limit', sub { wait_until(sub { sql($node, $waiting) eq '0' }, 'the timeout') }, qr/ERROR:  canceling statement due to statement timeout/,
	before => "SET statement_timeout = '500ms';\n", after => "RESET statement_timeout;\n");

# The peer dies.
sub while_it_dies
{
	my ($name, $die, $error) = @_;
	my $point = hold_point($node, 'compare-second-pass');
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_until(qr/started/, "\\echo started\n$overlap;\n");
	$point->wait_reached;
	$die->();
	$point->release;
	is($session->query('SELECT 1'), 1, "$name: the caller lives") || diag $session->{stderr};
	like($session->{stderr}, $error, "$name: a clear error");
	$session->{stderr} = '';
	like($session->query('SELECT 1'), qr/1/, "$name: and goes on");
	wait_back($peer);
	is($session->query($overlap) =~ s/^\s+//r, $right, "$name: and compares again");
	$session->quit;
	is_unleaked($before, "$name: nothing is left");
	return;
}
my $lost = qr/ERROR:.*(lost the connection|server closed the connection|terminating connection|could not)/;
sql($peer, 'ALTER SYSTEM SET restart_after_crash = on');
$peer->reload;
while_it_dies('kill -9', sub { kill 'KILL', sql($peer, $backend) }, $lost);
while_it_dies('immediate stop', sub { $peer->stop('immediate'); $peer->start }, $lost);

# Errors that are caught leave nothing, however often.
sql($node, <<"EOC");
CREATE FUNCTION caught(n int, peer text, tables text[]) RETURNS bigint LANGUAGE plpgsql AS \$\$
DECLARE
	errors bigint := 0;
BEGIN
	FOR i IN 1 .. n LOOP
		BEGIN
			PERFORM * FROM steep_repl.analyze_overlap(peer, tables);
		EXCEPTION WHEN OTHERS THEN
			errors := errors + 1;
		END;
	END LOOP;
	RETURN errors;
END \$\$
EOC
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()') =~ s/\s//gr;
$session->query_safe("SET TimeZone = 'Asia/Tokyo'");
my @size;
foreach my $round (1 .. 3)
{
	like($session->query_safe("SELECT caught(33, $connection, ARRAY['nothing.there'])"), qr/^\s*33$/, 'tables that are not there');
	like($session->query_safe("SELECT caught(33, " . quote(conninfo($peer, password => 'wrong')) . ", ARRAY['t'])"),
		qr/^\s*33$/, 'wrong passwords');
	like($session->query_safe("SELECT caught(34, $connection, ARRAY['t', 'pg_temp.x'])"), qr/^\s*34$/, 'errors');
	sql($peer, 'ALTER TABLE t RENAME v TO u');
	like($session->query_safe("SELECT caught(33, $connection, ARRAY['t'])"), qr/^\s*33$/, 'columns that do not fit');
	sql($peer, 'ALTER TABLE t RENAME u TO v');
	like($session->query_safe("SELECT caught(5, $connection, ARRAY['t'])"), qr/^\s*0$/, 'and no errors');
	push @size, memory($pid, 'VmRSS');
}
cmp_ok($size[2] - $size[1], '<', 2000, 'the session does not grow');
like($session->query_safe('SHOW TimeZone'), qr{^\s*Asia/Tokyo$}, 'its settings are its own');
like($session->query_safe('SELECT coalesce(cardinality(dblink_get_connections()), 0)'), qr/^\s*0$/, 'it has no connection');
$session->query('BEGIN');
$session->query('SAVEPOINT a');
$session->query("SELECT * FROM steep_repl.diff($connection, 'nothing')");
$session->query('ROLLBACK TO a');
$session->{stderr} = '';
is($session->query("$overlap;") =~ s/^\s+//r, $right, 'it goes on after a savepoint');
$session->query_safe('COMMIT');
$session->quit;
is_unleaked($before, 'caught errors leave nothing', qr/function/);

# Returns kB of memory of a process.
sub memory
{
	my ($pid, $what) = @_;

	return (slurp_file("/proc/$pid/status") =~ /$what:\s*(\d+)/)[0];
}

# Peers that do not answer.
my $deaf = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die 'cannot listen';
my $start = time;
like(
	error_of($node, 'SET steep_repl.connect_timeout = 2; SELECT * FROM steep_repl.analyze_overlap('
		  . quote(conninfo($peer, port => $deaf->sockport)) . ", ARRAY['t'])"),
	qr/could not connect to peer.*\nDETAIL:.*timeout expired/,
	'a peer that accepts and is silent');
cmp_ok(time - $start, '<', 10, 'an answer in time');
$deaf->close;

my $proxy = start_proxy($peer);
my $through = "SELECT * FROM steep_repl.analyze_overlap("
  . quote(conninfo($peer, port => $proxy->port)) . ", ARRAY['t'])";
foreach my $rule (qw(hang-before hang-after))
{
	my $hits = $proxy->command('hits');
	$proxy->command("rule $rule:digest_leaves");
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\n$through;\n");
	$proxy->wait_hits($hits + 1);
	sql($node, "SELECT pg_cancel_backend(pid) FROM ($caller) c");
	is($session->query('SELECT 1') =~ s/^\s+//r, 1, "$rule: a cancel is heard");
	like($session->{stderr}, qr/ERROR:  canceling statement due to user request/, "$rule: and told");
	$session->quit;
	$proxy->command('cut');
}
foreach my $rule (qw(kill-before:digest_leaves kill-after:digest_leaves reset-before:row_digest
	reset-after:row_digest kill-before:search_path kill-after:REPEATABLE))
{
	$proxy->command("rule $rule");
	like(error_of($node, $through), $lost, "$rule: a clear error");
}
is(sql($node, $through), $right, 'then it works');
$proxy->stop;
is_unleaked($before, 'faults of the network leave nothing', qr/function/);

# A standby compares, and can be compared with.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('c');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->start;
$standby->poll_query_until('postgres', "SELECT pg_last_wal_replay_lsn() >= '" . sql($node, 'SELECT pg_current_wal_lsn()') . "'");
my $from_standby = state_of($standby, $peer);
is(sql($standby, $overlap), $right, 'a standby compares');
is(sql($peer, $overlap =~ s/\Q$connection\E/quote(conninfo($standby))/er), $right, 'and is compared with');
is_unleaked($from_standby, 'that leaves nothing');
$standby->stop;

# Memory does not follow the number of differences.
my @peaks;
sql($_, <<'EOC') foreach $node, $peer;
CREATE TABLE big (id int PRIMARY KEY, v text);
INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, 200000) i;
ANALYZE big;
EOC
foreach my $percent (10, 100)
{
	my $start = time;
	my $step = 100 / $percent;
	sql($peer, "UPDATE big SET v = v || 'x' WHERE id % $step = 0");
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()') =~ s/\s//gr;
	my $differ = 200000 / $step;
	like($session->query_safe($overlap =~ s/'t'/'big'/r), qr/^\s*big\|0\|0\|@{[200000 - $differ]}\|$differ$/,
		"$percent % of the rows differ");
	like($session->query_safe("SELECT count(*) FROM steep_repl.diff($connection, 'big')"), qr/^\s*$differ$/, 'and are listed');
	push @peaks, memory($pid, 'VmHWM') - memory($pid, 'RssShmem') - memory($pid, 'RssFile');
	cmp_ok(time - $start, '<', 40, 'and time');
	$session->quit;
	sql($peer, 'UPDATE big SET v = md5(id::text) WHERE v <> md5(id::text)');
}
cmp_ok($peaks[0], '<', 100_000, 'kB of memory');
cmp_ok($peaks[1] - $peaks[0], '<', 20_000, 'no more for ten times the differences');

done_testing();
