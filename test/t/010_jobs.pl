# The job engine: a job runs as its owner, step by step, and whatever happens
# to it (cancel, error, crash, role dropped, server stopped) it ends or goes
# on, and says why.  Needs a server built with make TEST_POINTS=1.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'steep_repl'
restart_after_crash = on
max_worker_processes = 16
log_line_prefix = '%m [%p] %b '
});
$node->start;
if ($node->psql('postgres', 'SHOW steep_repl.crash_point') != 0)
{
	$node->stop;
	plan skip_all => 'the library was built without TEST_POINTS=1';
}
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION steep_repl CASCADE;
CREATE TABLE public.test_ends (id bigint, status text, message text);
CREATE TABLE public.done (i serial, what text, at timestamptz DEFAULT clock_timestamp());
GRANT ALL ON public.done, public.done_i_seq TO PUBLIC;
CREATE FUNCTION public.test_enqueue(params jsonb, steps jsonb, parallel int DEFAULT 1)
RETURNS bigint LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_enqueue';
CREATE FUNCTION public.step(stage int, sql text, kind text DEFAULT 'sql', target text DEFAULT NULL)
RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_build_object('stage', stage, 'kind', kind, 'sql', sql, 'target', target) $$;
CREATE ROLE alice LOGIN;
CREATE ROLE bob LOGIN;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE FUNCTION public.test_wait(id bigint, seconds int)
RETURNS void LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_wait';
GRANT USAGE ON SCHEMA steep_repl TO alice, bob, monitor;
GRANT EXECUTE ON FUNCTION steep_repl.list_operations, steep_repl.cancel_operation,
	steep_repl.merge_progress, steep_repl.prune_work_queue TO alice, bob, monitor;
});

# Submit a job with these steps; options: role, params, parallel, db.
sub submit
{
	my ($steps, %o) = @_;
	my $params = $o{params} // '{}';
	my $parallel = $o{parallel} // 1;
	my $role = $o{role} ? "SET SESSION AUTHORIZATION $o{role};" : '';
	my $array = join(', ', map { "public.step($_)" } @$steps);
	return $node->safe_psql($o{db} // 'postgres',
		"$role SELECT public.test_enqueue('$params', jsonb_build_array($array), $parallel)");
}

sub status
{
	my ($id) = @_;
	return $node->safe_psql('postgres',
		"SELECT status FROM steep_repl.work_queue WHERE id = $id");
}

sub field
{
	my ($id, $field) = @_;
	return $node->safe_psql('postgres',
		"SELECT $field FROM steep_repl.work_queue WHERE id = $id");
}

sub wait_status
{
	my ($id, $status) = @_;
	return $node->poll_query_until('postgres',
		"SELECT status = '$status' FROM steep_repl.work_queue WHERE id = $id");
}

# Wait until a worker of this type runs our SQL; return its pid.
sub worker_pid
{
	my ($type, $condition) = @_;
	my $query =
	  "FROM pg_stat_activity WHERE backend_type = 'steep_repl $type' AND $condition";
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $query")
	  or die "no $type";
	return $node->safe_psql('postgres', "SELECT pid $query");
}

