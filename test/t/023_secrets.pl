# A password is seen nowhere, and a role without one gets nowhere.
use SteepTest;

my ($node, $peer) = start_pair();
my $wrong = 'wrong' . secret();

sql($_, <<'EOC') foreach $node, $peer;
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;
EOC
sql($peer, 'UPDATE t SET v = NULL WHERE id = 50');

# What the client may call a peer.
my $port = $peer->port;
my %addresses = (
	conninfo => conninfo($peer),
	uri => "postgresql://admin:${\secret()}\@127.0.0.1:$port/postgres?application_name=uri",
	wrong => conninfo($peer, password => $wrong),
	wrong_uri => "postgres://admin:$wrong\@127.0.0.1:$port/postgres",
	unreachable => conninfo($peer, port => 1),
	no_database => conninfo($peer, dbname => 'nowhere'),
	malformed => "host=127.0.0.1 password=${\secret()} admin",
	unknown_option => "host=127.0.0.1 password=${\secret()} nonsense=1",
	unclosed => "host=127.0.0.1 password='${\secret()}",
	bad_uri => "postgresql://admin:${\secret()}\@127.0.0.1:$port/postgres?${\secret()}",
	bad_port => "postgresql://admin:${\secret()}\@127.0.0.1:x${\secret()}/postgres",
	uri_with_at => "postgresql://admin:x\@${\secret()}\@127.0.0.1:$port/postgres",
	uri_with_slash => "postgresql://admin:${\secret()}/x\@127.0.0.1:$port/postgres",
	uri_with_number => "postgresql://127.0.0.1:1/${\secret()}\@127.0.0.1:$port/postgres",
	nested => "dbname='host=127.0.0.1 password=${\secret()}' port=1 host=127.0.0.1",
	bare => secret(),
	server => 'peer_server',
	wrong_server => 'wrong_server');
sql($node, sprintf <<'EOC', join ', ', map { '(' . quote($_) . ', ' . quote($addresses{$_}) . ')' } sort keys %addresses);
SET log_statement = none;
CREATE TABLE addresses (name text, address text);
INSERT INTO addresses VALUES %s;
EOC
sql($node, sprintf <<'EOC', $port, secret(), $port, $wrong);
SET log_statement = none;
CREATE SERVER peer_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER peer_server OPTIONS (user 'admin', password '%s');
CREATE SERVER wrong_server FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER wrong_server OPTIONS (user 'admin', password '%s');
EOC

# From here on the servers tell all they can. The password is in no statement
# of the client, whose own text they may show: it comes from the table.
foreach my $n ($node, $peer)
{
	$n->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'steep_repl,pg_stat_statements,auto_explain'
pg_stat_statements.track = all
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
log_statement = all
log_min_duration_statement = 0
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
debug_print_plan = on
log_min_messages = debug1
EOC
	$n->restart;
	sql($n, 'CREATE EXTENSION pg_stat_statements');
}

