# A merge makes the tables of two nodes equal, as its strategy says, and tells
# what it did; a dry run tells the same and does nothing.
use SteepTest;

my ($node, $peer) = start_pair();
my $before = state_of($node, $peer);
my $row;

# Rows 1-3 here only, 4-7 in conflict, 8-9 on the peer only, 10 the same.
sub diverge
{
	my ($table) = @_;

	both($node, $peer, "TRUNCATE $table");
	sql($node, "INSERT INTO $table SELECT i, 'here ' || i FROM generate_series(1, 7) i");
	sql($peer, "INSERT INTO $table SELECT i, 'there ' || i FROM generate_series(4, 9) i");
	both($node, $peer, "INSERT INTO $table VALUES (10, 'same')");
	return;
}

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');

# Who wins.
foreach my $case (
	[ 'prefer-local', '7|2', 'here' ], [ 'prefer-remote', '3|6', 'there' ],
	[ 'prefer-node-a', '7|2', 'here' ], [ 'prefer-node-b', '3|6', 'there' ])
{
	my ($strategy, $remote_local, $winner) = @$case;
	my ($remote, $local) = split /\|/, $remote_local;

	diverge('t');
	$row = run_merge($node, $peer, ['public.t'], strategy => $strategy);
	is_merged($row, "3|2|1|4|$local|$remote", "$strategy: counts");
	is_equal_table($node, $peer, 'public.t', ['id'], "$strategy: both nodes are equal");
	is(sql($peer, "SELECT string_agg(split_part(x, ' ', 1), ',' ORDER BY id) FROM t"),
		"here,here,here,$winner,$winner,$winner,$winner,there,there,same", "$strategy: $winner wins");
}

