# What takes the ground from under snapshots: their role, extension or database
# is dropped, the server stops, has no place for workers or is a standby.
use SteepTest;
use SteepTest::Snapshot;

my $node = start_node('a', conf => "restart_after_crash = on\ndeadlock_timeout = 100ms\nsteep_repl.max_workers = 2\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my ($id, $row, $point, $path, $n);

sub new_path
{
	return "$base/" . ++$n;
}

sub is_sound
{
	return sql($node, "SELECT count(*) FROM steep_repl.verify_snapshot('$_[0]')") eq '0';
}

sub workers_gone
{
	wait_until(sub { sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('steep_repl leader', 'steep_repl helper')}) eq '0' }, 'the workers to leave');
	return;
}

sql($node, <<'EOC');
CREATE TABLE t (id int PRIMARY KEY, x text);
INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
CREATE DATABASE other TEMPLATE template0;
EOC
my %options = (options => '{"tables": ["t"]}', parallel => 1);
my $before = state_of($node);
is(run_snapshot($node, "$base/good", %options)->{status}, 'complete', 'the snapshot');

sub make_other
{
	sql($node, 'CREATE DATABASE other TEMPLATE template0') if !sql($node, q{SELECT count(*) FROM pg_database WHERE datname = 'other'});
	sql($node, 'CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE; CREATE TABLE IF NOT EXISTS t AS SELECT i AS id, i::text AS x FROM generate_series(1, 1000) i', 'other');
	return;
}

# Starts in the other database, and waits at a point there.
sub start_other
{
	my ($name) = @_;

	make_other();
	$path = new_path();
	sql($node, 'DROP TABLE t', 'other') if $name =~ /load|schema|index|check/;
	$point = hold_point($node, $name, 'other');
	$id = $name =~ /load|schema|index|check/ ? submit_apply($node, "$base/good", dbname => 'other', parallel => 1)
	  : submit_snapshot($node, $path, dbname => 'other', %options);
	$point->wait_reached;
	return;
}

# Its database is dropped.
foreach my $name ('snapshot-held', 'snapshot-write', 'apply-load', 'done index')
{
	start_other($name);
	sql($node, 'DROP DATABASE other WITH (FORCE)');
	eval { $point->release };
	workers_gone();
	ok(!-e "$path/manifest.json" || is_sound($path), "$name: no snapshot is made of a database that is dropped, or a whole one");
}

# The extension is.  The drop can be the victim of a deadlock.
sub extended
{
	return sql($node, q{SELECT count(*) FROM pg_extension WHERE extname = 'steep_repl'}, 'other');
}

foreach my $name ('begin plan', 'snapshot-held', 'snapshot-write', 'begin schema', 'apply-load')
{
	start_other($name);
	my $session = $node->background_psql('other', on_error_stop => 0);
	my $offset = -s $node->logfile;
	$session->query_until(qr/now/, "\\echo now\nDROP EXTENSION steep_repl CASCADE;\n");
	wait_until(sub { !extended() || sql($node, q{SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'advisory'}) ne '0' || $node->log_contains(qr/deadlock detected/, $offset) }, 'the drop');
	$point->release;
	$session->query('SELECT 1');
	my $deadlock = $session->{stderr} =~ /deadlock detected/;
	$session->quit;
	if ($deadlock)
	{
		$row = wait_for_snapshot($node, $id, 'other');
		is($row->{status}, 'complete', "$name: the drop is the victim of a deadlock, and the job goes on") or diag $row->{error_message};
		next;
	}
	workers_gone();
	ok(!extended(), "$name: the extension is dropped");
	ok(!-e "$path/manifest.json", "$name: no snapshot is made without its record");
}
sql($node, 'DROP DATABASE other WITH (FORCE)');
is(run_snapshot($node, new_path(), %options)->{status}, 'complete', 'others go on');