my %errors = (
	wrong => qr/could not connect to peer.*\n.*DETAIL:.*password authentication failed/,
	wrong_uri => qr/DETAIL:.*password authentication failed/,
	wrong_server => qr/DETAIL:.*password authentication failed/,
	uri_with_number => qr/DETAIL:.*Connection refused/,
	nested => qr/DETAIL:.*Connection refused/,
	unreachable => qr/DETAIL:.*Connection refused/,
	no_database => qr/DETAIL:.*database "nowhere" does not exist/,
	map { $_ => qr/could not understand the peer's connection string/ }
	  qw(malformed unknown_option unclosed bad_uri bad_port bare uri_with_at uri_with_slash));
my $before = state_of($node, $peer);
foreach my $name (sort keys %addresses)
{
	foreach my $call (
		q{(SELECT count(*) FROM steep_repl.analyze_overlap(%s, ARRAY['t']))},
		q{(SELECT count(*) FROM steep_repl.diff(%s, 't'))},
		q{(SELECT count(*) FROM steep_repl.overlap_sql(%s, 't'))},
		q{steep_repl.assert_in_sync(%s, ARRAY['t'])})
	{
		my $query = sprintf "\\set VERBOSITY verbose\nSELECT $call FROM addresses WHERE name = '$name'", 'address';
		my (undef, $out, $err) = $node->psql('postgres', $query);
		my $expected = $errors{$name} // ($call =~ /assert/ ? qr/23514: table "t" differs/ : qr/^$/);

		like($err, $expected, "$name: " . ($call =~ /steep_repl\.(\w+)/)[0]);
		unlike("$out$err", qr/${\secret()}/, 'the client does not see the password');
	}
}

# No connection string gets into a node.
foreach my $name (grep { !/server|bare/ } sort keys %addresses)
{
	foreach my $call (q{register_node('n', 'N', address)}, q{register_node('n', 'N', p_server => address)})
	{
		my (undef, $out, $err) = $node->psql('postgres', "SELECT steep_repl.$call FROM addresses WHERE name = '$name'");

		like($err, qr/must be the name/, "$name: register_node");
		unlike("$out$err", qr/${\secret()}/, 'the client does not see the password');
	}
}
is_unleaked($before, 'nothing is left');

# While the peer is at work.
my $point = hold_point($node, 'compare-second-pass');
my $session = $node->background_psql('postgres');
$session->query_until(qr/started/,
	"\\echo started\nSELECT (steep_repl.diff(address, 't')).category FROM addresses WHERE name = 'conninfo';\n");
$point->wait_reached;
is_deeply([ places_of(secret(), $node, $peer) ], [], 'nothing is seen meanwhile');
is(sql($node, 'SELECT count(*) FROM pg_foreign_server'), '2', 'not even a server');
$point->release;
$session->quit;

# Afterwards.
foreach my $n ($node, $peer)
{
	is(sql($n, sprintf(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%%%s%%'}, substr secret(), 0, 10)),
		'0', 'pg_stat_statements of node ' . $n->name);
	is( scalar(grep { /\Q${\secret()}\E/ } split /\n/, slurp_file($n->logfile)),
		0, 'the log of node ' . $n->name);
	cmp_ok(scalar(() = slurp_file($n->logfile) =~ /digest_leaves/g), '>', 0, 'where all else is logged');
}

# A role without a password of the peer cannot use the server's own.
sql($_, q{CREATE ROLE plain LOGIN; GRANT SELECT ON t TO PUBLIC}) foreach $node, $peer;
sql($node, <<'EOC');
GRANT USAGE ON SCHEMA steep_repl TO plain;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO plain;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO plain;
EOC
my $socket = $peer->host;
append_to_file($node->data_dir . '/passfile', "*:*:*:*:${\secret()}\n");
chmod 0600, $node->data_dir . '/passfile';
append_to_file($node->data_dir . '/service', "[steal]\nhost=$socket\nport=$port\nuser=admin\n");
foreach my $address (
	"host=$socket port=$port user=admin dbname=postgres",
	"host=$socket port=$port user=admin dbname=postgres password=made_up",
	"host=$socket,$socket port=$port,$port user=admin dbname=postgres",
	"postgresql:///postgres?host=$socket&port=$port&user=admin",
	"host='' port=$port user=admin dbname=postgres",
	"port=$port user=admin dbname=postgres",
	"host=$socket hostaddr=127.0.0.1 port=$port user=admin dbname=postgres",
	"host=127.0.0.1 port=$port user=admin dbname=postgres",
	"host=127.0.0.1 port=$port user=admin dbname=postgres passfile=" . $node->data_dir . '/passfile',
	"service=steal dbname=postgres",
	"service=steal servicefile=" . $node->data_dir . "/service dbname=postgres",
	'host=' . $node->host . ' port=' . $node->port . ' user=postgres dbname=postgres')
{
	my ($rc, undef, $err) = $node->psql('postgres',
		"SELECT * FROM steep_repl.analyze_overlap(" . quote($address) . ", ARRAY['t'])",
		extra_params => [ '-U', 'plain' ]);

	isnt($rc, 0, "refused: " . $address =~ s/\Q$socket\E/SOCKET/gr);
	like($err, qr/password|understand|could not connect/, 'for a reason');
}

# What a role with a password still needs, on each side.
sql($_, 'CREATE SCHEMA held; CREATE TABLE held.p (id int PRIMARY KEY, v int)') foreach $node, $peer;
my $as_merger = quote(conninfo($peer, user => 'merger'));
foreach my $step (
	[ $node, '', qr/permission denied for schema held/ ],
	[ $node, 'GRANT USAGE ON SCHEMA held TO merger', qr/permission denied for table "held.p"\nHINT:  GRANT SELECT/ ],
	[ $node, 'GRANT SELECT (id) ON held.p TO merger', qr/permission denied for table "held.p" here\nDETAIL:  Column "v" cannot/ ],
	[ $node, 'GRANT SELECT (v) ON held.p TO merger', qr/permission denied for table "held.p" on peer/ ],
	[ $peer, 'GRANT SELECT ON held.p TO merger', qr/permission denied for table "held.p" on peer/ ],
	[ $peer, 'GRANT USAGE ON SCHEMA held TO merger', qr/^$/ ],
	[ $peer, 'ALTER TABLE held.p ENABLE ROW LEVEL SECURITY', qr/row-level security would hide rows of table "held.p" on peer/ ],
	[ $node, 'ALTER TABLE held.p ENABLE ROW LEVEL SECURITY', qr/row-level security would hide rows of table "held.p" here/ ])
{
	my ($n, $grant, $error) = @$step;
	sql($n, $grant) if $grant;
	like(error_of($node, "SELECT steep_repl.assert_in_sync($as_merger, ARRAY['held.p'])", 'merger'),
		$error, 'node ' . $n->name . ': ' . ($grant || 'no privilege'));
}
is(sql($peer, q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'admin'}), '0', 'no connection stays');
is_unleaked($before, 'nothing is left after all');

done_testing();
