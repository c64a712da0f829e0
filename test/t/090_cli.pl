# The command line answers for people and for machines, and ends with the
# codes it promises.
use SteepTest;

my ($node, $peer) = start_pair();
foreach ($node, $peer)
{
	sql($_, 'CREATE TABLE orders (id int PRIMARY KEY, item text, price numeric(9,2))');
	sql($_, q{INSERT INTO orders SELECT i, 'item ' || i, i FROM generate_series(1, 1234) i});
	sql($_, 'CREATE TABLE same (id int PRIMARY KEY)');
}
sql($node, q{UPDATE orders SET item = E'a\x1b[2Jb\n' WHERE id = 7; INSERT INTO orders VALUES (2000, 'here', NULL)});
sql($peer, q{UPDATE orders SET price = 0 WHERE id = 8; INSERT INTO orders VALUES (2001, 'there', 1)});

# Runs the program, connected to the node, and returns its code, output and
# errors.
sub cli
{
	my (@arguments) = @_;
	my ($stdout, $stderr) = ('', '');
	my @command = ('steep-repl', '-c', conninfo($node), @arguments);

	IPC::Run::run(\@command, '<', \undef, '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

# Checks the code and the output of the program.
sub shows
{
	my ($arguments, $code, $expected, $name) = @_;
	my ($got, $stdout, $stderr) = cli(@$arguments);

	is($got, $code, "$name: code") or diag($stderr);
	like($stdout, $expected, $name);
	return;
}

# Checks the code and the errors.
sub complains
{
	my ($arguments, $code, $expected, $name) = @_;
	my ($got, $stdout, $stderr) = cli(@$arguments);

	is($got, $code, "$name: code");
	like($stderr, $expected, $name);
	unlike($stdout . $stderr, qr/\Q${\secret()}\E/, "$name: no password");
	return;
}

my $to = conninfo($peer);
shows([ 'health' ], 0, qr/^status +healthy\n(.*\n)*worker running +yes\n/, 'health');
shows([ 'health', '--json' ], 0, qr/^\{"status":"healthy",.*"background_worker_running":true,.*\}\n$/, 'health for a machine');
shows([ 'overlap', $to, 'public.orders', 'public.same' ], 0, qr/^
table\ {10}match\ \ local\ only\ \ remote\ only\ \ conflict\n
public.orders\ \ 1,232\ {11}1\ {12}1\ {9}2\ \ =+<>!\n
public.same\ {8}0\ {11}0\ {12}0\ {9}0\n$/x, 'overlap');
shows([ 'overlap', '--json', $to, 'public.orders' ], 0,
	qr/^\[\{"table_name":"public.orders","local_only_count":1,"remote_only_count":1,"match_count":1232,"conflict_count":2\}\]\n$/, 'overlap for a machine');
shows([ 'overlap', '--check', $to, 'public.orders' ], 3, qr/orders/, 'nodes that differ');
shows([ 'overlap', '--check', '--quiet', $to, 'public.orders' ], 3, qr/^$/, 'quietly');
shows([ 'overlap', '--check', $to, 'public.same' ], 0, qr/same/, 'nodes that do not');
shows([ 'diff', $to, 'public.orders' ], 0, qr/^id=7 +conflict +item: a\\x1b\[2Jb\\n <> item 7$/m, 'diff');

complains([ 'overlap', $to, 'public.nowhere' ], 1, qr/^steep-repl: error: .*"public.nowhere".* does not exist\n/, 'an error of the server');
complains([ 'overlpa', $to, 'public.orders' ], 2, qr/unknown command "overlpa"\nHINT:  Perhaps you meant "overlap"\.\n/, 'an unknown command');
complains([ 'overlap', '--chekc', $to, 'public.orders' ], 2, qr/unknown option "--chekc"\nHINT:  Perhaps you meant "--check"\.\n/, 'an unknown option');
complains([ 'overlap', $to ], 2, qr/HINT:  Use it as: steep-repl overlap PEER TABLE/, 'an argument is missing');
complains([ '-c', conninfo($node, password => 'wrong'), 'health' ], 6, qr/password authentication failed/, 'a wrong password');
complains([ '-c', conninfo($node, port => 1), 'health' ], 6, qr/Connection refused/, 'no server');
complains([ 'overlap', conninfo($peer, port => 1), 'public.orders' ], 6, qr/could not connect to peer/, 'no peer');
complains([ '-c', "host=b ${\secret()}", 'health' ], 2, qr/not a connection string/, 'a connection string that is none');
complains([ '-c', conninfo($node, dbname => 'template1'), 'health' ], 1, qr/HINT:  Run CREATE EXTENSION/, 'no extension');
done_testing();