# Its role is.
foreach my $name ('begin plan', 'snapshot-held', 'snapshot-write')
{
	sql($node, 'CREATE ROLE passing LOGIN PASSWORD ' . quote(secret()) . ' IN ROLE pg_write_server_files');
	sql($node, 'GRANT USAGE ON SCHEMA steep_repl TO passing; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO passing; GRANT SELECT ON t TO passing');
	$path = new_path();
	$point = hold_point($node, $name);
	$id = submit_snapshot($node, $path, %options, role => 'passing');
	$point->wait_reached;
	sql($node, 'DROP OWNED BY passing; DROP ROLE passing');
	$point->release;
	$row = wait_for_snapshot($node, $id);
	is($row->{status}, 'failed', "$name: a role is dropped");
	like($row->{error_message}, qr/role "passing" (does not exist|was dropped)/, "$name: the record says so");
	ok(is_no_snapshot($path), "$name: nothing is left");
}

# A fast shutdown: it goes on at the next start.
foreach my $name ('snapshot-held', 'snapshot-write', 'begin finalize')
{
	$path = new_path();
	$point = hold_point($node, $name);
	$id = submit_snapshot($node, $path, %options);
	$point->wait_reached;
	$node->stop('fast');
	ok(!-e "$path/manifest.json", "$name: fast shutdown: no manifest");
	$node->start;
	$row = wait_for_snapshot($node, $id);
	is("$row->{status} $row->{rows}", 'complete 1000', "$name: fast shutdown: complete later") or diag $row->{error_message};
}
foreach my $name ('begin schema', 'apply-load', 'begin check')
{
	start_other($name);
	$node->stop('fast');
	$node->start;
	$row = wait_for_snapshot($node, $id, 'other');
	is($row->{status} . ' ' . sql($node, 'SELECT count(*), count(DISTINCT id) FROM t', 'other'), 'complete 1000|1000', "$name: fast shutdown: applied later")
	  or diag $row->{error_message};
}

# No place for the one who holds: it waits, and can be cancelled.  With one
# place the leader reads itself.
foreach my $places (3, 4)
{
	$node->append_conf('postgresql.conf', "max_worker_processes = $places");
	$node->restart;
	my $offset = -s $node->logfile;
	$path = new_path();
	$id = submit_snapshot($node, $path, %options, parallel => 4);
	if ($places == 3)
	{
		$node->wait_for_log(qr/could not start a background worker/, $offset);
		is(sql($node, "SELECT status FROM steep_repl.work_queue WHERE snapshot_id = '$id'"), 'running', 'without a place for who holds it waits');
		sql($node, "SELECT steep_repl.cancel_operation('$id')");
		is(wait_for_snapshot($node, $id)->{status}, 'cancelled', 'and can be cancelled');
		my $warnings = () = slurp_file($node->logfile, $offset) =~ /could not start a background worker/g;
		cmp_ok($warnings, '<=', 2, "it is said once: $warnings");
		sql($node, 'DROP TABLE t', 'other');
		$row = run_apply($node, "$base/good", dbname => 'other');
		is($row->{status}, 'complete', 'an apply does without') or diag $row->{error_message};
	}
	else
	{
		is(wait_for_snapshot($node, $id)->{status}, 'complete', 'with a place for who holds the leader reads itself') or diag $row->{error_message};
	}
}
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->restart;

# A standby, and a server that was not told of the library.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
my @calls = ("start_snapshot('$base/no')", "start_apply('$base/good')");
like(error_of($standby, "SELECT steep_repl.$_"), qr/during recovery/, "refused on a standby: $_") foreach @calls;
is(sql($standby, "SELECT count(*) FROM steep_repl.verify_snapshot('$base/good')"), 0, 'a standby verifies');
$standby->stop;
is_unleaked($before, 'nothing is leaked');
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
like(error_of($node, "SELECT steep_repl.$_"), qr/HINT:.*shared_preload_libraries = 'steep_repl'/s, "refused if not preloaded: $_") foreach @calls;
ok(!-e "$base/no", 'what is refused leaves nothing');

done_testing();