# A session that stays open.
sub session
{
	my ($dbname) = @_;
	my %s = (in => '', out => '', err => '');
	$s{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr($dbname) ],
		'<', \$s{in}, '>', \$s{out}, '2>', \$s{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%s;
}

sub query
{
	my ($s, $sql) = @_;
	$s->{in} .= "$sql;\n\\echo <done>\n";
	$s->{run}->pump until $s->{out} =~ /<done>/;
	my $out = $s->{out};
	$s->{out} = '';
	return $out;
}

sub close_session
{
	my ($s) = @_;
	$s->{in} .= "\\q\n";
	$s->{run}->finish;
	return;
}

# Wait until the server has crashed and is up again; psql may not be started
# in between, since IPC::Run dies when it ends before it has read its input.
sub wait_restart
{
	my ($offset) = @_;
	$node->wait_for_log(
		qr/all server processes terminated; reinitializing.*ready to accept connections/s,
		$offset);
	return;
}

# Ask until the server answers: it may crash once more, and IPC::Run dies when
# psql ends before it has read its input.
sub insist
{
	my ($ask) = @_;
	foreach (1 .. 500)
	{
		my $answer = eval { $ask->() };
		return $answer if $answer;
	}
	return $ask->();
}

# Kill a process and wait until the server is up again.
sub crash
{
	my ($pid) = @_;
	my $offset = -s $node->logfile;
	kill 'KILL', $pid;
	wait_restart($offset);
	return;
}

my ($id, $helper);

### what runs

is($node->safe_psql('postgres', 'SELECT steep_repl.launcher_running()'),
	't', 'the launcher is there');

$id = submit(["2, 'INSERT INTO public.done (what) VALUES (''late'')'",
		"1, 'INSERT INTO public.done (what) VALUES (''first'')'",
		"1, 'INSERT INTO public.done (what) VALUES (''second'')'"]);
wait_status($id, 'complete');
is($node->safe_psql('postgres', 'SELECT string_agg(what, \' \' ORDER BY i) FROM done'),
	'first second late', 'steps run in the order of stages');
is($node->safe_psql('postgres', "SELECT status FROM test_ends WHERE id = $id"),
	'complete', 'the operation is told of the end');

$id = submit(["1, 'INSERT INTO public.done (what) VALUES (''added'')', 'add'"]);
wait_status($id, 'complete');
is($node->safe_psql('postgres', q{SELECT count(*) FROM done WHERE what = 'added'}),
	'1', 'a step can add one to a later stage');

$id = submit(["1, 'SELECT 1', 'readonly'"]);
wait_status($id, 'complete');
is(status($id), 'complete', 'a step may be read only');

my $locker = session('postgres');
query($locker, 'SELECT pg_advisory_lock(1)');
my $parallel_id = submit(
	[ map { "1, 'SELECT pg_advisory_lock_shared(1)'" } 1 .. 3 ],
	parallel => 3);
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 3 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}),
	'steps of one stage run side by side');
query($locker, 'SELECT pg_advisory_unlock(1)');
wait_status($parallel_id, 'complete');
is(status($parallel_id), 'complete', 'and complete');

### as whom it runs

$node->safe_psql('postgres', q{
ALTER ROLE alice SET search_path = 'evil';
ALTER ROLE alice SET DateStyle = 'German';
ALTER ROLE alice SET TimeZone = 'Asia/Tokyo';
ALTER ROLE alice SET default_transaction_read_only = on;
ALTER ROLE alice SET row_security = on;
ALTER ROLE alice SET synchronous_commit = off;
ALTER ROLE alice SET lock_timeout = '1ms';
ALTER ROLE alice SET statement_timeout = '1ms';
GRANT bob TO alice;
ALTER ROLE alice SET role = 'bob';
});
$id = submit([q{1, $$INSERT INTO public.done (what) SELECT concat_ws(' ', session_user, current_user,
	current_setting('search_path'), current_setting('DateStyle'), current_setting('TimeZone'),
	current_setting('row_security'), current_setting('synchronous_commit'),
	current_setting('lock_timeout'), current_setting('statement_timeout'), 'settings')$$}],
	role => 'alice');
wait_status($id, 'complete');
is($node->safe_psql('postgres', q{SELECT what FROM done WHERE what LIKE '%settings'}),
	'alice alice pg_catalog, pg_temp ISO, YMD UTC off on 0 0 settings',
	'a job runs as its owner, under our settings');
$node->safe_psql('postgres', 'ALTER ROLE alice RESET ALL; REVOKE bob FROM alice');

$id = submit(["1, 'CREATE ROLE carol'"], role => 'alice');
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/permission denied to create role/,
	'a job has no more rights than its owner');

$id = $node->safe_psql('postgres', q{
CREATE ROLE gone LOGIN;
BEGIN;
SET LOCAL ROLE gone;
SELECT public.test_enqueue('{}', jsonb_build_array(public.step(1, 'SELECT 1')));
RESET ROLE;
DROP ROLE gone;
COMMIT;
});
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/role "gone" does not exist any more/, 'a dropped owner fails the job');

