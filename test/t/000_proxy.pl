# The fault proxy breaks what its rules say, and delays and counts the rest.
use SteepTest;
use Time::HiRes qw(time);

my $peer = start_node('b');
sql($peer, 'CREATE TABLE seen (x text)');
my $proxy = start_proxy($peer, '--rule', 'kill-after:lost', '--rule', 'reset-before:never');

# Runs a query through the proxy; returns whether psql ended well.
sub through_proxy
{
	my ($query) = @_;
	my ($rc, undef, $stderr) = $peer->psql('postgres', $query,
		connstr => conninfo($peer, port => $proxy->port));

	note $stderr;
	return $rc == 0;
}

ok(through_proxy("INSERT INTO seen VALUES ('plain')"), 'queries pass');
ok(!through_proxy("INSERT INTO seen VALUES ('lost')"), 'an acknowledgement is lost');
ok(!through_proxy("INSERT INTO seen VALUES ('never')"), 'a statement is lost');
is( sql($peer, q{SELECT string_agg(x, ' ') FROM seen}),
	'plain lost',
	'what was not acknowledged was done, what was not sent was not');
ok(through_proxy("INSERT INTO seen VALUES ('never')"), 'a rule strikes once');
is($proxy->command('hits'), 2, 'strikes are counted');

# The extended protocol.
my $file = PostgreSQL::Test::Utils::tempdir . '/insert.sql';
append_to_file($file, q{INSERT INTO seen VALUES ('prepared');});
$proxy->command('rule kill-after:prepared');
{
	local $ENV{PGPASSWORD} = secret();
	$peer->command_fails(
		[
			'pgbench', '-n', '-t', '1', '-M', 'extended', '-f', $file,
			'-h', '127.0.0.1', '-p', $proxy->port, '-U', 'admin', 'postgres'
		],
		'the acknowledgement of a prepared statement is lost');
}
is(sql($peer, q{SELECT count(*) FROM seen WHERE x = 'prepared'}), 1, 'it was done');

# What holds a query back, and what ends that.
foreach my $case (
	[ 'rule hang-before:seen', 'cut' ],
	[ 'rule hang-after:seen', 'cut' ],
	[ 'freeze', 'thaw' ])
{
	my ($hold, $end) = @$case;
	my $hits = $proxy->command('hits');
	my $psql = $peer->background_psql('postgres',
		extra_params => [ '-d', conninfo($peer, port => $proxy->port) ]);

	$proxy->command($hold);
	$psql->{stdin} .= "SELECT 'seen';\n\\echo done\n\\q\n";
	$psql->{run}->pump_nb;
	$proxy->wait_hits($hits + 1) if $hold =~ /rule/;
	unlike($psql->{stdout}, qr/done/, "$hold holds a query back");
	$proxy->command($end);
	is($psql->{run}->finish, $end eq 'thaw', "$end ends that");
}

$proxy->command('refuse');
ok(!through_proxy('SELECT 1'), 'connections can be refused');
$proxy->command('accept');
ok(through_proxy('SELECT 1'), 'and accepted again');
is($proxy->command('rule nothing:x'), 'error: not a rule: nothing:x', 'mistakes are told');
$proxy->stop;

# Measuring.
$proxy = start_proxy($peer, '--plain', '--delay', '100');
my $start = time;
ok(through_proxy(q{DO $$BEGIN RAISE NOTICE '%', repeat('x', 100000); END$$}), 'a delayed query');
cmp_ok(time - $start, '>', 0.6, 'each turn takes the delay both ways');
my $totals = $proxy->totals;
cmp_ok($totals->{to_client}, '>', 100000, 'bytes are counted');
is($totals->{connections}, 1, 'connections are counted');
cmp_ok($totals->{turns}, '>=', 3, 'turns are counted');
$proxy->stop;

done_testing();
