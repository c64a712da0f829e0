# The command line answers for people and for machines, and ends with the
# codes it promises.
use SteepTest;
use SteepTest::Cli;

my ($node, $peer) = start_pair();
foreach ($node, $peer)
{
	sql($_, 'CREATE TABLE orders (id int PRIMARY KEY, item text, price numeric(9,2))');
	sql($_, q{INSERT INTO orders SELECT i, 'item ' || i, i FROM generate_series(1, 1234) i});
	sql($_, 'CREATE TABLE same (id int PRIMARY KEY)');
}
sql($node, q{UPDATE orders SET item = E'a\x1b[2Jb\n' WHERE id = 7; INSERT INTO orders VALUES (2000, 'here', NULL)});
sql($peer, q{UPDATE orders SET price = 0 WHERE id = 8; INSERT INTO orders VALUES (2001, 'there', 1)});

# Checks the code and the output of the program.
sub shows
{
	my ($arguments, $code, $expected, $name) = @_;
	my ($got, $stdout, $stderr) = cli('-c', conninfo($node), @$arguments);

	is($got, $code, "$name: code") or diag($stderr);
	like($stdout, $expected, $name);
	return;
}

# Checks the code and the errors.
sub complains
{
	my ($arguments, $code, $expected, $name) = @_;
	my ($got, $stdout, $stderr) = cli('-c', conninfo($node), @$arguments);

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

# Connections by name.
my $home = PostgreSQL::Test::Utils::tempdir();
my $config = "$home/.config/steep/config.yaml";
mkdir "$home/.config";
mkdir "$home/.config/steep";
$ENV{HOME} = $home;

# Writes the configuration and checks what the program says to it.
sub configured
{
	my ($yaml, $mode, $code, $expected, $name) = @_;

	unlink $config;
	append_to_file($config, $yaml) if defined $yaml;
	chmod $mode, $config;
	my ($got, $stdout, $stderr) = cli('--connection', 'here', 'health');
	is($got, $code, "$name: code") or diag($stderr);
	like($stdout . $stderr, $expected, $name);
	unlike($stdout . $stderr, qr/\Q${\secret()}\E|hunter2/, "$name: no password");
	return;
}

my $here = <<"EOC";
connections:
  here:
    host: 127.0.0.1
    port: ${\$node->port}
    database: postgres
    user: admin
EOC
configured($here . "    password: ${\secret()}\n", 0600, 0, qr/^status +healthy/, 'a connection with a password');
configured($here . "    password: ${\secret()}\n", 0644, 2, qr/config.yaml:7: others may read this file, and here is a password\nHINT:  Run chmod 600/, 'a password that others may read');
configured($here =~ s/here/there/r, 0644, 2, qr/has no connection "here"\nHINT:  Perhaps you meant "there"/, 'another name');
configured($here . "    hots: x\n", 0644, 2, qr/config.yaml:7: unknown key "hots"\nHINT:  Perhaps you meant "host"/, 'an unknown key');
configured($here . "    host: x\n", 0644, 2, qr/config.yaml:7: this key is here twice: "host"/, 'a key that is there twice');
configured("connections:\n  here:\n    password: hunter2\n\tuser: x\n", 0600, 2, qr/config.yaml:4: /, 'malformed YAML');
configured("- here\n", 0644, 2, qr/has no connections/, 'other YAML');
configured('', 0644, 2, qr/has no connections/, 'an empty file');
configured(undef, 0, 2, qr/could not open ".*config.yaml": No such file or directory\nHINT:  /, 'no file');
configured($here, 0000, 2, qr/could not open ".*config.yaml": Permission denied/, 'a file that cannot be read');
append_to_file("$home/.pgpass", "127.0.0.1:*:*:admin:${\secret()}\n");
chmod 0600, "$home/.pgpass";
configured($here, 0644, 0, qr/^status +healthy/, 'a connection with a password file');
{
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ('127.0.0.1', $node->port, 'admin', 'postgres');
	is((cli('health'))[0], 0, 'a connection as with psql');
}

# The other groups of commands.
sql($node, "CREATE SERVER node_b FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${\$peer->port}', dbname 'postgres')");
sql($node, "SET log_statement = 'none'; CREATE USER MAPPING FOR admin SERVER node_b OPTIONS (user 'admin', password '${\secret()}')");
shows([ 'node', 'register', 'a', 'Amsterdam' ], 0, qr/^node +a\nname +Amsterdam\nreached by +here\n/, 'a node is registered');
shows([ 'node', 'register', 'b', '--server', 'node_b', '--json' ], 0, qr/^\{"node_id":"b","node_name":"b",.*\}\n$/, 'another, for a machine');
shows([ 'node', 'check', 'b' ], 0, qr/^node +b\ndatabase +postgres\n/, 'it is reached');
shows([ 'node', 'heartbeat', 'b', '--json' ], 0, qr/^\{"node_id":"b"\}\n$/, 'it is alive');
shows([ 'node', 'list' ], 0, qr/^node +name.*\na +Amsterdam .*\nb +b +active /, 'both are listed');
shows([ 'schema', 'capture', 'a' ], 0, qr/^tables captured +2$/m, 'schemas are captured');
shows([ 'schema', 'compare', 'a', 'b' ], 0, qr/^All tables match\.$/, 'schemas that match');
sql($peer, 'ALTER TABLE orders ADD remark text');
shows([ 'schema', 'compare', 'a', 'b' ], 3, qr/^table +is\npublic.orders +mismatch\n$/, 'schemas that do not');
shows([ 'schema', 'compare', 'a', 'b', '--json' ], 3, qr/^\[\{.*"status":"mismatch"\},\n \{.*"status":"match"\}\]\n$/, 'for a machine');
shows([ 'schema', 'diff', 'node_b', 'public.orders' ], 0, qr/remark/, 'a table that differs');
(undef, my $fix) = cli('-c', conninfo($node), 'schema', 'diff', 'node_b', 'public.orders', '--sql');
sql($node, $fix);
shows([ 'schema', 'diff', 'node_b', 'public.orders' ], 0, qr/^The tables are alike\.$/, 'is made like the other');
shows([ 'node', 'remove', 'b' ], 0, qr/^removed +b$/, 'a node is removed');

my $path = PostgreSQL::Test::Utils::tempdir_short() . '/snapshot';
shows([ 'snapshot', 'generate', $path, '--compression', 'zstd:3', '--table', 'public.orders' ], 0, qr/^status +complete\n(.*\n)*rows +1,235\n/m, 'a snapshot');
shows([ 'snapshot', 'verify', $path ], 0, qr/^The snapshot is sound\.$/, 'that is sound');
shows([ 'snapshot', 'list', '--json' ], 0, qr/^\[\{"snapshot_id":"snap_\w+","kind":"generate","status":"complete",.*\}\]\n$/, 'is listed');
sql($node, 'DROP TABLE orders');
shows([ 'snapshot', 'apply', $path, '-j', 1 ], 0, qr/^kind +apply\nstatus +complete\n/m, 'and applied');
append_to_file("$path/manifest.json", ' ');
shows([ 'snapshot', 'verify', $path ], 1, qr/^manifest.json /m, 'then one that is not sound');
shows([ 'ops', 'list', '--status', 'complete' ], 0, qr/^snap_\w+ +snapshot_apply +complete .*\nsnap_\w+ +snapshot_generate +complete /m, 'jobs are listed');

# Help, the manual, the README and completion speak of the same commands.
(undef, my $help) = cli('help');
my @commands = $help =~ /^  ((?:[a-z]+ )?[a-z]+)(?= [\[A-Z]|  |$| bash)/mg;
cmp_ok(scalar @commands, '>', 30, 'help lists the commands');
my %text = map { $_ => slurp_file($_) } qw(README.md src/cli/steep-repl.1);
(undef, my $manual) = cli('help', '--manual');
like($text{'src/cli/steep-repl.1'}, qr/\Q$manual\E/, 'the manual says what the program does');
is(join(' ', grep { $text{'README.md'} !~ /steep-repl $_\b/ } @commands), '', 'the README has an example of each command');
foreach my $example ($text{'README.md'} =~ /^    (steep-repl .*)$/mg)
{
	my $command = $example =~ s/ (\||>|\|\|) .*//r =~ s/ >~.*//r;
	my ($stdout, $stderr);
	IPC::Run::run([ 'sh', '-c', "$command --help" ], '>', \$stdout, '2>', \$stderr);
	is($?, 0, "README: $command") or diag($stderr);
}
foreach my $command (@commands)
{
	(my $code, my $own) = cli(split(/ /, $command), '--help');
	like($own, qr/^steep-repl $command: /, "$command has help");
}
like((cli('--version'))[1], qr/^steep-repl ${\(slurp_file('steep_repl.control') =~ m{default_version = '(.*)'})}$/, 'it is as old as the extension');

sub completes
{
	my ($line, $expected) = @_;
	my @words = split / /, $line, -1;
	my $bash = 'source <(steep-repl completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _steep_repl; echo "${COMPREPLY[*]}"';
	my $zsh = 'words=("$@") CURRENT=$#; compadd() { shift; print -r -- ${(M)@:#${words[CURRENT]}*}; }; source =(steep-repl completion zsh)';

	foreach my $shell ([ 'bash', '-c', $bash, 'x' ], [ 'zsh', '-fc', $zsh, 'x' ])
	{
		my ($stdout, $stderr);
		IPC::Run::run([ @$shell, @words ], '>', \$stdout, '2>', \$stderr);
		like($stdout, $expected, "$shell->[0] completes $line") or diag($stderr);
	}
	return;
}
completes('steep-repl me', qr/^merge$/);
completes('steep-repl merge re', qr/^resolve revert$/);
completes('steep-repl -c merge node h', qr/^heartbeat$/);
completes('steep-repl merge node_b t --strategy l', qr/^last-modified$/);
completes('steep-repl snapshot generate --par', qr/^--parallel$/);
done_testing();
