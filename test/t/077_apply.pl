# A snapshot that is applied gives the other node what the first has: values of
# every type, tables of every shape; also to some tables, and to such as exist.
use SteepTest;
use SteepTest::Snapshot;
use SteepTest::Values qw(plain_types draw_value literal ident chance);

$ENV{LANG} = 'C.UTF-8';
my ($node, $peer) = sort { release($a) <=> release($b) } start_pair();
my $base = PostgreSQL::Test::Utils::tempdir;
my $same_release = release($node) == release($peer);
my $row;

sub release
{
	return int(sql($_[0], 'SHOW server_version_num') / 10000);
}

sub applied
{
	my ($name, $path, %options) = @_;
	my $row = run_apply($peer, $path, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($row->{status}, 'complete', $name) or diag $row->{error_message};
	return $row;
}

sub refused
{
	my ($name, $arguments, $error, $role) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(error_of($peer, "SELECT steep_repl.start_apply($arguments)", $role), $error, "refused: $name");
	return;
}

# Values of every type, pgbench's tables, and what a shop may have.
sql($node, <<'EOC');
CREATE EXTENSION citext;
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy''');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]*$');
EOC
my @types = plain_types();
my $rows = join ",\n", map {
	"($_, " . join(', ', map { literal($_, chance(0.1) ? undef : draw_value($_)) } @types) . ')'
} 1 .. 200;
sql($node, 'CREATE TABLE typed (k int PRIMARY KEY, ' . join(', ', map { "c$_ $types[$_]" } 0 .. $#types) . ");\nINSERT INTO typed VALUES $rows");
$node->run_log([ 'pgbench', '-i', '-q', '-I', 'dtgvpf', '-d', $node->connstr('postgres') ]);
sql($node, <<'EOC');
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'a shop';
CREATE ROLE clerk;
CREATE ROLE missing_there;
CREATE SEQUENCE shop.free START -7 INCREMENT -3 MINVALUE -100000;
SELECT nextval('shop.free'), nextval('shop.free');
CREATE TABLE shop.artist (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, name_key text GENERATED ALWAYS AS (lower(name)) STORED);
CREATE TABLE shop.album (id serial PRIMARY KEY, artist int NOT NULL REFERENCES shop.artist, title text, number int DEFAULT nextval('shop.free'), UNIQUE (artist, title));
CREATE TABLE shop.employee (id int PRIMARY KEY, boss int REFERENCES shop.employee, CONSTRAINT not_self CHECK (boss <> id));
CREATE TABLE shop."Invoice Line" (id int, "at" date, "The ""Price""" numeric(10,2), album int REFERENCES shop.album, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.line_2023 PARTITION OF shop."Invoice Line" FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE shop.line_rest PARTITION OF shop."Invoice Line" DEFAULT PARTITION BY HASH (id);
CREATE TABLE shop.line_rest_0 PARTITION OF shop.line_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.line_rest_1 PARTITION OF shop.line_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON shop."Invoice Line" (album);
CREATE TABLE shop.base (id int PRIMARY KEY, x text);
CREATE TABLE shop.child (y text) INHERITS (shop.base);
CREATE UNLOGGED TABLE shop.bare ();
CREATE INDEX partly ON shop.album (title text_pattern_ops) INCLUDE (number) WHERE title <> '';
CREATE STATISTICS shop.stats ON artist, title FROM shop.album;
COMMENT ON INDEX shop.partly IS 'a part';
COMMENT ON COLUMN shop.album.title IS 'as printed; with "quotes"
and lines';
GRANT SELECT ON shop.album TO clerk, missing_there;
GRANT USAGE ON SCHEMA shop TO clerk;
INSERT INTO shop.artist (name) SELECT 'Artist ' || i FROM generate_series(1, 50) i;
INSERT INTO shop.album (artist, title) SELECT 1 + i % 50, 'Title ' || i FROM generate_series(1, 500) i;
INSERT INTO shop.employee SELECT i, nullif(i / 2, 0) FROM generate_series(1, 20) i;
INSERT INTO shop."Invoice Line" SELECT i, date '2022-06-01' + i, i / 3.0, 1 + i % 500 FROM generate_series(1, 1000) i;
INSERT INTO shop.base SELECT i, 'b' FROM generate_series(1, 5) i;
INSERT INTO shop.child SELECT i, 'c', 'd' FROM generate_series(6, 9) i;
INSERT INTO shop.bare SELECT FROM generate_series(1, 3);
SELECT setval('shop.album_id_seq', 900, false);
EOC
sql($peer, 'CREATE ROLE clerk');
is(run_snapshot($node, "$base/all", compression => 'zstd')->{status}, 'complete', 'the snapshot');
is(sql($peer, "SELECT * FROM steep_repl.verify_snapshot('$base/all')"), '', 'is sound');

my (undef, undef, $warning) = $peer->psql('postgres', "BEGIN; SELECT steep_repl.start_apply('$base/all'); ROLLBACK");
like($warning, qr/WARNING:  role "missing_there" does not exist/, 'a role that is missing is told of');
my $offset = -s $peer->logfile;
$row = applied('it is applied', "$base/all", parallel => 3);
ok($peer->log_contains(qr/role "missing_there" does not exist/, $offset), 'in the log, too');
is_equal_table($node, $peer, 'public.typed', ['k'], 'values of every type');
is_equal_table($node, $peer, "public.pgbench_$_->[0]", [ $_->[1] ], "pgbench's $_->[0]") foreach [ accounts => 'aid' ], [ tellers => 'tid' ], [ branches => 'bid' ];
is_equal_table($node, $peer, "shop.$_", ['id'], "the shop's $_") foreach qw(artist album employee base child), q{"Invoice Line"};
is(sql($peer, 'SELECT count(*) FROM shop.bare'), 3, 'rows without columns');
my $sequences = q{SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname = 'shop' ORDER BY 1, 2};
is(sql($peer, $sequences), sql($node, $sequences), 'sequences are as far');
is(sql($peer, q{SELECT nextval('shop.album_id_seq')}), 900, 'also one that has not given its value yet');
is(sql($peer, 'SELECT count(*) FROM pg_class WHERE reltuples > 0 AND relname = ANY (ARRAY[\'album\', \'typed\', \'line_2023\'])'), 3, 'statistics are gathered');
is(sql($peer, q{SELECT has_table_privilege('clerk', 'shop.album', 'SELECT')}), 't', 'granted to who is there');
is(sql($peer, "SELECT overall_percent FROM steep_repl.snapshot_progress('$row->{snapshot_id}')"), 100, 'progress ends at 100 percent');
is("$row->{tables} $row->{rows}", sql($node, "SELECT tables || ' ' || rows FROM steep_repl.snapshots"), 'the record has the same counts');
is(sql($peer, 'SELECT source FROM steep_repl.snapshots'), read_manifest("$base/all")->{snapshot_id}, 'and says of which snapshot');

# Both are the same to pg_dump.
sub dump_of
{
	my ($n) = @_;
	my ($out) = run_command([ 'pg_dump', '-s', '-N', 'steep_repl', '-d', $n->connstr('postgres') ]);

	return join "\n", sort grep { !/^(--|$)|^SET |^\\(un)?restrict |EXTENSION|missing_there|steep_repl|FOREIGN DATA|^SELECT pg_catalog/ } split /\n/, $out;
}
is(dump_of($peer), dump_of($node), 'the schemas are the same to pg_dump') if $same_release;

# Once more: the tables have rows.
refused('tables with rows', "'$base/all'", qr/table "public\.pgbench_accounts" has rows.*force/s);
is(run_snapshot($node, "$base/artist", options => '{"tables": ["shop.artist", "shop.base"]}')->{status}, 'complete', 'a snapshot of two tables');
like(run_apply($peer, "$base/artist", options => '{"force": true}')->{error_message}, qr/duplicate key value violates unique constraint "artist_pkey"/, 'a duplicate is an error');
sql($peer, 'UPDATE shop.base SET id = id + 100');
applied('rows are added', "$base/artist", options => '{"force": true, "tables": ["shop.base"]}');
is(sql($peer, 'SELECT count(*), sum(id) FROM ONLY shop.base'), '10|530', 'to those that are there');

# Only on the same release, or a later one.
if (!$same_release)
{
	is(run_snapshot($peer, "$base/newer", options => '{"tables": ["pgbench_tellers"]}')->{status}, 'complete', 'a snapshot of the newer release');
	like(error_of($node, "SELECT steep_repl.start_apply('$base/newer')"), qr/snapshot is of a newer release of PostgreSQL.*Apply it on release/s, 'refused: a newer release');
}

# Some tables; a partition brings its parents, a parent its partitions.
sql($peer, "CREATE DATABASE subset TEMPLATE template0; CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
sql($peer, 'CREATE EXTENSION steep_repl CASCADE', $_) foreach qw(subset latin);
$row = applied('some tables', "$base/all", dbname => 'subset', options => '{"tables": ["album", "shop.line_rest"]}');
is(sql($peer, q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'p', 'S') AND relnamespace = 'shop'::regnamespace}, 'subset'),
	'Invoice Line album album_id_seq free line_rest line_rest_0 line_rest_1', 'only these are created');
is(sql($peer, 'SELECT count(*) FROM shop."Invoice Line"', 'subset'), sql($node, 'SELECT count(*) FROM shop.line_rest'), 'with their rows');
ok($peer->log_contains(qr/a foreign key is left out, the table it references does not exist/, $offset), 'keys to others are left out');
like(run_apply($peer, "$base/all", dbname => 'subset', options => '{"force": true, "tables": ["shop.\\"Invoice Line\\""]}')->{error_message},
	qr/of table "shop\."Invoice Line"" and its partition "shop\.line_2023" only one exists/, 'a partition that is missing is told of');

is(run_snapshot($node, "$base/leaf", options => '{"tables": ["shop.line_2023"]}')->{status}, 'complete', 'a snapshot of a partition');
applied('is loaded', "$base/leaf", dbname => 'subset');
is(sql($peer, q{SELECT count(*) = (SELECT count(*) FROM shop.line_rest), (SELECT relispartition FROM pg_class WHERE oid = 'shop.line_2023'::regclass) FROM shop."Invoice Line"}, 'subset'), 't|f', 'as a table by itself');

# What can't be.
my $stderr;
$peer->psql('latin', "SELECT steep_repl.start_apply('$base/all')", stderr => \$stderr);
like($stderr, qr/encoding of the snapshot differs/, 'refused: another encoding');
refused('no such option', "'$base/all', 1, true, '{\"forse\": true}'", qr/option "forse" does not exist.*force, tables/s);
refused('no flag', "'$base/all', 1, true, '{\"force\": 1}'", qr/option "force" must be true or false/);
refused('no such table', "'$base/all', 1, true, '{\"tables\": [\"nix\"]}'", qr/table "nix" is not in the snapshot/);
refused('no path', 'NULL', qr/path must not be null/);
refused('no snapshot', "'$base'", qr/manifest\.json/);
refused('too many workers', "'$base/artist', 33", qr/parallel must be between 1 and 32/);

# Tables that exist.
sql($peer, 'DROP TABLE shop.base CASCADE; CREATE TABLE shop.base (x text, more int DEFAULT 5, id bigint)');
my $base_only = "'$base/artist', 1, true, '{\"tables\": [\"base\"]}'";
refused('another type', $base_only, qr/table "shop\.base" exists and does not fit.*"id" is bigint, where its rows come from it is integer/s);
sql($peer, 'ALTER TABLE shop.base ALTER id TYPE int, DROP x');
refused('a column is missing', $base_only, qr/lacks column "x" of type text/);
sql($peer, 'DROP TABLE shop.base; CREATE VIEW shop.base AS SELECT 1 AS id');
refused('a view', $base_only, qr/"shop\.base" exists and is not a table/);
sql($peer, <<'EOC');
DROP VIEW shop.base;
CREATE TABLE shop.base (x text, more int DEFAULT 5, id int);
CREATE FUNCTION shop.spoil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.x := 'spoiled'; RETURN NEW; END$$;
CREATE TRIGGER t BEFORE INSERT ON shop.base FOR EACH ROW EXECUTE FUNCTION shop.spoil();
EOC
applied('into a table with more columns and another order', "$base/artist", options => '{"tables": ["base"]}');
is(sql($peer, 'SELECT count(*), min(x), max(more) FROM shop.base'), '5|b|5', 'triggers do not fire, defaults are filled in');

# Foreign keys of a table that exists are looked at.
sql($node, 'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE kid (id int PRIMARY KEY, parent int); INSERT INTO kid VALUES (1, 1), (2, NULL)');
run_snapshot($node, "$base/kid", options => '{"tables": ["kid"]}');
sql($peer, 'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE kid (id int PRIMARY KEY, parent int REFERENCES parent)');
like(run_apply($peer, "$base/kid")->{error_message}, qr/rows of table "public\.kid" violate foreign key "kid_parent_fkey".*NOTE:  What was loaded stays/s, 'rows without parents are told of');
sql($peer, 'TRUNCATE kid; INSERT INTO parent VALUES (1)');
applied('with their parents', "$base/kid");

# A role without more than it needs.
sql($peer, "TRUNCATE kid; GRANT pg_read_server_files TO merger; GRANT CREATE ON DATABASE postgres TO merger; GRANT SELECT, INSERT ON kid TO merger; GRANT SELECT ON parent TO merger");
is(run_apply($peer, "$base/kid", role => 'merger')->{status}, 'complete', 'a role with the right to insert');
sql($node, 'CREATE SCHEMA own; CREATE TABLE own.t (id serial PRIMARY KEY, x text); INSERT INTO own.t (x) VALUES (1), (2); GRANT SELECT ON own.t TO clerk');
run_snapshot($node, "$base/own", options => '{"tables": ["own.t"]}');
is(run_apply($peer, "$base/own", role => 'merger')->{status}, 'complete', 'or to create schemas');
is(sql($peer, q{SELECT pg_get_userbyid(relowner), (SELECT count(*) FROM own.t), has_table_privilege('clerk', 'own.t', 'SELECT') FROM pg_class WHERE oid = 'own.t'::regclass}), 'merger|2|t', 'owns what it creates');
sql($peer, 'TRUNCATE kid; REVOKE INSERT ON kid FROM merger');
refused('no right to insert', "'$base/kid'", qr/permission denied for table "public\.kid".*GRANT SELECT, INSERT/s, 'merger');
sql($peer, 'GRANT INSERT ON kid TO merger; ALTER TABLE kid ENABLE ROW LEVEL SECURITY');
refused('row level security', "'$base/kid'", qr/row level security hides rows of table "public\.kid"/, 'merger');
sql($peer, 'REVOKE pg_read_server_files FROM merger');
refused('no right to read files', "'$base/kid'", qr/permission denied for directory/, 'merger');
like(error_of($peer, "SELECT steep_repl.verify_snapshot('$base/kid')", 'merger'), qr/permission denied for directory/, 'nor to verify them');

done_testing();