$id = $node->safe_psql('postgres', q{
CREATE ROLE nologin NOLOGIN;
SET ROLE nologin;
SELECT public.test_enqueue('{}', jsonb_build_array(public.step(1, 'SELECT 1')));
});
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/role "nologin" is not permitted to log in/,
	'an owner that can not log in fails the job');
is($node->safe_psql('postgres', "SELECT status FROM test_ends WHERE id = $id"),
	'failed', 'and the operation is told');

### errors

$id = submit([q{1, $$DO 'BEGIN RAISE EXCEPTION USING MESSAGE = ''boom'', DETAIL = ''the detail'', HINT = ''the hint'', ERRCODE = ''22012''; END'$$},
		"2, 'INSERT INTO public.done (what) VALUES (''never'')'"]);
wait_status($id, 'failed');
is(field($id, q{concat_ws('|', error_sqlstate, error_message, error_detail, error_hint)}),
	'22012|boom|the detail|the hint', 'a failed job keeps the error');
like(field($id, 'error_context'), qr/step "sql" of operation "test"/, 'with its context');
is($node->safe_psql('postgres', "SELECT string_agg(status || attempt, ' ' ORDER BY id) FROM steep_repl.work_steps WHERE job_id = $id"),
	'failed1 cancelled0', 'the other steps are not run');

$id = submit([q{1, $$DO 'BEGIN RAISE EXCEPTION USING MESSAGE = ''try again'', ERRCODE = ''40001''; END'$$}],
	params => '{"max_attempts": 2}');
wait_status($id, 'failed');
is($node->safe_psql('postgres', "SELECT status || attempt FROM steep_repl.work_steps WHERE job_id = $id"),
	'failed2', 'a serialization failure is tried again, to a limit');

### transactions

is($node->safe_psql('postgres', q{
BEGIN;
SELECT public.test_enqueue('{}', jsonb_build_array(public.step(1, 'SELECT 1'))) > 0;
ROLLBACK;
SELECT count(*) FROM steep_repl.work_queue WHERE status IN ('pending', 'running');
}), "t\n0", 'a rollback submits nothing');

my ($rc, $out, $err) = $node->psql('postgres', q{
BEGIN;
SELECT public.test_enqueue('{}', '[]');
PREPARE TRANSACTION 'x';
});
like($err, qr/cannot PREPARE a transaction that has submitted/, 'no job in a prepared transaction');

### progress

my $listener = session('postgres');
query($listener, 'LISTEN steep_repl_progress');
query($locker, 'SELECT pg_advisory_lock(2)');
$id = submit(["1, 'SELECT pg_advisory_lock_shared(2)', 'progress', 'public.orders'",
		"2, 'SELECT 1'"], params => '{"merge_id": "m_progress"}');
ok($node->poll_query_until('postgres', q{
SELECT concat_ws('|', phase, overall_percent, tables_completed, tables_total, current_table, bytes_processed)
	= 'apply|25|1|4|public.orders|700' FROM steep_repl.merge_progress('m_progress')}),
	'progress is seen while a step runs');
is($node->safe_psql('postgres', "SELECT concat_ws('|', external_id, status, phase, percent, owner) FROM steep_repl.list_operations() WHERE id = $id"),
	'm_progress|running|apply|25|postgres', 'list_operations shows it too');
my $notified = '';
my $limit = time + $PostgreSQL::Test::Utils::timeout_default;
while ($notified !~ /"percent":25.0/ && time < $limit)
{
	$notified .= query($listener, 'SELECT 1');
}
like($notified, qr/\{"op":"test","id":"m_progress","status":"running","phase":"apply","percent":25.0,"table":"public.orders","rows":7,"bytes":700,"eta":\d+\}/,
	'NOTIFY tells of it while the step runs');
query($locker, 'SELECT pg_advisory_unlock(2)');
wait_status($id, 'complete');
$node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('steep_repl leader', 'steep_repl helper')});
like($notified . query($listener, 'SELECT 1'), qr/"status":"complete","phase":"apply","percent":100.0/,
	'NOTIFY tells of the end');
is($node->safe_psql('postgres', q{SELECT concat_ws('|', phase, overall_percent, bytes_processed) FROM steep_repl.merge_progress('m_progress')}),
	'complete|100|700', 'progress after the end');
