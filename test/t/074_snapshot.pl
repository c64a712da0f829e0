# Plain tools restore a snapshot, however it is compressed and cut, to what
# pg_dump makes of the database; its options, its record, and who gets none.
use SteepTest;
use SteepTest::Snapshot;

my $node = start_node('a', conf => "steep_repl.max_workers = 2\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my $before = state_of($node);
my $row;

sql($node, <<'EOC');
CREATE SCHEMA "S 1";
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE big (id serial PRIMARY KEY, x text, n numeric, at timestamptz, gone int, twice bigint GENERATED ALWAYS AS (id * 2::bigint) STORED);
ALTER TABLE big DROP gone;
INSERT INTO big (x, n, at)
SELECT repeat(E'a\t\\\n', i % 29), i / 7.0, '2024-02-29 12:00+00'::timestamptz + i * interval '1.234567 s' FROM generate_series(1, 100000) i;
CREATE TABLE "S 1"."T 1" ("C ""1" text DEFAULT 'x', "%s" mood, "c,2" int REFERENCES big);
INSERT INTO "S 1"."T 1" VALUES ('\N', 'ok', 1), (NULL, NULL, NULL), ('', 'sad', 2);
CREATE TABLE empty (x int);
CREATE TABLE bare ();
INSERT INTO bare SELECT FROM generate_series(1, 3);
CREATE TABLE parts (id int, x text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 (x text, id int);
ALTER TABLE parts ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT i, 'p' || i FROM generate_series(0, 19) i;
CREATE TABLE wide AS SELECT i, repeat(md5(i::text), 40000) AS x, convert_to(repeat('ab' || chr(92), 100000), 'UTF8') AS b FROM generate_series(1, 3) i;
CREATE VIEW v AS SELECT 1;
EOC

sub dump_of
{
	my ($dbname, @options) = @_;
	my ($out) = run_command([ 'pg_dump', '-d', $node->connstr($dbname), '--no-comments', '-N', 'steep_repl', @options ]);

	# lines of COPY may come in any order
	return { map { $_ => 1 } grep { !/^(--|$)|^SET |^\\(un)?restrict |EXTENSION|setval|_search_path|steep_repl|DATA WRAPPER/ } split /\n/, $out };
}

# What only one of two dumps has.
sub differences
{
	my ($x, $y) = @_;

	return join "\n", map { substr $_, 0, 200 } sort((map { "- $_" } grep { !$y->{$_} } keys %$x), (map { "+ $_" } grep { !$x->{$_} } keys %$y));
}

my $here = dump_of('postgres', '-T', 'v');
foreach my $how ([ 'none', 1 ], [ 'gzip:1', 2 ], [ 'lz4', 2 ], [ 'zstd:3', 32 ])
{
	my ($compression, $parallel) = @$how;
	my $path = "$base/" . $compression =~ s/:/-/r;
	my $dbname = 'copy_' . $compression =~ s/:/_/r;

	$row = run_snapshot($node, $path, compression => $compression, parallel => $parallel);
	is($row->{status}, 'complete', "$compression: the snapshot is written") or diag $row->{error_message};
	load_snapshot($node, $path, $dbname);
	is(differences($here, dump_of($dbname)), '', "$compression: and restored by plain tools");
}

# What it says of itself.
my $manifest = read_manifest("$base/zstd-3");
my ($big) = grep { $_->{name} eq 'big' } @{ $manifest->{tables} };
is($row->{rows}, sql($node, 'SELECT 100000 + 3 + 3 + 20 + 3'), 'the record counts the rows');
is($manifest->{total}{rows}, $row->{rows}, 'and so does the manifest');
cmp_ok(@{ $big->{chunks} }, '>', 1, 'a large table has several files');
is_deeply([ map { $_->{name} } @{ $big->{columns} } ], [qw(id x n at)], 'generated columns are left out');
is(sql($node, q{SELECT count(DISTINCT digest) FROM steep_repl.snapshot_tables WHERE table_name = 'big'}),
	1, 'the digest of a table does not depend on how it is cut');
is(sql($node, q{SELECT digest FROM steep_repl.snapshot_tables WHERE table_name = 'empty' LIMIT 1}), '0' x 32, 'that of no rows is zero');
is_deeply([ map { "$_->{kind} $_->{object}" } grep { $_->{kind} ne 'extension' } @{ $manifest->{left_out} } ],
	['view public.v'], 'the manifest lists what is left out');
is_deeply($manifest->{sequences}, [ { schema => 'public', name => 'big_id_seq', last_value => '100000', is_called => JSON::PP::true } ], 'sequences');
my ($stdout, $stderr);
$node->psql('postgres', "SELECT FROM steep_repl.start_snapshot('$base/warned')", stdout => \$stdout, stderr => \$stderr);
like($stderr, qr/WARNING:  snapshot leaves out 1 objects? of the database\nDETAIL:  view public\.v\./, 'and a warning, too');
is(sql($node, <<'EOC'), '100|7|7|t', 'progress ends at 100 percent, with all tables');
SELECT overall_percent, tables_completed, tables_total, bytes_processed > 1000000
FROM steep_repl.snapshot_progress((SELECT snapshot_id FROM steep_repl.snapshots WHERE compression = 'lz4:1'))
EOC
my @modes = map { sprintf '%04o', (stat $_)[2] & 07777 } "$base/lz4", "$base/lz4/data", glob "$base/lz4/manifest.json $base/lz4/data/*";
is_deeply([ sort keys %{ { map { $_ => 1 } @modes } } ], [qw(0600 0700)], 'only the server reads the files');

# Rows that users have given to an extension's own table.
sql($node, <<'EOC');
CREATE EXTENSION citext;
CREATE TABLE config AS SELECT 1 AS x;
ALTER EXTENSION citext ADD TABLE config;
UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = '{""}' WHERE extname = 'citext';
EOC
$row = run_snapshot($node, "$base/configured");
is_deeply([ grep { $_->{kind} =~ /^extension / } @{ read_manifest("$base/configured")->{left_out} } ],
	[ { kind => 'extension configuration', object => 'public.config' } ], "an extension's own rows are left out, and listed");
$node->psql('postgres', "BEGIN; SELECT FROM steep_repl.start_snapshot('$base/no'); ROLLBACK", stderr => \$stderr);
like($stderr, qr/WARNING:  snapshot leaves out 3 objects.*extension configuration public\.config/s, 'with a warning');
is(run_snapshot($node, "$base/config", options => '{"tables": ["config"]}')->{rows}, 1, 'unless the table is asked for');
sql($node, 'DROP EXTENSION citext CASCADE');

# Options.
$row = run_snapshot($node, "$base/some", options => '{"tables": ["parts", "\"S 1\".*"]}');
is_deeply([ map { $_->{name} } @{ read_manifest("$base/some")->{tables} } ], [ 'T 1', 'part1', 'part2' ], 'some tables');
foreach my $case (
	[ '{"tabels": []}', qr/option "tabels" does not exist/, 'an unknown option' ],
	[ '{"tables": "t"}', qr/option "tables" must be an array/, 'no array' ],
	[ '{"tables": []}', qr/option "tables" must be an array/, 'an empty one' ],
	[ '{"tables": ["nix"]}', qr/table "nix" does not exist/, 'no such table' ],
	[ '{"tables": ["v"]}', qr/"v" is not a table/, 'a view' ],
	[ '[]', qr/p_options must be a JSON object/, 'no object' ])
{
	my ($options, $error, $name) = @$case;
	like(error_of($node, "SELECT steep_repl.start_snapshot('$base/no', 'none', 1, '$options')"), $error, "refused: $name");
}
foreach my $case (
	[ "'$base/no', 'brotli'", qr/compression/, 'a compression that is not there' ],
	[ "'$base/no', 'zstd:99'", qr/level/, 'a level that is not there' ],
	[ "'$base/no', 'none', 0", qr/parallel must be between 1 and 32/, 'no worker' ],
	[ "'$base/no', 'none', 33", qr/parallel must be between 1 and 32/, 'too many workers' ],
	[ 'NULL', qr/path must not be null/, 'no path' ])
{
	my ($arguments, $error, $name) = @$case;
	like(error_of($node, "SELECT steep_repl.start_snapshot($arguments)"), $error, "refused: $name");
}

# What the role can't read as a whole.
sql($node, <<'EOC');
GRANT SELECT ON big, empty TO merger;
GRANT SELECT ON SEQUENCE big_id_seq TO merger;
GRANT pg_write_server_files TO merger;
CREATE TABLE hidden (id int, x text);
GRANT SELECT (id) ON hidden TO merger;
CREATE TABLE policed (id int);
INSERT INTO policed VALUES (1), (2);
GRANT SELECT ON policed TO merger;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policed USING (id = 1);
EOC
foreach my $case (
	[ '{}', qr/permission denied for table "(public\.)?(bare|hidden|"S 1"\."T 1")"|permission denied for table/, 'all tables' ],
	[ '{"tables": ["hidden"]}', qr/permission denied for table "public\.hidden".*all columns/s, 'a table with a column it may not read' ],
	[ '{"tables": ["policed"]}', qr/row level security hides rows of table "public\.policed"/, 'a table of which it sees some rows' ])
{
	my ($options, $error, $name) = @$case;
	like(error_of($node, "SELECT steep_repl.start_snapshot('$base/no', 'none', 1, '$options')", 'merger'), $error, "refused to a role: $name");
}
sql($node, 'GRANT SELECT (x) ON hidden TO merger');
is(run_snapshot($node, "$base/columns", options => '{"tables": ["hidden", "big"]}', role => 'merger')->{status},
	'complete', 'columns by themselves are enough, and the snapshot is the role\'s');
ok(!-e "$base/no", 'what is refused leaves nothing');

is(sql($node, q{SELECT count(*) FROM steep_repl.leftovers()}), 0, 'nothing is left over');
sql($node, q{SELECT steep_repl.wait_snapshot(snapshot_id) FROM steep_repl.snapshots});
is(sql($node, q{SELECT steep_repl.prune_snapshots('0') = count(*) FROM steep_repl.snapshots}), 't', 'the records can be pruned');
ok(-e "$base/some/manifest.json", 'snapshots stay');
is_unleaked($before, 'nothing is leaked', qr/^(setting|server|user mapping)/);

done_testing();
