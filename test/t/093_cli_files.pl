# Snapshots on the disk of the command line are those of the server: what one
# writes the other applies, and pg_dump sees no difference; it takes no more
# than SELECT or INSERT, and what is not whole is never taken for a snapshot.
use SteepTest;
use SteepTest::Cli;
use SteepTest::Snapshot;
use SteepTest::Values qw(plain_types draw_value literal chance);

$ENV{LANG} = 'C.UTF-8';
my ($node, $peer) = sort { release($a) <=> release($b) } start_pair();
my $base = PostgreSQL::Test::Utils::tempdir;
my $same_release = release($node) == release($peer);

sub release
{
	return int(sql($_[0], 'SHOW server_version_num') / 10000);
}

my @types = plain_types();
my $rows = join ",\n", map {
	"($_, " . join(', ', map { literal($_, chance(0.1) ? undef : draw_value($_)) } @types) . ')'
} 1 .. 50;
sql($node, <<"EOC");
CREATE EXTENSION citext;
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy''');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]*\$');
CREATE TABLE typed (k int PRIMARY KEY, ${\join(', ', map { "c$_ $types[$_]" } 0 .. $#types)});
INSERT INTO typed VALUES $rows;
EOC
sql($node, <<'EOC');
CREATE SCHEMA "S 1";
CREATE ROLE only_here;
CREATE TABLE big (id serial PRIMARY KEY, x text, gone int, twice bigint GENERATED ALWAYS AS (id * 2::bigint) STORED);
ALTER TABLE big DROP gone;
INSERT INTO big (x) SELECT E'\t\\' || md5(i::text) || md5((-i)::text) FROM generate_series(1, 100000) i;
CREATE TABLE "S 1"."T ';1" ("C ""1" text DEFAULT E'x;\n'';', "%s" mood, "c,2" int REFERENCES big, ci citext);
CREATE INDEX ON "S 1"."T ';1" ("c,2");
GRANT SELECT ON "S 1"."T ';1" TO only_here;
INSERT INTO "S 1"."T ';1" VALUES ('\N', 'ok', 1, 'Å'), (NULL, NULL, NULL, NULL), ('', 'sad', 2, '\.');
CREATE TABLE empty (x int);
CREATE TABLE bare ();
INSERT INTO bare SELECT FROM generate_series(1, 3);
CREATE TABLE parts (id int, x text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 (x text, id int);
ALTER TABLE parts ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT i, 'p' || i FROM generate_series(0, 19) i;
EOC

# All that pg_dump says of a database; lines of COPY may come in any order.
sub dump_of
{
	my ($server, $dbname) = @_;
	my ($out) = run_command([ 'pg_dump', '-d', $server->connstr($dbname), '-O', '--no-comments', '-N', 'steep_repl' ]);

	return { map { $_ => 1 } grep { !/^(--|$)|^SET |^\\(un)?restrict |EXTENSION|_search_path|steep_repl|DATA WRAPPER|only_here|reader|writer/ } split /\n/, $out };
}

# What only one of two dumps has.
sub differences
{
	my ($x, $y) = @_;

	return join "\n", map { substr $_, 0, 200 } sort((map { "- $_" } grep { !$y->{$_} } keys %$x), (map { "+ $_" } grep { !$x->{$_} } keys %$y));
}

sub client
{
	my ($expected, $name, $server, $dbname, @arguments) = @_;
	my ($code, $stdout, $stderr) = cli('-c', conninfo($server, dbname => $dbname), 'snapshot', @arguments, '--client');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($code, $expected, $name) or diag "$stdout$stderr";
	return $stdout . $stderr;
}

sub same_as_here
{
	my ($name, $server, $dbname) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if ($same_release)
	{
		is(differences(dump_of($node, 'postgres'), dump_of($server, $dbname)), '', "$name: pg_dump sees no difference");
		return;
	}
	foreach my $table ('typed', 'big', q{"S 1"."T ';1"}, 'bare', 'parts')
	{
		my $query = "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $table t";

		is(sql($server, $query, $dbname), sql($node, $query), "$name: $table");
	}
	return;
}

# Written by the program, applied by the server: the writer may only read.
sql($node, "CREATE ROLE reader LOGIN PASSWORD '${\secret()}'");
sql($node, 'GRANT USAGE ON SCHEMA steep_repl, "S 1" TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public, "S 1" TO reader; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader; GRANT EXECUTE ON FUNCTION steep_repl.table_ddl, steep_repl.table_ddl_omissions TO reader');
my $out = (cli('-c', conninfo($node, user => 'reader'), 'snapshot', 'generate', "$base/client", '--client', '-C', 'zstd:1', '-j', 2))[1];
like($out, qr/^status +complete\n(.*\n)*rows +100,0\d\d\n/m, 'a role that may only read writes a snapshot');
is(sprintf('%04o', (stat "$base/client")[2] & 07777), '0700', 'that others cannot enter');
is(join(' ', map { sprintf '%04o', (stat)[2] & 07777 } glob "$base/client/manifest.json $base/client/data/1.*"), '0600 0600', 'or read');
is(sql($peer, "SELECT count(*) FROM steep_repl.verify_snapshot('$base/client')"), '0', 'it is sound');
is(run_apply($peer, "$base/client")->{status}, 'complete', 'the server applies it');
same_as_here('client to server', $peer, 'postgres');

# The server's own says the same.
run_snapshot($node, "$base/server", compression => 'gzip');
my ($client, $server) = map { read_manifest("$base/$_") } 'client', 'server';
foreach my $manifest ($client, $server)
{
	delete @$manifest{qw(snapshot_id created_at lsn compression manifest_sha256 total)};
	delete $_->{chunks} foreach @{ $manifest->{tables} };
}
is_deeply($client, $server, 'manifests of both are the same, but for the files');
cmp_ok(@{ [ glob "$base/client/data/*" ] }, '>', 7, 'a large table has several files');

# Written by the server, applied by the program.
sql($peer, "CREATE DATABASE $_ TEMPLATE template0") foreach qw(copy flipped);
like(client(0, 'the program applies what the server has written', $peer, 'copy', 'apply', "$base/server"),
	qr/^steep-repl: warning: role "only_here" does not exist; left out: GRANT /m, 'and says what it leaves out') if $same_release;
client(0, 'the program applies it', $peer, 'copy', 'apply', "$base/server") if !$same_release;
same_as_here('server to client', $peer, 'copy');
like(client(1, 'tables that have rows are refused', $peer, 'copy', 'apply', "$base/server"), qr/table ".*" has rows\nHINT/, 'with a hint');

# It is verified without a server.
my $verified = sub { [ cli('snapshot', 'verify', @_, '--client') ] };
is_deeply($verified->("$base/server"), [ 0, "The snapshot is sound.\n", '' ], 'a snapshot is verified without a server');

# A bit flips in a file, or a statement fails at the end: nothing is left.
my ($file) = glob "$base/server/data/2.1.copy.gz";
my $bytes = slurp_file($file);
substr($bytes, 20, 1) ^= "\x01";
unlink $file;
append_to_file($file, $bytes);
like($verified->("$base/server", '--json')->[1], qr/^\[\{"file":"data\/2\.1\.copy\.gz","problem":".*"\}\]\n$/, 'and one that is not sound');
like(client(1, 'a flipped bit', $peer, 'flipped', 'apply', "$base/server"), qr/error: file "data\/2\.1\.copy\.gz" has another SHA-256|does not unpack/, 'is refused');
is(sql($peer, q{SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace}, 'flipped'), '0', 'before anything is created');
system 'cp', '-r', "$base/client", "$base/wrong";
edit_manifest("$base/wrong", sub { s/"rows": 3, "raw_bytes": 3,/"rows": 2, "raw_bytes": 3,/; s/("name": "bare".*?"rows": )3/${1}2/s; s/("total": \{.*?"rows": )(\d+)/$1 . ($2 - 1)/se });
like(client(1, 'other rows than the manifest says', $peer, 'flipped', 'apply', "$base/wrong"), qr/has 2 rows, 3 were loaded/, 'are refused');
is(sql($peer, q{SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ 'citext'}, 'flipped'), '0', 'and what was created is dropped');

# A role that may only insert; keys and triggers fire, so parents come first.
sql($peer, q{TRUNCATE big, "S 1"."T ';1", empty, bare, parts, typed}, 'copy');
sql($peer, "CREATE ROLE writer LOGIN PASSWORD '${\secret()}'");
sql($peer, 'GRANT USAGE ON SCHEMA "S 1" TO writer; GRANT INSERT ON ALL TABLES IN SCHEMA public, "S 1" TO writer', 'copy');
my ($code, $stdout, $stderr) = cli('-c', conninfo($peer, dbname => 'copy', user => 'writer'), 'snapshot', 'apply', "$base/client", '--client');
is($code, 0, 'a role that may only insert applies a snapshot') or diag $stderr;
like($stderr, qr/cannot see what is in table "public.big"/, 'and hears that its rows are not compared');
same_as_here('by a role that may only insert', $peer, 'copy');
like(client(0, 'rows are added by force', $peer, 'copy', 'apply', "$base/client", '--force', '--table', 'public.bare'), qr/^tables +1\nrows +3\n/m, 'to one table');
is(sql($peer, 'SELECT count(*) FROM bare', 'copy'), '6', 'and compared with what was there');
is((cli('-c', conninfo($peer, dbname => 'copy', user => 'writer'), 'snapshot', 'generate', "$base/denied", '--client'))[0], 1, 'a role that may not read writes none');
ok(is_no_snapshot("$base/denied"), 'not even half of one');
is((cli('-c', conninfo($peer, dbname => 'copy'), 'snapshot', 'generate', "$base/client", '--client'))[0], 1, 'what is there stays');

is((cli('snapshot', 'apply', "$base/client", '--client', '--no-wait'))[0], 2, 'it is no job to come back to');
like((cli('-c', conninfo($node), 'snapshot', 'generate', "$base/json", '--client', '--json', '-t', 'big'))[1],
	qr/^(\{"event":"progress","phase":"data","overall_percent":[\d.]+,"bytes_processed":\d+\}\n)*\{"event":"result","snapshot_id":"snap_\w+","kind":"generate","status":"complete",.*"tables":1,"rows":100000,.*\}\n$/, 'for a machine');

# Without the extension there are rows only.
like(client(0, 'a database without the extension', $peer, 'copy', 'generate', "$base/rows", '-t', 'empty'), qr/warning: snapshot has rows only/, 'has no schema');

# Ctrl-C while rows are loaded: those that wait for a lock stop, too.
sql($peer, 'CREATE DATABASE held TEMPLATE template0');
sql($peer, 'CREATE TABLE bare (); CREATE TABLE empty (x int)', 'held');
my $holder = $peer->background_psql('held');
$holder->query_safe('BEGIN; LOCK TABLE empty IN SHARE MODE');
my $loading = at_terminal('-c', conninfo($peer, dbname => 'held'), 'snapshot', 'apply', "$base/client", '--client', '-t', 'public.bare', '-t', 'public.empty', '-j', 2);
wait_until(sub { sql($peer, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND wait_event_type = 'Lock'}) eq '1' }, 'a lock');
$loading->type("\x03");
is(($loading->finish)[0], 4, 'Ctrl-C ends loading');
wait_until(sub { sql($peer, q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'steep-repl'}) eq '0' }, 'the end of its connections');
$holder->quit;
is(sql($peer, 'SELECT count(*) FROM bare', 'held'), '0', 'and nothing is loaded');

# Ctrl-C, and the death of a connection, remove what is there.
sub while_it_writes
{
	my ($name, $expected, $do) = @_;
	my $terminal = at_terminal('-c', conninfo($node), 'snapshot', 'generate', "$base/half", '--client', '-C', 'zstd:19', '-j', 2);

	wait_until(sub { () = glob "$base/half/data/*.tmp" }, "a file");
	$do->($terminal);
	my ($code, $output) = $terminal->finish;
	is($code, $expected, "$name: code") or diag $output;
	ok(is_no_snapshot("$base/half"), "$name: nothing is left");
	wait_until(sub { sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'steep-repl'}) eq '0' }, 'the end of its connections');
	return;
}
while_it_writes('Ctrl-C', 4, sub { $_[0]->type("\x03") });
while_it_writes('SIGTERM', 4, sub { $_[0]->kill('TERM') });
while_it_writes('a backend that dies', 6, sub { sql($node, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'}) });
done_testing();