close_session($listener);

### cancel

query($locker, 'SELECT pg_advisory_lock(3)');
$id = submit(["1, 'SELECT pg_advisory_lock(3)'"], params => '{"merge_id": "m_cancel"}');
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
my $before = time;
is($node->safe_psql('postgres', q{SELECT steep_repl.cancel_operation('m_cancel')}),
	't', 'cancel by the operation\'s own id');
wait_status($id, 'cancelled');
cmp_ok(time - $before, '<', 3, 'a step that waits for a lock is cancelled at once');
is($node->safe_psql('postgres', "SELECT status FROM test_ends WHERE id = $id"),
	'cancelled', 'the operation is told');
is($node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')"),
	'f', 'an ended job is not cancelled');
($rc, $out, $err) = $node->psql('postgres', q{SELECT steep_repl.cancel_operation('nonsense')});
like($err, qr/operation "nonsense" does not exist/, 'an unknown one is an error');

$id = submit(["1, 'SELECT sum(i) FROM generate_series(1, 1000000000000) AS i'"]);
worker_pid('helper', 'true');
$node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')");
wait_status($id, 'cancelled');
is(status($id), 'cancelled', 'a step that computes is cancelled');

$id = submit(["1, 'SELECT pg_advisory_lock(3)'"]);
$helper = worker_pid('helper', q{wait_event = 'advisory'});
$node->safe_psql('postgres', qq{
BEGIN;
SAVEPOINT before;
SELECT steep_repl.cancel_operation('$id');
ROLLBACK TO before;
COMMIT});
wait_status(submit(["1, 'SELECT 1'"]), 'complete');
is(worker_pid('helper', q{wait_event = 'advisory'}), $helper,
	'a cancel that is rolled back cancels nothing');
($rc, $out, $err) = $node->psql('postgres',
	"SET SESSION AUTHORIZATION bob; SELECT steep_repl.cancel_operation('$id')");
like($err, qr/permission denied to cancel operation/, 'a stranger can not cancel');
$node->safe_psql('postgres', 'GRANT pg_signal_backend TO bob');
$node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')");
wait_status($id, 'cancelled');

$id = submit(["1, 'SELECT pg_advisory_lock(3)'"], role => 'alice');
is($node->safe_psql('postgres',
	"SET SESSION AUTHORIZATION alice; SELECT count(*) FROM steep_repl.list_operations() WHERE id = $id"),
	'1', 'one sees one\'s own jobs');
is($node->safe_psql('postgres',
	"SET SESSION AUTHORIZATION bob; SELECT count(*) FROM steep_repl.list_operations()"),
	'0', 'and no others');
is($node->safe_psql('postgres',
	"SET SESSION AUTHORIZATION monitor; SELECT count(*) FROM steep_repl.list_operations() WHERE id = $id"),
	'1', 'a monitor sees all');
is($node->safe_psql('postgres', q{SET SESSION AUTHORIZATION monitor;
	SELECT DISTINCT error_message FROM steep_repl.list_operations() WHERE status = 'failed' AND error_message LIKE '%22012%'}),
	'SQLSTATE 22012', 'but not what errors say');
is($node->safe_psql('postgres',
	"SET SESSION AUTHORIZATION alice; SELECT steep_repl.cancel_operation('$id')"),
	't', 'one cancels one\'s own job');
wait_status($id, 'cancelled');

$id = $node->safe_psql('postgres', q{
BEGIN;
SELECT public.test_enqueue('{}', jsonb_build_array(public.step(1, 'SELECT 1')));
SELECT steep_repl.cancel_operation(max(id)::text) FROM steep_repl.work_queue;
COMMIT;
});
$id =~ s/\nt//;
is(status($id), 'cancelled', 'a pending job is cancelled at once');

### workers that go away

query($locker, 'SELECT pg_advisory_lock(4)');
$id = submit(["1, 'INSERT INTO public.done (what) VALUES (''durable'')'",
		"2, 'SELECT pg_advisory_lock_shared(4), pg_advisory_unlock_shared(4)'"]);