# Keys that are not a word: read back as JSON, a row, an array, a number of
# another scale.
both($node, $peer, 'CREATE TYPE pair AS (a int, b text);
	CREATE TABLE docs (id jsonb PRIMARY KEY, v int);
	CREATE TABLE pairs (id pair PRIMARY KEY, v int);
	CREATE TABLE lists (id int[], n numeric, v int, PRIMARY KEY (id, n))');
sql($node, q{INSERT INTO docs VALUES ('{"a": 1}', 1), ('2', 1), ('"s"', 1), ('[1, "x"]', 1);
	INSERT INTO pairs VALUES (ROW(1, 'x, "y"'), 1), (ROW(2, NULL), 1);
	INSERT INTO lists VALUES ('{1,2}', 1.0, 1), ('{}', 2, 1)});
sql($peer, q{INSERT INTO docs VALUES ('{"a": 1}', 2), ('2', 2), ('"s"', 2), ('"t"', 2);
	INSERT INTO pairs VALUES (ROW(1, 'x, "y"'), 2), (ROW(3, '()'), 2);
	INSERT INTO lists VALUES ('{1,2}', 1.00, 2), ('{3}', 2, 2)});
is_merged(run_merge($node, $peer, [ 'docs', 'pairs', 'lists' ], strategy => 'prefer-remote'),
	'3|3|0|5|8|3', 'keys of jsonb, composite and array types: counts');
is_equal_table($node, $peer, "public.$_", $_ eq 'lists' ? [ 'id', 'n' ] : ['id'], "$_ are equal")
	foreach qw(docs pairs lists);

# Merged again.
is_merged(run_merge($node, $peer, ['t']), '0|0|10|0|0|0', 'a second merge has nothing to do');

# A mirror: from the other end, the other side preferred.
diverge('t');
run_merge($node, $peer, ['t'], strategy => 'prefer-local');
my $images = images($node, $peer, 't');
diverge('t');
$row = run_merge($peer, $node, ['t'], strategy => 'prefer-remote');
is_merged($row, '2|3|1|4|7|2', 'from the other end: counts are mirrored');
is_deeply(images($node, $peer, 't'), $images, 'from the other end: the same result');

# A dry run.
both($node, $peer, 'CREATE TABLE serials (id serial PRIMARY KEY, x text)');
diverge('serials');
diverge('t');
my @state = map { sql($_, 'SELECT last_value, is_called FROM serials_id_seq') } $node, $peer;
$images = images($node, $peer, 't', 'serials');
$row = run_merge($node, $peer, [ 'serials', 't' ], dry_run => 1);
is_merged($row, '6|4|2|8|0|0', 'dry run: counts');
is_deeply(images($node, $peer, 't', 'serials'), $images, 'dry run: no row is changed');
is_deeply([ map { sql($_, 'SELECT last_value, is_called FROM serials_id_seq') } $node, $peer ],
	\@state, 'dry run: no sequence is changed');
is(sql($peer, "SELECT count(*) FROM steep_repl.merge_markers WHERE merge_id = '$row->{merge_id}'"),
	'0', 'dry run: no marker');
my $summary = sub {
	sql($node, "SELECT table_name, category, resolution, count FROM steep_repl.merge_summary('$_[0]{merge_id}')");
};
my $planned = $summary->($row);
$row = run_merge($node, $peer, [ 'serials', 't' ]);
is_merged($row, '6|4|2|8|4|14', 'the real run: the same counts');
is($summary->($row), $planned, 'the real run: the same summary');
is($planned, <<'EOC' =~ s/\n\z//r, 'the summary');
public.serials|conflict|local|4
public.serials|local_only|local|3
public.serials|remote_only|remote|2
public.t|conflict|local|4
public.t|local_only|local|3
public.t|remote_only|remote|2
EOC

# A strategy for one table, options in several forms of name.
both($node, $peer, 'CREATE TABLE "T 1" ("K ""1" int, "k2" text, "V" text, PRIMARY KEY ("K ""1", "k2"))');
diverge('t');
sql($node, q{INSERT INTO "T 1" VALUES (1, 'a', 'here'), (1, 'b', 'here'), (2, E'tab\t"\\\\', NULL)});
sql($peer, q{INSERT INTO "T 1" VALUES (1, 'a', 'there'), (3, '', ''), (3, ',()', '{"a"}')});
$row = run_merge($node, $peer, [ 't', '"T 1"' ], options => '{"strategies": {"public.\"T 1\"": "prefer-node-b"}}');
is_merged($row, '5|4|1|5|5|9', 'a strategy by table');
is_equal_table($node, $peer, 'public.t', ['id'], 'a strategy by table: t is equal');
is_equal_table($node, $peer, 'public."T 1"', [ 'K "1', 'k2' ], 'awkward names and a composite key');
is(sql($peer, q{SELECT "V" FROM "T 1" WHERE k2 = 'a'}), 'there', 'the other strategy for one');
is(sql($node, 'SELECT x FROM t WHERE id = 4'), 'here 4', 'and the usual for the other');

# What the audit keeps.
is(sql($node, "SELECT key, category, resolution, resolved_by, state, local_row, remote_row FROM steep_repl.merge_decisions
	WHERE merge_id = '$row->{merge_id}' AND key ->> 'K \"1' = '1' ORDER BY key"),
	q({"k2": "a", "K \"1": "1"}|conflict|remote|prefer-remote|applied|{"V": "here", "k2": "a", "K \"1": "1"}|{"V": "there", "k2": "a", "K \"1": "1"}
{"k2": "b", "K \"1": "1"}|local_only|local|prefer-remote|applied|{"V": "here", "k2": "b", "K \"1": "1"}|),
	'decisions hold both sides as they were');
is(sql($node, "SELECT tables, strategy, dry_run, requested_by, atomicity, completed_at >= started_at, peer
	FROM steep_repl.merge_audit_log WHERE merge_id = '$row->{merge_id}'"),
	'{public.t,"public.\"T 1\""}|prefer-local|f|' . sql($node, 'SELECT current_user')
	  . '|merge|t|dbname=postgres host=127.0.0.1 port=' . $peer->port,
	'the audit row');
is(sql($node, "SELECT string_agg(DISTINCT runs_on, ','), min(seq), count(*) = max(seq)
	FROM steep_repl.merge_sql('$row->{merge_id}')"), 'local,peer|1|t', 'merge_sql lists the statements');

# Foreign keys: a chain of three, given in reverse.
both($node, $peer, q{
CREATE TABLE grandparent (id int PRIMARY KEY, x text);
CREATE TABLE parent (id int PRIMARY KEY, g int NOT NULL REFERENCES grandparent, self int REFERENCES parent);
CREATE TABLE child (id int PRIMARY KEY, p int NOT NULL REFERENCES parent);
});
sql($node, q{INSERT INTO grandparent VALUES (1, 'here'), (2, 'both'); INSERT INTO parent VALUES (1, 1, 2), (2, 2, 1), (5, 2, 5);
	INSERT INTO child VALUES (1, 1), (2, 2), (5, 5)});
sql($peer, q{INSERT INTO grandparent VALUES (3, 'there'), (2, 'both'); INSERT INTO parent VALUES (3, 3, 4), (4, 2, 3), (5, 3, 3);
	INSERT INTO child VALUES (3, 3), (4, 4), (5, 4)});
my $offset = -s $peer->logfile;
$row = run_merge($node, $peer, [ 'child', 'parent', 'grandparent' ], strategy => 'prefer-remote');
is_merged($row, '5|5|1|2|7|5', 'foreign keys: parents are written first');
is(scalar(() = slurp_file($peer->logfile, $offset) =~ /statement: SELECT \(SELECT system_identifier FROM pg_control_system/g), 2,
	'one connection to the peer checks the merge, and one runs all of its steps');
is_equal_table($node, $peer, "public.$_", ['id'], "foreign keys: $_ is equal") foreach qw(grandparent parent child);

# Generated and identity columns, columns in another order, dropped columns.
sql($node, 'CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone text, a numeric(8,2), b text, twice numeric GENERATED ALWAYS AS (a * 2) STORED)');
sql($peer, 'CREATE TABLE g (gone1 int, b text, twice numeric GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone2 int, a numeric(8,2))');
sql($node, q{ALTER TABLE g DROP gone; INSERT INTO g (a, b) VALUES (1, 'here'), (2, 'here'), (4, NULL)});
sql($peer, q{ALTER TABLE g DROP gone1, DROP gone2; INSERT INTO g (a, b) VALUES (1, 'there'), (2, 'here'); INSERT INTO g (id, a) OVERRIDING SYSTEM VALUE VALUES (9, 9.5)});
$row = run_merge($node, $peer, ['g']);
is_merged($row, '1|1|1|1|1|2', 'generated, identity, reordered and dropped columns');
is_equal_table($node, $peer, 'public.g', ['id'], 'they are equal');

# Partitioned here, plain there; and partitioned on both sides in another way.
foreach my $parts ('', 'PARTITION OF p FOR VALUES IN (1, 2)')
{
	sql($node, 'CREATE TABLE p (id int, k int, x text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT');
	sql($peer, 'CREATE TABLE p (x text, k int, id int, PRIMARY KEY (id, k))' . ($parts ? " PARTITION BY LIST (k); CREATE TABLE p12 $parts; CREATE TABLE p3 PARTITION OF p DEFAULT" : ''));
	sql($node, q{INSERT INTO p SELECT i, i % 4, 'here' FROM generate_series(1, 40) i});
	sql($peer, q{INSERT INTO p SELECT 'there', i % 4, i FROM generate_series(21, 60) i});
	$row = run_merge($node, $peer, ['p']);
	is_merged($row, '20|20|0|20|20|40', 'partitioned ' . ($parts ? 'on both sides' : 'here only'));
	is_equal_table($node, $peer, 'public.p', [ 'id', 'k' ], 'partitioned tables are equal');
	both($node, $peer, 'DROP TABLE p');
}

# Other keys: a unique index on columns not null, and columns without an index.
both($node, $peer, 'CREATE TABLE u (a text NOT NULL, b int NOT NULL, x text, UNIQUE (b, a)); CREATE TABLE n (a int, x text)');
sql($node, q{INSERT INTO u VALUES ('a', 1, 'here'), ('b', 1, 'here'); INSERT INTO n VALUES (1, 'here'), (2, 'here')});
sql($peer, q{INSERT INTO u VALUES ('a', 1, 'there'), ('c', 1, 'there'); INSERT INTO n VALUES (1, 'there'), (3, 'there')});
$row = run_merge($node, $peer, [ 'u', 'n' ], options => '{"primary_keys": {"n": ["a"]}}');
is_merged($row, '2|2|0|2|2|4', 'keys without a primary key');
is_equal_table($node, $peer, 'public.u', [ 'a', 'b' ], 'a unique index is a key');
is_equal_table($node, $peer, 'public.n', ['a'], 'columns without an index are a key if named');

# Keys that are equal but print differently; values whose = is no proof.
both($node, $peer, 'CREATE TABLE v (k numeric PRIMARY KEY, n numeric, f float8, j jsonb, b box, i interval, c char(5))');
sql($node, q{INSERT INTO v VALUES (1.0, 1.0, -0.0, '1.0', '(0,0),(2,2)', '1 day', 'a')});
sql($peer, q{INSERT INTO v VALUES (1.00, 1.00, 0, '1.00', '(0,0),(1,4)', '24:00', 'a')});
$row = run_merge($node, $peer, ['v']);
is_merged($row, '0|0|0|1|0|1', 'values that are = but print differently are a conflict');
is_equal_table($node, $peer, 'public.v', ['k'], 'and equal afterwards');

# Empty on one side, in small batches.
both($node, $peer, 'CREATE TABLE many (id int PRIMARY KEY, x text)');
sql($node, q{INSERT INTO many SELECT i, repeat('x', 20) || i FROM generate_series(1, 100000) i; ANALYZE many});
$row = run_merge($node, $peer, ['many'], options => '{"batch_size": 3000}');
is_merged($row, '100000|0|0|0|0|100000', '100,000 rows in batches of 3000');
is_equal_table($node, $peer, 'public.many', ['id'], 'all arrive');
sql($node, 'DELETE FROM many WHERE id > 1000');
sql($peer, 'DELETE FROM many WHERE id > 3000');
is_merged(run_merge($node, $peer, ['many'], options => '{"batch_size": 100}'),
	'0|2000|1000|0|2000|0', 'some come back, in batches of 100');
both($node, $peer, 'TRUNCATE many');
is_merged(run_merge($node, $peer, ['many']), '0|0|0|0|0|0', 'two empty tables');

# As many rows as fit in the pieces of a long answer that are asked for at once.
both($node, $peer, 'INSERT INTO many SELECT i, current_setting($$port$$) FROM generate_series(1, 320000) i; ANALYZE many');
is(sql($node, 'SELECT * FROM steep_repl.analyze_overlap(' . quote(conninfo($peer)) . ", ARRAY['many'])"),
	'many|0|0|0|320000', 'a long answer comes whole');
both($node, $peer, 'TRUNCATE many');

# NULL for optional arguments; a schema's tables; a URI.
both($node, $peer, 'CREATE SCHEMA s; CREATE TABLE s.c (id int PRIMARY KEY);
	CREATE TABLE s.b (id int PRIMARY KEY REFERENCES s.c); CREATE TABLE s.a (id int PRIMARY KEY)');
sql($node, 'INSERT INTO s.c VALUES (1); INSERT INTO s.b VALUES (1)');
my $uri = sprintf 'postgresql://admin:%s@127.0.0.1:%d/postgres', secret(), $peer->port;
is_merged(run_merge($node, $peer, ['s.*'], peer => $uri), '2|0|0|0|0|2', 'all tables of a schema, by URI');

is_unleaked($before, 'nothing is left behind');
is_deeply([ grep { !/statement:/ } places_of(secret(), $node, $peer) ], [], 'the password is nowhere');
done_testing();
