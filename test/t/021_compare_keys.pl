# Keys of every kind, tables of every shape, names of every spelling.
use SteepTest;

$ENV{LANG} = 'C.UTF-8';
my ($node, $peer) = start_pair();
my $connection = quote(conninfo($peer));

# Creates a table on both nodes, each with its own columns and rows.
sub create
{
	my ($table, $here, $there, $rows_here, $rows_there) = @_;

	foreach my $side ([ $node, $here, $rows_here ], [ $peer, $there // $here, $rows_there ])
	{
		my ($n, $columns, $rows) = @$side;
		sql($n, "CREATE TABLE $table ($columns)"
			  . ($rows ? "; INSERT INTO $table $rows" : ''));
	}
	return;
}

# Tests the four counts, and that diff() lists just those rows.
sub is_right
{
	my ($table, $key, $name, %options) = @_;
	my $expected = is_overlap_right($node, $peer, $table, $key, $name, %options);
	my @columns = @{ SteepTest::Oracle::columns($node, $table) };
	my $nothing = join "\t", ('\\N') x @columns;
	my $values = join ', ', map {
		my $row = $_;
		map { "$row->>" . quote($_) } @columns
	} qw(local_row remote_row);
	my @found = split /\n/, sql($node, sprintf 'COPY (SELECT category, %s FROM steep_repl.diff(%s, %s)) TO STDOUT',
		$values, $connection, quote($table));
	my @wanted = map { join "\t", $_->[0], $_->[1] // $nothing, $_->[2] // $nothing }
	  values %{ $expected->{rows} };

	is_deeply([ sort @found ], [ sort @wanted ], "$name: the rows");
	return;
}

sub overlap
{
	my ($tables, $keys) = @_;

	return sql($node, sprintf 'SELECT * FROM steep_repl.analyze_overlap(%s, %s, %s)',
		$connection, "ARRAY[" . join(', ', map { quote($_) } @$tables) . "]",
		$keys ? quote($keys) : 'NULL');
}

# Kinds of keys.
create('single', 'id int PRIMARY KEY, v text', undef,
	q{VALUES (1, 'same'), (2, 'x'), (3, NULL), (4, NULL), (6, 'here')},
	q{VALUES (1, 'same'), (2, 'y'), (3, NULL), (4, ''), (5, 'there')});
is_right('public.single', ['id'], 'one column');

create('composite', 'a text, b int, c date, v text, PRIMARY KEY (c, a, b)', undef,
	q{VALUES ('a', 1, '2000-01-01', 'x'), ('a,b', 1, '2000-01-01', 'x'), ('a', 11, '2000-01-01', 'x')},
	q{VALUES ('a', 1, '2000-01-01', 'y'), ('a', 1, '2000-01-02', 'x'), ('a', 11, '2000-01-01', 'x')});
is_right('public.composite', [ 'a', 'b', 'c' ], 'three columns');

create('uuids', 'id uuid PRIMARY KEY, v int', undef,
	'SELECT md5(i::text)::uuid, i FROM generate_series(1, 200) i',
	'SELECT md5(i::text)::uuid, i + (i % 10 = 0)::int FROM generate_series(20, 220) i');
is_right('public.uuids', ['id'], 'uuid');

create('stamps', 'id timestamptz PRIMARY KEY, v int', undef,
	q{VALUES ('2021-10-31 02:30+01', 1), ('2021-10-31 02:30+02', 2), ('infinity', 3)},
	q{VALUES ('2021-10-31 01:30+00', 2), ('2021-10-31 00:30+00', 2), ('-infinity', 3)});
sql($node, q{ALTER DATABASE postgres SET TimeZone = 'Europe/Berlin'});
sql($peer, q{ALTER DATABASE postgres SET TimeZone = 'America/St_Johns'});
is_right('public.stamps', ['id'], 'timestamptz in two time zones');

create('scales', 'id numeric PRIMARY KEY, v int', undef,
	'VALUES (1.0, 1), (2.0, 2), (3, 3), (4, 4)', 'VALUES (1.00, 1), (2.0, 2), (3.0, 4), (5, 5)');
is_right('public.scales', ['id'], 'numbers of another scale are one key',
	key_text => sub { $_[0] + 0 });
is(sql($node, "SELECT key, category, changed_columns FROM steep_repl.diff($connection, 'scales')"),
	join("\n", '{"id": "1.0"}|conflict|{id}', '{"id": "3"}|conflict|{id,v}',
		'{"id": "4"}|local_only|', '{"id": "5"}|remote_only|'),
	'they are in conflict, in the order of the key');

create('floats', 'id float8 PRIMARY KEY, v int', undef,
	q{VALUES ('NaN', 1), (0, 1), ('Infinity', 1), (0.1, 1)},
	q{VALUES ('NaN', 2), ('-0', 1), ('Infinity', 1), (0.1::float8 + 1e-17, 1)});
is_right('public.floats', ['id'], 'float8', key_text => sub { $_[0] =~ s/^-0$/0/r });

sql($_, 'CREATE EXTENSION citext') foreach $node, $peer;
create('citexts', 'id citext PRIMARY KEY, v int', undef,
	q{VALUES ('a', 1), ('B', 1), ('c', 1)}, q{VALUES ('a', 1), ('b', 1), ('D', 1)});
is_right('public.citexts', ['id'], 'citext', key_text => sub { lc $_[0] });

sql($node, q{CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')});
sql($peer, q{CREATE TYPE mood AS ENUM ('happy', 'ok', 'sad')});
create('moods', 'id mood PRIMARY KEY, v int', undef,
	q{VALUES ('sad', 1), ('ok', 1)}, q{VALUES ('sad', 2), ('happy', 1)});
is_right('public.moods', ['id'], 'enum whose labels have another order');

sql($_, 'CREATE DOMAIN code AS text CHECK (VALUE <> $$$$)') foreach $node, $peer;
create('codes', 'id code PRIMARY KEY, v int', undef,
	q{VALUES ('a', 1), ('b', 1), (E'c\\\\''"', 1)}, q{VALUES ('a', 2), ('c', 1), (E'c\\\\''"', 2)});
is_right('public.codes', ['id'], 'domain');

create('flags', 'id bool PRIMARY KEY, v int', undef, 'VALUES (true, 1), (false, 1)', 'VALUES (true, 2)');
is_right('public.flags', ['id'], 'boolean');

create('padded', 'id char(4) PRIMARY KEY, v int', 'id char(6) PRIMARY KEY, v int',
	q{VALUES ('a', 1), ('b', 1)}, q{VALUES ('a', 1), ('c', 1)});
is_right('public.padded', ['id'], 'char of another length', key_text => sub { $_[0] =~ s/ +$//r });

sql($_, 'CREATE TYPE place AS (x int, y text)') foreach $node, $peer;
create('places', 'id place, v int, PRIMARY KEY (id)', undef,
	q{VALUES ('(1,a)', 1), ('(2,"a b")', 1), ('(3,)', 1)}, q{VALUES ('(1,a)', 2), ('(2,"a b")', 2), ('(4,)', 1)});
is_right('public.places', ['id'], 'composite type');

create('lists', 'a int[], b int, v int, PRIMARY KEY (a, b)', undef,
	q{VALUES ('{1,2}', 1, 1), ('{}', 1, 1), ('{3}', 1, 1), ('[2:3]={1,2}', 1, 1)},
	q{VALUES ('{1,2}', 1, 2), ('{}', 1, 2), ('{4}', 1, 1), ('[2:3]={1,2}', 1, 2)});
is_right('public.lists', [ 'a', 'b' ], 'arrays of several lengths');

create('vectors', 'id oidvector PRIMARY KEY, v int', undef,
	q{VALUES ('1 2', 1), ('', 1)}, q{VALUES ('1 2', 2), ('3', 1)});
is_right('public.vectors', ['id'], 'oidvector');

# Collations.
sql($_, <<'EOC') foreach $node, $peer;
CREATE COLLATION en (provider = icu, locale = 'en-US');
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EOC
my $here = q{VALUES ('a', 1), ('B', 1), ('ä', 1), ('z', 1), ('Z1', 1)};
my $there = q{VALUES ('a', 2), ('b', 1), ('ä', 1), ('z', 1), ('z1', 1)};
my $many = q{SELECT 'k' || i || chr(96 + i % 26), i FROM generate_series(1, 300) i};
foreach my $pair (
	[ 'C', 'en' ], [ 'en', 'C' ], [ 'C', 'folded' ], [ 'folded', 'C' ],
	[ 'en', 'folded' ], [ 'folded', 'en' ], [ 'folded', 'folded' ])
{
	my $table = join '_to_', @$pair;
	my ($ours, $theirs) = map { qq(id text COLLATE "$_" PRIMARY KEY, v int) } @$pair;

	create($table, $ours, $theirs, "$here UNION ALL $many",
		"$there UNION ALL $many OFFSET 0 LIMIT 290");
	is_right("public.$table", ['id'], "text, $pair->[0] here and $pair->[1] there",
		key_text => sub { $table eq 'folded_to_folded' ? lc $_[0] : $_[0] });
}
create('case_here', 'id text COLLATE "C" PRIMARY KEY, v int', 'id text COLLATE folded PRIMARY KEY, v int',
	q{VALUES ('a', 1), ('A', 2)}, q{VALUES ('A', 1)});
is_right('public.case_here', ['id'], 'two keys here that are one there');
create('case_there', 'id text COLLATE folded PRIMARY KEY, v int', 'id text COLLATE "C" PRIMARY KEY, v int',
	q{VALUES ('A', 1)}, q{VALUES ('a', 1), ('A', 2)});
is_right('public.case_there', ['id'], 'two keys there that are one here');

# Where the key comes from.
create('indexed', 'a int NOT NULL, b int NOT NULL, c int UNIQUE, v int, UNIQUE (a, b)', undef,
	'VALUES (1, 1, NULL, 1), (1, 2, NULL, 1)', 'VALUES (1, 1, NULL, 1), (1, 2, NULL, 2)');
is_right('public.indexed', [ 'a', 'b' ], 'a unique index that is never null');
create('nullable', 'a int UNIQUE NULLS NOT DISTINCT, v int', undef, 'VALUES (1, 1), (NULL, 2)', 'VALUES (1, 2)');
like(error_of($node, "SELECT steep_repl.assert_in_sync($connection, ARRAY['nullable'])"),
	qr/table "nullable" has no primary key/, 'an index with nulls is no key');
like(
	error_of($node, "SELECT * FROM steep_repl.analyze_overlap($connection, ARRAY['nullable'], '{\"nullable\": [\"a\"]}')"),
	qr/key of table "nullable" is null in 1 rows here/, 'not even when asked for');
sql($node, 'DELETE FROM nullable WHERE a IS NULL');
is(overlap(['nullable'], '{"public.nullable": ["a"]}'), 'nullable|0|0|0|1', 'without nulls it is');
create('later', 'a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, b int NOT NULL UNIQUE', undef,
	'VALUES (1, 1), (2, 2)', 'VALUES (2, 1), (1, 3)');
is(overlap(['later']), 'later|1|1|0|1', 'a deferrable key is not chosen');
is(overlap(['later'], '{"later": ["a"]}'), 'later|0|0|0|2', 'unless asked for');
create('keyless', 'a int, b int', undef, 'VALUES (1, 1), (2, 2), (2, 3)', 'VALUES (1, 1), (2, 3)');
is(overlap(['keyless'], '{"public.keyless": ["b"]}'), 'keyless|1|0|2|0', 'a key without an index');
like(
	error_of($node, "SELECT * FROM steep_repl.analyze_overlap($connection, ARRAY['keyless'], '{\"keyless\": [\"a\"]}')"),
	qr/key of table "keyless" is not unique here\nDETAIL:  Key \(2\) is there 2 times/,
	'a key that is not unique shows a duplicate');

# Names.
my $long = '"' . 'x' x 63 . '"';
foreach my $names (
	[ '"S 1"', '"T 1"', '"K 1"', '"V 1"' ],
	[ '","")"', '","")"', '","")"', '"\'\\"' ],
	[ '"a$1b"', '"$2"', '"$1"', '"a$2"' ],
	[ '"Select"', '"table"', '"order"', '"ctid "' ],
	[ $long, $long, $long, '"' . '""' x 63 . '"' ],
	[ '"a.b"', '"%s%n"', '"t"', '"key1"' ],
	[ '"t.*"', "\"a\nb\tc\"", '"w"', '"n"' ],
	[ "\"\xe2\x80\xae\"", '"' . "\xc3\xa4" x 31 . '"', '"digest"', '"category"' ])
{
	my ($schema, $table, $key, $value) = @$names;
	my $full = "$schema.$table";
	sql($_, "CREATE SCHEMA $schema") foreach $node, $peer;
	create($full, "$value text, $key int PRIMARY KEY", "$key int PRIMARY KEY, $value text",
		q{VALUES ('x', 1), (NULL, 2), ('$1', 4)}, q{VALUES (1, 'x'), (2, ''), (3, '''$1"')});
	is_right($full, [ $key =~ s/^"|"$//gr =~ s/""/"/gr ], "names such as $full");
	is(overlap(["$schema.*"]), sql($node, 'SELECT format($$%I.%I$$, ' . quote($schema =~ s/^"|"$//gr =~ s/""/"/gr) . ', '
			  . quote($table =~ s/^"|"$//gr =~ s/""/"/gr) . ')') . '|1|1|1|1', 'by its schema');
}

# Shapes.
sql($node, 'CREATE TABLE shape (gone int, id int PRIMARY KEY, a text, g int GENERATED ALWAYS AS (length(a)) STORED)');
sql($node, "INSERT INTO shape VALUES (1, 1, 'x'), (1, 2, 'xx'); ALTER TABLE shape DROP gone");
sql($peer, 'CREATE TABLE shape (a text, g int GENERATED ALWAYS AS (length(a)) STORED, id int PRIMARY KEY)');
sql($peer, "INSERT INTO shape VALUES ('x', DEFAULT, 1), ('y', DEFAULT, 2)");
is_right('public.shape', ['id'], 'columns dropped, generated, in another order');
if (older_release($node, $peer) >= 180000)
{
	create('virtual', 'id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) VIRTUAL', undef,
		'VALUES (1, 1), (2, 2)', 'VALUES (1, 1), (2, 3)');
	is_right('public.virtual', ['id'], 'virtual columns');
	create('unproven', 'id int UNIQUE, v int', undef, 'VALUES (NULL, 1)', 'VALUES (NULL, 1)');
	sql($_, 'ALTER TABLE unproven ADD CONSTRAINT n NOT NULL id NOT VALID') foreach $node, $peer;
	like(error_of($node, "SELECT steep_repl.assert_in_sync($connection, ARRAY['unproven'])"),
		qr/table "unproven" has no primary key/, 'NOT NULL that is not valid');
}

create('parts', 'id int PRIMARY KEY, v int) PARTITION BY RANGE (id', 'id int PRIMARY KEY, v int) PARTITION BY HASH (id');
sql($node, <<'EOC');
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (MAXVALUE) PARTITION BY LIST (id);
CREATE TABLE parts_3 PARTITION OF parts_2 DEFAULT;
INSERT INTO parts SELECT i, i FROM generate_series(1, 1000) i;
EOC
sql($peer, <<'EOC');
CREATE TABLE parts_a PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_b PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT i, i / 900 + i FROM generate_series(11, 1000) i;
EOC
is_right('public.parts', ['id'], 'other partitions');
sql($node, 'CREATE TABLE split (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)');
sql($node, 'CREATE TABLE split_1 PARTITION OF split DEFAULT; INSERT INTO split VALUES (1, 1), (2, 2)');
sql($peer, 'CREATE TABLE split (id int PRIMARY KEY, v int); INSERT INTO split VALUES (1, 1), (3, 2)');
is_right('public.split', ['id'], 'partitioned here, plain there');
create('no_parts', 'id int PRIMARY KEY) PARTITION BY RANGE (id');
is(overlap(['no_parts']), 'no_parts|0|0|0|0', 'no partition at all');

sql($_, 'CREATE TABLE parent (id int PRIMARY KEY, v int); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)')
  foreach $node, $peer;
sql($node, 'INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (1, 2)');
sql($peer, 'INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (1, 3)');
is(overlap([ 'parent', 'child' ]), "parent|0|0|1|0\nchild|0|0|0|1", 'children are tables of their own');

create('only_key', 'id int PRIMARY KEY', undef, 'VALUES (1), (2)', 'VALUES (2), (3)');
is_right('public.only_key', ['id'], 'a key and nothing else');
foreach my $width (90, 91, 150, 1599)
{
	my $columns = join ', ', map { "c$_ int" } 1 .. $width;
	my $values = join ', ', map { "i + $_" } 1 .. $width;
	create("wide_$width", "id int PRIMARY KEY, $columns", undef,
		"SELECT i, $values FROM generate_series(1, 20) i",
		"SELECT i, $values FROM generate_series(2, 21) i");
	sql($peer, "UPDATE wide_$width SET c$width = NULL WHERE id = 10; UPDATE wide_$width SET c1 = c2, c2 = c1 WHERE id = 11");
	is(overlap(["wide_$width"]), "wide_$width|1|1|17|2", "$width columns beside the key");
	is(sql($node, "SELECT key->>'id', changed_columns, (SELECT count(*) FROM jsonb_object_keys(local_row))"
			  . " FROM steep_repl.diff($connection, 'wide_$width') WHERE category = 'conflict'"),
		sprintf("10|{c%d}|%d\n11|{c1,c2}|%d", $width, $width + 1, $width + 1),
		'and what changed in them');
}

# Sizes, and how finely they are digested.
create('sized', 'id int PRIMARY KEY, v int');
is_right('public.sized', ['id'], 'no rows');
sql($node, 'INSERT INTO sized VALUES (1, 1)');
is_right('public.sized', ['id'], 'no rows there');
sql($peer, 'INSERT INTO sized VALUES (1, 2)');
is_right('public.sized', ['id'], 'one row');
sql($node, 'DELETE FROM sized');
is_right('public.sized', ['id'], 'no rows here');
sql($node, 'INSERT INTO sized SELECT i, i FROM generate_series(1, 12000) i; ANALYZE sized');
sql($peer, 'TRUNCATE sized; INSERT INTO sized SELECT i, -i FROM generate_series(1, 12000) i');
is_right('public.sized', ['id'], 'every row differs');
sql($peer, 'UPDATE sized SET v = id WHERE id NOT IN (7, 8000); DELETE FROM sized WHERE id = 9');
is_right('public.sized', ['id'], 'few rows differ');
foreach my $leaf_rows (1, 1000000)
{
	sql($node, "ALTER DATABASE postgres SET steep_repl.leaf_rows = $leaf_rows");
	is_right('public.sized', ['id'], "leaves of $leaf_rows rows");
}
sql($node, 'ALTER DATABASE postgres RESET steep_repl.leaf_rows');
is(sql($node, "SELECT string_agg(key->>'id', ' ') FROM steep_repl.diff($connection, 'sized', p_limit => 2)"),
	'7 9', 'the first two');
is(sql($node, "SELECT count(*) FROM steep_repl.diff($connection, 'sized', p_limit => 0)"), '0', 'none');

# Which tables.
sql($_, <<'EOC') foreach $node, $peer;
CREATE SCHEMA many;
CREATE TABLE many.b (id int PRIMARY KEY);
CREATE TABLE many.a (id int PRIMARY KEY);
CREATE TABLE many."C" (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE many.part PARTITION OF many."C" DEFAULT;
CREATE VIEW many.seen AS SELECT 1;
CREATE PUBLICATION "Some" FOR TABLE many.b, many.part, public.single;
EOC
is( overlap([ 'single', 'many.*', 'public.single', 'publication:"Some"', 'many.b' ]),
	join("\n", 'single|1|1|2|2', 'many."C"|0|0|0|0', 'many.a|0|0|0|0', 'many.b|0|0|0|0',
		'public.single|1|1|2|2', 'many."C"|0|0|0|0', 'many.b|0|0|0|0', 'public.single|1|1|2|2',
		'many.b|0|0|0|0'),
	'one row an entry, in order, patterns sorted');
sql($peer, 'CREATE TABLE many.theirs (id int PRIMARY KEY)');
like(error_of($node, "SELECT steep_repl.assert_in_sync($connection, ARRAY['many.*'])"),
	qr/table "many.theirs" exists on peer ".*" only/, 'a table that only the peer has is not left out');

# No type of one name stands for another.
sql($node, 'CREATE DOMAIN day AS date; CREATE DOMAIN days AS day');
sql($peer, 'CREATE DOMAIN day AS int; CREATE DOMAIN days AS day');
create('calendar', 'id int PRIMARY KEY, d days', undef, q{VALUES (1, '2000-01-02')}, 'VALUES (1, 1)');
like(error_of($node, "SELECT steep_repl.assert_in_sync($connection, ARRAY['calendar'])"),
	qr/Column "d": public.days over date here, public.days over integer on the peer/,
	'domains over different types');

done_testing();