$helper = worker_pid('helper', q{wait_event = 'advisory'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($helper)");
$node->poll_query_until('postgres',
	"SELECT attempt = 2 FROM steep_repl.work_steps WHERE job_id = $id AND stage = 2");
is(field($id, 'attempt'), '1', 'the step of a terminated helper is tried again');

my $leader = worker_pid('leader', 'true');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($leader)");
$node->poll_query_until('postgres', "SELECT attempt = 2 AND status = 'running' FROM steep_repl.work_queue WHERE id = $id");
is(field($id, 'attempt'), '2', 'the job of a terminated leader is started again');

worker_pid('helper', q{wait_event = 'advisory'});
my $offset = -s $node->logfile;
my $launcher = worker_pid('launcher', 'true');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'steep_repl launcher' AND pid <> $launcher");
ok(1, 'a terminated launcher comes back');

query($locker, 'SELECT pg_advisory_unlock(4)');
wait_status($id, 'complete');
is(status($id), 'complete', 'the job does not mind');

query($locker, 'SELECT pg_advisory_lock(6)');
$id = submit(["1, 'INSERT INTO public.done (what) VALUES (''once'')'",
		"2, 'SELECT pg_advisory_lock_shared(6), pg_advisory_unlock_shared(6)'"]);
$helper = worker_pid('helper', q{wait_event = 'advisory'});
crash($helper);
eval { $locker->{run}->finish };
wait_status($id, 'complete');
is(field($id, 'attempt'), '2', 'after kill -9 of a helper the job is started again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM done WHERE what = 'once'}),
	'1', 'and goes on after the last complete step');

$id = submit(["1, 'SELECT pg_sleep(3600)'"], params => '{"max_attempts": 2}');
crash(worker_pid('helper', q{wait_event = 'PgSleep'}));
$node->poll_query_until('postgres', "SELECT attempt = 2 FROM steep_repl.work_queue WHERE id = $id");
crash(worker_pid('helper', q{wait_event = 'PgSleep'}));
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/gave up after 2 attempts/, 'it gives up at the limit');
is($node->safe_psql('postgres', "SELECT status FROM test_ends WHERE id = $id"),
	'failed', 'and tells the operation');

$id = submit(["1, 'SELECT pg_sleep(3600)'"]);
crash(worker_pid('leader', 'true'));
$node->poll_query_until('postgres', "SELECT attempt = 2 FROM steep_repl.work_queue WHERE id = $id");
worker_pid('helper', q{wait_event = 'PgSleep'});
$node->stop('immediate');
$node->start;
$node->poll_query_until('postgres', "SELECT attempt = 3 FROM steep_repl.work_queue WHERE id = $id");
worker_pid('helper', q{wait_event = 'PgSleep'});
$before = time;
$node->stop('fast');
cmp_ok(time - $before, '<', 10, 'a fast shutdown does not wait for jobs');
$node->start;
$node->poll_query_until('postgres', "SELECT attempt = 4 FROM steep_repl.work_queue WHERE id = $id");
$node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')");
wait_status($id, 'cancelled');
is(status($id), 'cancelled', 'it goes on after each start, and can be cancelled');

### a crash at each point

$node->safe_psql('postgres', 'CREATE TABLE public.once (point text)');
foreach my $point (
	qw(job_claim job_claimed helper_start step_claim step_begin step_done
	job_finish job_end job_ended scout_recover))
{
	my $sql = "1, 'INSERT INTO public.once VALUES (''$point'')'";

	# only a job that fails passes "job_end"
	$sql = "1, 'SELECT 1/0'" if $point eq 'job_end';
	$offset = -s $node->logfile;
	$node->append_conf('postgresql.conf', "steep_repl.crash_point = '$point'");
	$node->reload;
	eval { submit([$sql]) };	# the crash may come before the answer
	wait_restart($offset);
	$node->append_conf('postgresql.conf', "steep_repl.crash_point = ''");
	$node->reload;

	# it may have crashed once more before it saw the setting
	$id = insist(sub {
		$node->safe_psql('postgres', 'SELECT max(id) FROM steep_repl.work_queue');
	});
	insist(sub {
		$node->poll_query_until('postgres',
			"SELECT status IN ('complete', 'failed') FROM steep_repl.work_queue WHERE id = $id");
	});
	is(status($id), $point eq 'job_end' ? 'failed' : 'complete', "crash at $point");
	is($node->safe_psql('postgres', "SELECT count(*) FROM test_ends WHERE id = $id"),
		'1', "crash at $point: the operation is told of the end once");
	is($node->safe_psql('postgres', "SELECT count(*) FROM once WHERE point = '$point'"),
		'1', "crash at $point: the step is done once") if $point ne 'job_end';
}

### wait

$id = submit(["1, 'SELECT pg_sleep(0.5)'"]);
is($node->safe_psql('postgres', qq{
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM pg_class WHERE false;
SELECT public.test_wait($id, 30);
COMMIT;
SELECT status FROM steep_repl.work_queue WHERE id = $id}), "0\n\ncomplete",
	'wait ends with the job, in any isolation level');
$id = submit(["1, 'SELECT pg_sleep(3600)'"]);
($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT public.test_wait($id, 1)");
like($err, qr/55006: operation "$id" has not ended within 1 seconds/, 'or with its time');
$node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')");
$node->safe_psql('postgres', "SELECT public.test_wait($id, 30)");
is(status($id), 'cancelled', 'wait ends with a cancel');
($rc, $out, $err) = $node->psql('postgres', q{
BEGIN;
SELECT public.test_wait(public.test_enqueue('{}', '[]'), 30)});
like($err, qr/starts only when this transaction commits/, 'and does not wait for itself');

### workers that can not start

$node->safe_psql('postgres', 'ALTER ROLE alice LOGIN');
$id = submit(["1, 'SELECT pg_sleep(3600)'"], role => 'alice');
$helper = worker_pid('helper', q{wait_event = 'PgSleep'});
$node->safe_psql('postgres', qq{ALTER ROLE alice NOLOGIN; SELECT pg_terminate_backend($helper)});
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/role "alice" is not permitted to log in/,
	'a job fails when its owner may not log in any more');
$node->safe_psql('postgres', 'ALTER ROLE alice LOGIN');

$node->append_conf('postgresql.conf', q{steep_repl.fail_point = 'job_claim'});
$node->reload;
$id = submit(["1, 'SELECT 1'"], params => '{"max_attempts": 2}');
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/gave up after 2 attempts/,
	'a job whose leader never gets to work is given up');
$offset = -s $node->logfile;
$node->append_conf('postgresql.conf', q{steep_repl.fail_point = 'step_claim'});
$node->reload;
$id = submit(["1, 'SELECT 1'"], params => '{"max_attempts": 2}');
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/gave up after 2 attempts/,
	'and one whose steps can not be claimed');
my $log = slurp_file($node->logfile, $offset);
my $tries = () = $log =~ /helper ERROR:  test point "step_claim" failed/g;
cmp_ok($tries, '<=', 6, 'and its helpers are not started over and over');
$node->append_conf('postgresql.conf', q{steep_repl.fail_point = 'job_finish'});
$node->reload;
$id = submit(["1, 'SELECT 1'"]);
wait_status($id, 'failed');
like(field($id, 'error_message'), qr/test point "job_finish" failed/,
	'an error at the finish fails the job');
$node->append_conf('postgresql.conf', q{steep_repl.fail_point = ''});
$node->reload;

### databases and the extension

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
CREATE EXTENSION steep_repl CASCADE;
CREATE TABLE public.test_ends (id bigint, status text, message text);
CREATE FUNCTION public.test_enqueue(params jsonb, steps jsonb, parallel int DEFAULT 1)
RETURNS bigint LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_enqueue';
SELECT public.test_enqueue('{}', '[{"stage": 1, "kind": "sql", "sql": "SELECT 1"}]');
});
$node->poll_query_until('other', q{SELECT status = 'complete' FROM steep_repl.work_queue});
$before = time;
$node->safe_psql('postgres', 'DROP DATABASE other');
cmp_ok(time - $before, '<', 4, 'an idle database can be dropped');

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
CREATE EXTENSION steep_repl CASCADE;
CREATE FUNCTION public.test_enqueue(params jsonb, steps jsonb, parallel int DEFAULT 1)
RETURNS bigint LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_enqueue';
SELECT public.test_enqueue('{}', '[{"stage": 1, "kind": "sql", "sql": "SELECT pg_sleep(3600)"}]');
});
worker_pid('helper', q{wait_event = 'PgSleep'});
$node->safe_psql('other', 'DROP EXTENSION steep_repl');
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'other'}),
	'the workers leave when the extension is dropped');
$node->safe_psql('postgres', 'DROP DATABASE other');

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
CREATE EXTENSION steep_repl CASCADE;
CREATE FUNCTION public.test_enqueue(params jsonb, steps jsonb, parallel int DEFAULT 1)
RETURNS bigint LANGUAGE c AS '$libdir/steep_repl', 'steep_repl_test_enqueue';
SELECT public.test_enqueue('{}', '[{"stage": 1, "kind": "sql", "sql": "SELECT pg_sleep(3600)"}]');
});
worker_pid('helper', q{wait_event = 'PgSleep'});
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
$id = submit(["1, 'SELECT 1'"]);
ok(wait_status($id, 'complete'), 'a database dropped under a job does no harm');

### many

$before = time;
$node->safe_psql('postgres', q{
SELECT count(public.test_enqueue('{}', jsonb_build_array(public.step(1, 'INSERT INTO public.done (what) VALUES (''many'')'))))
FROM generate_series(1, 300)});
$node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM steep_repl.work_queue WHERE status IN ('pending', 'running')})
  or diag $node->safe_psql('postgres', 'SELECT status, count(*) FROM steep_repl.work_queue GROUP BY 1');
diag sprintf('300 jobs took %.1f s', time - $before);
is($node->safe_psql('postgres', q{SELECT count(*) FROM done WHERE what = 'many'}),
	'300', 'many jobs run once each');

is($node->safe_psql('postgres', q{SET SESSION AUTHORIZATION alice; SELECT steep_repl.prune_work_queue('0') BETWEEN 1 AND 10}),
	't', 'one\'s own ended jobs can be forgotten');
is($node->safe_psql('postgres', q{SELECT steep_repl.prune_work_queue('0') >= 300; SELECT count(*) FROM steep_repl.work_queue}),
	"t\n0", 'and by an admin those of all');

### no place for workers

$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
$offset = -s $node->logfile;
$id = submit([ map { "1, 'SELECT 1'" } 1 .. 3 ], parallel => 2);
wait_status($id, 'complete');
is(status($id), 'complete', 'with one place the leader does the steps itself');
ok($node->wait_for_log(qr/could not start a background worker/, $offset), 'and says so');
$id = submit(["1, 'SELECT pg_sleep(3600)'"]);
$leader = worker_pid('leader', q{wait_event = 'PgSleep'});
my $second = submit(["1, 'SELECT 1'"]);
$node->wait_for_log(qr/could not start a background worker/, $offset);
is(status($second), 'pending', 'without a place a job stays in the queue');
$node->safe_psql('postgres', "SELECT steep_repl.cancel_operation('$id')");
wait_status($id, 'cancelled');
is(status($id), 'cancelled', 'a step that the leader does itself can be cancelled');
wait_status($second, 'complete');
is(status($second), 'complete', 'and the other one gets its place');

### where there is no background work

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
($rc, $out, $err) = $standby->psql('postgres', q{SELECT public.test_enqueue('{}', '[]')});
like($err, qr/operations cannot be submitted during recovery/, 'a standby refuses at once');
is($standby->safe_psql('postgres', 'SELECT steep_repl.launcher_running()'), 'f', 'and has no launcher');
isnt($standby->safe_psql('postgres', 'SELECT count(*) FROM steep_repl.list_operations()'), '0', 'but shows the operations');
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT steep_repl.launcher_running()');
ok(1, 'until it is promoted');
$standby->stop;

$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
($rc, $out, $err) = $node->psql('postgres', q{SELECT public.test_enqueue('{}', '[]')});
like($err, qr/HINT:.*shared_preload_libraries = 'steep_repl'/, 'without preloading it says what to do');
is($node->safe_psql('postgres', 'SELECT steep_repl.launcher_running()'), 'f', 'no launcher');
$node->stop;

done_testing();
