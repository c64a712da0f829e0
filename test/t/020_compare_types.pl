# Every type of the server: what prints alike is equal, all else is not; a
# snapshot holds it as COPY writes it, and gives it to the other node.
use SteepTest;
use SteepTest::Snapshot;

# Values by type. A reference is an SQL expression, anything else a literal;
# null is tried with every type.
my %values = (
	'bool' => [ 't', 'f' ],
	'bytea' => [
		'', '\x00', '\x0000', '\x5c', '\x78', 'a\\000b',
		\q{decode(repeat('00', 3000), 'hex')},
		\q{decode(repeat('00', 2999) || '01', 'hex')} ],
	'"char"' => [ '', 'a', 'A', ' ', '\\', '\\200', '\\377' ],
	'name' => [ '', 'a', 'A', 'a ', 'x' x 63, '\\N', 'a"b' ],
	'int2' => [ 0, -1, 32767, -32768 ],
	'int4' => [ 0, -1, 2147483647, '-2147483648', 1 ],
	'int8' => [ 0, -1, '9223372036854775807', '-9223372036854775808', '4294967295' ],
	'oid' => [ 0, 1, '4294967295' ],
	'xid' => [ 0, '4294967295' ],
	'cid' => [ 0, '4294967295' ],
	'xid8' => [ 0, '18446744073709551615' ],
	'tid' => [ '(0,1)', '(0,2)', '(4294967295,65535)' ],
	'oidvector' => [ '', '1', '1 2', '2 1' ],
	'int2vector' => [ '', '1', '1 2', '-1' ],
	'regproc' => [ 'now', '-', '0', '4294967295', 'public.same_name' ],
	'regprocedure' => [ 'abs(integer)', 'abs(bigint)', '-', 'public.same_name()' ],
	'regoper' => [ '||/', '0', '4294967295' ],
	'regoperator' => [ '+(integer,integer)', '+(bigint,bigint)', '0' ],
	'regclass' => [ 'pg_class', '-', '4294967295', 'public."Some table"', 'public.other' ],
	'regcollation' => [ '"C"', '"default"', '-' ],
	'regtype' => [ 'integer', 'integer[]', '-', 'public.mood', 'character varying' ],
	'regrole' => [ 'admin', '-', 'second', 'third', '4294967295' ],
	'regnamespace' => [ 'public', 'pg_catalog', '"Odd schema"', '4294967295' ],
	'regconfig' => [ 'simple', 'english', '-' ],
	'regdictionary' => [ 'simple', 'english_stem', '-' ],
	'aclitem' => [ '=r/admin', 'second=r/admin', 'second=r*/admin', 'third=r/admin' ],
	'text' => [
		'', ' ', 'a', 'A', 'a ', "a\tb\nc\r\\", '\\N', 'NULL', '"', "'", '()', ',', '{}',
		"\xc3\xa4", "a\xcc\x88", 'ss', "\xc3\x9f", 'x' x 1024, 'x' x 1025, 'x' x 2000,
		'x' x 1999 . 'y' ],
	'varchar' => [ '', 'a', 'a ', ' a', "\x01" ],
	'bpchar' => [ '', 'a', 'a ', 'a  ' ],
	'refcursor' => [ '', 'a', 'A' ],
	'json' => [
		'{"a":1}', '{"a": 1}', '{"a":1,"a":2}', ' {"a":1}', 'null', '"null"', '1', '1.0',
		'"\u0000"' ],
	'jsonb' => [
		'null', '"null"', '{}', '[]', '[[]]', '[{}]', '1', '1.0', '1.00', '"1"', '-0', '0',
		'0.0', 'true', '"true"', '""', '{"a":1}', '{"a":1.0}', '{"b":1}', '{"a":{"b":1}}',
		'{"a":1,"b":{}}', '[1,[2]]', '[[1],2]', '[1,2]', '1e400', '["a","b"]', '["ab"]',
		\q{jsonb_build_array(repeat('x', 3000))},
		\q{jsonb_build_array(repeat('x', 2999) || 'y')} ],
	'jsonpath' => [ '$', '$.a', 'strict $.a', '$[*] ? (@ > 1)', '$."a b"' ],
	'xml' => [ '', 'x', '<a/>', '<a></a>', '<a> </a>', '<?xml version="1.0"?><a/>', '<!--c-->' ],
	'numeric' => [
		'NaN', 'Infinity', '-Infinity', '0', '0.0', '0.00', '-0', '1', '1.0', '1.00', '-1',
		'10000', '10000.0', '1e-20', '0.1', '1e20', '1e1000', '12345678901234567890.123456789',
		\q{1e4000 + 1} ],
	'float4' => [
		'NaN', 'Infinity', '-Infinity', '0', '-0', '1e-45', '3.4028235e38', '0.1', '0.10000002',
		\q{'-NaN'::float8::float4} ],
	'float8' => [
		'NaN', 'Infinity', '-Infinity', '0', '-0', '5e-324', '1.7976931348623157e308', '0.3',
		\q{0.1::float8 + 0.2::float8}, '1e15', \q{'Infinity'::float8 - 'Infinity'::float8} ],
	'money' => [ '0', '1', '1.00', '-0.01', '92233720368547758.07' ],
	'date' => [
		'infinity', '-infinity', '4713-01-01 BC', '0001-12-31 BC', '0001-01-01', '5874897-12-31',
		'2000-01-01', '2000-02-29' ],
	'time' => [ '00:00', '24:00', '00:00:00.000001', '23:59:59.999999' ],
	'timetz' => [ '12:00+00', '13:00+01', '12:00+01', '12:00-15:59:59', '24:00+00' ],
	'timestamp' => [
		'infinity', '-infinity', '4713-01-01 00:00 BC', '0001-01-01 BC', '2000-01-01',
		'2000-01-01 00:00:00.000001', '294276-12-31 23:59:59.999999', '2021-03-28 02:30',
		'1999-12-31 23:59:59.999999' ],
	'timestamptz' => [
		'infinity', '-infinity', '4713-01-02 00:00+00 BC', '2021-10-31 02:30+01',
		'2021-10-31 02:30+02', '2021-10-31 00:30+00', '2021-03-28 01:00+00',
		'2021-03-28 00:59:59.999999+00', '1883-11-18 12:03:57-05', '294276-12-31 23:59+00' ],
	'interval' => [
		'0', '1 day', '24:00', '1 mon', '30 days', '-1 days', '1 day -24:00', '1 year', '12 mons',
		'-00:00:00.000001', '-178000000 years', '0.000001s' ],
	'uuid' => [
		'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
		'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' ],
	'inet' => [
		'10.0.0.1', '10.0.0.1/32', '10.0.0.1/8', '10.0.0.0/8', '::1', '::1/0', '::ffff:10.0.0.1' ],
	'cidr' => [ '10.0.0.0/8', '10.0.0.0/32', '10.0.0.0/9', '::/0', '0.0.0.0/0' ],
	'macaddr' => [ '00:00:00:00:00:00', '08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff' ],
	'macaddr8' => [ '00:00:00:00:00:00:00:00', '08:00:2b:ff:fe:01:02:03' ],
	'bit' => [ '0', '1' ],
	'varbit' => [ '', '0', '00', '000000000', '00000000', '1', '10' ],
	'point' => [ '0,0', '-0,0', '1,2', 'NaN,1', 'Infinity,-Infinity', '1.0000000001,2' ],
	'lseg' => [ '(0,0),(1,1)', '(1,1),(0,0)', '(0,0),(1,1.0000000001)' ],
	'path' => [ '[(0,0),(1,1)]', '((0,0),(1,1))', '[(1,1),(0,0)]', '((0,0))' ],
	'box' => [ '(2,2),(0,0)', '(4,1),(0,0)', '(1,4),(0,0)', '(0,0),(0,0)' ],
	'polygon' => [ '((0,0),(1,1),(1,0))', '((1,1),(1,0),(0,0))', '((0,0))' ],
	'line' => [ '{1,2,3}', '{2,4,6}', '{-1,-2,-3}' ],
	'circle' => [ '<(0,0),1>', '<(1,0),1>', '<(0,0),0>', '<(-0,0),1>' ],
	'pg_lsn' => [ '0/0', '0/1', '1/0', 'FFFFFFFF/FFFFFFFF' ],
	'txid_snapshot' => [ '1:1:', '10:20:10,14', '10:20:' ],
	'pg_snapshot' => [ '1:1:', '10:20:10,14', '10:20:' ],
	'tsvector' => [ '', 'a', 'a:1', 'a:1A', 'a:1,2', "'a b'", 'a b', "'a''b'" ],
	'tsquery' => [ '', 'a', '!a', 'a&b', 'a|b', 'a<->b', 'a<2>b', 'a:*', 'a:B', 'a:AB', "'a b'" ],
	'int4range' => [ 'empty', '[1,2]', '[1,3)', '(,)', '[1,)', '(,1]', '(1,3)' ],
	'int8range' => [ 'empty', '[1,2]', '(,)', '[1,)' ],
	'numrange' => [ 'empty', '[1,2]', '[1.0,2]', '[1,2)', '(1,2)', '(,)' ],
	'tsrange' => [ 'empty', '[2000-01-01,2000-01-02)', '[2000-01-01,infinity]', '(,)' ],
	'tstzrange' => [
		'empty', '[2000-01-01 00:00+00,)', '[2000-01-01 01:00+01,)', '[2000-01-01 00:00+01,)' ],
	'daterange' => [ 'empty', '[2000-01-01,2000-01-02]', '[2000-01-01,)' ],
	'int4multirange' => [ '{}', '{[1,3)}', '{[1,2],[4,5]}', '{(,)}' ],
	'int8multirange' => [ '{}', '{[1,3)}', '{[1,2],[4,5]}' ],
	'nummultirange' => [ '{}', '{[1,3)}', '{[1.0,3)}', '{[1,2],[4,5]}' ],
	'tsmultirange' => [ '{}', '{[2000-01-01,2000-01-02)}' ],
	'tstzmultirange' => [ '{}', '{[2000-01-01 00:00+00,)}', '{[2000-01-01 00:00+01,)}' ],
	'datemultirange' => [ '{}', '{[2000-01-01,2000-01-02]}' ],
	'pg_node_tree' => [ map { \"(SELECT adbin FROM pg_attrdef WHERE adrelid = 'public.defaults'::regclass AND adnum = $_)" } 1, 2 ],
	'pg_ndistinct' => from_statistics('stxdndistinct'),
	'pg_dependencies' => from_statistics('stxddependencies'),
	'pg_mcv_list' => from_statistics('stxdmcv'),

	# Nothing reads these in.
	'gtsvector' => [],
	'pg_brin_bloom_summary' => [],
	'pg_brin_minmax_multi_summary' => [],

	# Types with a modifier, of extensions and of users.
	'char(3)' => [ '', 'a', 'a ', 'abc' ],
	'varchar(3)' => [ '', 'a', 'a  ' ],
	'numeric(10,2)' => [ '1', '1.005', '-1' ],
	'bit(3)' => [ '000', '101' ],
	'timestamp(0)' => [ '2000-01-01 00:00:00.4', '2000-01-01 00:00:00.6' ],
	'interval day to minute' => [ '1 day', '24:00' ],
	'public.citext' => [ '', 'a', 'A', "\xc3\xa4" ],
	'public.hstore' => [ '', 'a=>1', 'a=>NULL', 'a=>"NULL"', 'b=>1,a=>2', '"a "=>1' ],
	'public.mood' => [ 'sad', 'ok', 'happy', '"', ' ok' ],
	'public."Positive"' => [ 1, 2 ],
	'public.moody' => [ 'sad', 'ok' ],
	'public.moods' => [ '{}', '{sad,ok}', '{ok,sad}', '{NULL}', '[0:0]={ok}' ],
	'public.moods[]' => [ '{}', '{"{ok}","{sad}"}', '{"{ok,sad}"}', '{NULL}' ],
	'public.address' => [
		'(,,,,)', '("",,,,)', '("(",1.0,ok,2000-01-01,$1.00)', '("(",1.00,ok,2000-01-01,$1.00)',
		'("\\"",1,sad,infinity,)', '(a,,,"2000-01-01 00:00+01",$2.00)' ],
	'public.person' => [
		'(,)', '("(,,,,)",)', '("(a,1,ok,,)","{""(,,,,)"",NULL}")',
		'("(a,1,ok,,)","[0:1]={""(,,,,)"",NULL}")' ],
	'public.moodrange' => [ 'empty', '[ok,happy]', '[ok,happy)', '(,)' ],
	'public.textrange' => [ 'empty', '[a,b]', '(a,b]', '["",]', '["a b",)' ],
	'public.textmultirange' => [ '{}', '{[a,b)}', '{[a,b),[c,d)}' ],
	'public.wide' => [ \q{repeat('ab', 500000)}, \q{repeat('ab', 499999) || 'ac'} ],

	# The same print from other bytes.
	'int8[]' => [
		'{1,2}', \q{array_replace(array_replace('{1,2}'::int8[], 2, NULL), NULL, 2)},
		\q{array_remove('{1,2,NULL}'::int8[], NULL)}, '[1:2]={1,2}', '[0:1]={1,2}', '{}',
		'[1:1][2:3]={{1,2}}', '{{1,2}}', '{NULL,1}' ],
	'oidvector[]' => [ '{}', '{"1 2","3"}', '{"1","2 3"}' ],
	'int2vector[]' => [ '{}', '{"1 2","3"}', '{"1","2 3"}' ]);

sub from_statistics
{
	my ($column) = @_;

	return [
		map {
			\(      "(SELECT $column FROM pg_statistic_ext_data JOIN pg_statistic_ext s"
				  . " ON s.oid = stxoid WHERE stxname = '$_')")
		} qw(one two)
	];
}

$ENV{LANG} = 'C.UTF-8';
my ($node, $peer) = start_pair();
$values{interval} = [ @{ $values{interval} }, 'infinity', '-infinity' ]
  if older_release($node, $peer) >= 170000;

# Objects whose OIDs differ between the nodes.
my @objects = (
	'CREATE ROLE second', 'CREATE ROLE third', 'CREATE SCHEMA "Odd schema"',
	'CREATE TABLE "Some table" ()', 'CREATE TABLE other ()',
	'CREATE FUNCTION same_name() RETURNS int LANGUAGE sql AS $$SELECT 1$$');
sql($node, join ";\n", @objects);
sql($peer, join ";\n", 'CREATE TABLE first ()', reverse @objects);
sql($node, q{CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', '"', ' ok')});
sql($peer, q{CREATE TYPE mood AS ENUM (' ok', '"', 'ok', 'happy')});
sql($peer, q{ALTER TYPE mood ADD VALUE 'sad' BEFORE 'ok'});
foreach my $n ($node, $peer)
{
	sql($n, <<'EOC');
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE DOMAIN "Positive" AS int CHECK (VALUE > 0);
CREATE DOMAIN mood_domain AS mood;
CREATE DOMAIN moody AS mood_domain;
CREATE DOMAIN moods AS mood[];
CREATE TYPE address AS (street text, "No" numeric, mood mood, since timestamptz, rent money);
CREATE TYPE person AS (home address, others address[]);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE DOMAIN wide AS text;
CREATE TABLE defaults (a int DEFAULT 1, b text DEFAULT 'two');
CREATE TABLE measured AS SELECT i % 2 AS a, i % 4 AS b, i AS c FROM generate_series(1, 100) i;
CREATE STATISTICS one ON a, b FROM measured;
CREATE STATISTICS two ON b, c FROM measured;
ANALYZE measured;
EOC
}
# A range over the enum has another order on each node, so its values are
# chosen to be ranges on both.
sql($_, 'CREATE TYPE moodrange AS RANGE (subtype = mood)') foreach $node, $peer;

# No type of the server is forgotten.
my @forgotten = grep { !exists $values{$_} } split /\n/, sql($node, <<'EOC');
SELECT CASE typname WHEN 'char' THEN '"char"' ELSE typname END FROM pg_type
WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'd', 'e', 'r', 'm')
	AND typcategory <> 'A' OR typname IN ('oidvector', 'int2vector')
EOC
is_deeply(\@forgotten, [], 'every type of the server has values');

# For each type a table with a row for each pair of values, x here and y there.
my %without_array = map { $_ => 1 } split /\n/,
  sql($node, q{SELECT typname FROM pg_type WHERE typarray = 0});
my @tables;
my $script = '';
foreach my $type (sort keys %values)
{
	add_tables($type, 'VALUES ' . join ', ', "(0, NULL::$type)",
		map { '(0, ' . (ref $_ ? $$_ : quote($_)) . "::$type)" } @{ $values{$type} });
	next if $type =~ /\(|\[|interval d|wide/ || $values{"$type\[]"} || !@{ $values{$type} }
	  || $without_array{$type};
	my $from = sprintf '(SELECT v FROM public."values of %s" WHERE v IS NOT NULL) AS v',
	  $type =~ s/"/""/gr;
	add_tables("$type\[]", <<"EOC");
SELECT 0, NULL::$type\[]
UNION ALL SELECT 0, '{}'
UNION ALL SELECT 0, '{NULL}'
UNION ALL SELECT 0, array_agg(v) FROM $from
UNION ALL SELECT 0, array_agg(v) || NULL FROM $from
UNION ALL (SELECT 0, ARRAY[v] FROM $from LIMIT 3)
UNION ALL (SELECT 0, array_fill(v, ARRAY[1], ARRAY[-3]) FROM $from LIMIT 1)
UNION ALL (SELECT 0, ARRAY[ARRAY[v, v]] FROM $from LIMIT 1)
EOC
}

# One table has a column of every type.
my $all = 'public."all of them"';
my $columns = join ', ', map { qq("$_" ) . $tables[$_]{type} } 0 .. $#tables;
my $row = join ', ', map {
	qq((SELECT v FROM $tables[$_]{values} WHERE i = k %% (SELECT count(*) FROM $tables[$_]{values})))
} 0 .. $#tables;
$script .= "CREATE TABLE $all (k int PRIMARY KEY, $columns);\n";
sql($node, $script =~ s/<SIDE>/x/gr . "INSERT INTO $all SELECT k, "
	  . ($row =~ s/%%/%/gr) . ' FROM generate_series(0, 30) k');
sql($peer, $script =~ s/<SIDE>/y/gr . "INSERT INTO $all SELECT k, "
	  . ($row =~ s/k %%/(k + (k % 7 = 0)::int) %/gr) . ' FROM generate_series(1, 31) k');

sub add_tables
{
	my ($type, $query) = @_;
	my $name = $type =~ s/"/""/gr;
	my $values = qq(public."values of $name");
	my $pairs = qq(public."pairs of $name");

	push @tables, { type => $type, values => $values, pairs => $pairs };
	$script .= <<"EOC";
CREATE TABLE $values (i int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), n int, v $type);
INSERT INTO $values (n, v) $query;
CREATE TABLE $pairs (id int PRIMARY KEY, v $type);
INSERT INTO $pairs SELECT x.i * 100 + y.i, <SIDE>.v FROM $values x, $values y;
EOC
	return;
}

# The oracle: both sides' COPY under pinned settings.
my $pinned = <<'EOC';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET lc_monetary = 'C';
SET search_path = pg_catalog;
EOC
my @names = ($all, map { $_->{pairs} } @tables);
my %columns = ($all => [ 'k', 0 .. $#tables ]);
$columns{$_} = [ 'id', 'v' ] foreach map { $_->{pairs} } @tables;
my ($here, $there) = map { copied_rows($_) } $node, $peer;
my %expected = map { $_ => compare_rows($_, $here->{$_}, $there->{$_}) } @names;

# Reads all tables of a node in one session: by name and key, values as COPY
# writes them.
sub copied_rows
{
	my ($n) = @_;
	my %rows;
	my $table;
	my $copies = join '', map { "\\echo == $_\nCOPY $_ TO STDOUT;\n" } @names;

	foreach my $line (split /\n/, sql($n, $pinned . $copies))
	{
		if ($line =~ /^== (.*)/)
		{
			$table = $1;
			next;
		}
		my @values = split /\t/, $line, -1;
		$rows{$table}{ $values[0] } = \@values;
	}
	return \%rows;
}

# Returns the counts and, for each row that is no match, the line that
# found_rows() is to return.
sub compare_rows
{
	my ($table, $here, $there) = @_;
	my @nothing = ('\\N') x @{ $columns{$table} };
	my %count = map { $_ => 0 } qw(local_only remote_only match conflict);
	my @lines;

	foreach my $key (sort { $a <=> $b } keys %{ { %$here, %$there } })
	{
		my ($x, $y) = ($here->{$key}, $there->{$key});
		my @changed =
		  $x && $y ? grep { $x->[$_] ne $y->[$_] } 0 .. $#$x : ();
		my $category =
		  !$y ? 'local_only' : !$x ? 'remote_only' : @changed ? 'conflict' : 'match';

		$count{$category}++;
		next if $category eq 'match';
		push @lines, join "\t", $table, $key, $category,
		  $x && $y ? join(' ', sort map { $columns{$table}[$_] } @changed) : '\\N',
		  @{ $x // \@nothing }, @{ $y // \@nothing };
	}
	return {
		counts => join('|', $table, @count{qw(local_only remote_only match conflict)}),
		lines => \@lines
	};
}

# Writes what diff() finds in a table with COPY.
sub diff_sql
{
	my ($connection, $table) = @_;
	my @values = map {
		my $row = $_;
		map { "$row->>'$_'" } @{ $columns{$table} }
	} qw(local_row remote_row);

	return sprintf <<'EOC', quote($table), $columns{$table}[0], join(', ', @values), $connection, quote($table);
COPY (SELECT %s, key->>'%s', category, (SELECT string_agg(c, ' ' ORDER BY c COLLATE "C") FROM unnest(changed_columns) c), %s
	FROM steep_repl.diff(%s, %s)) TO STDOUT;
EOC
}

# Compares all tables, counts and rows, with what is expected.
sub is_right
{
	my ($name, $notice) = @_;
	my $connection = quote(conninfo($peer, host => $peer->host));
	my $list = join ', ', map { quote($_) } @names;
	my (undef, $out, $err) = $node->psql('postgres',
		"SELECT * FROM steep_repl.analyze_overlap($connection, ARRAY[$list]);\n"
		  . join '', map { diff_sql($connection, $_) } @names);
	my @expected = (
		(map { $expected{$_}{counts} } @names),
		map { @{ $expected{$_}{lines} } } @names);
	my @found = split /\n/, $out;
	my @wrong = grep { ($expected[$_] // '') ne ($found[$_] // '') } 0 .. $#expected;

	like($err, $notice, "$name: what is said");
	is(scalar @found, scalar @expected, "$name: number of counts and rows");
	is(scalar @wrong, 0, "$name: counts and rows");
	diag sprintf "expected %.1000s\nfound %.1000s\n", $expected[$_], $found[$_] // ''
	  foreach splice @wrong, 0, 5;
	return;
}

is_right('native', qr/^$/);

# What sessions are set to changes nothing.
my @here = (
	"TimeZone = 'America/St_Johns'", "DateStyle = 'SQL, DMY'", "IntervalStyle = 'iso_8601'",
	'extra_float_digits = -15', "bytea_output = 'escape'", "xmlbinary = 'hex'",
	"search_path = public, pg_catalog", 'quote_all_identifiers = on',
	'standard_conforming_strings = off', 'array_nulls = off', 'transform_null_equals = on');
my @there = (
	"TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German'", "IntervalStyle = 'sql_standard'",
	'extra_float_digits = 0', "bytea_output = 'escape'", "xmloption = 'document'",
	"search_path = \"Odd schema\", public", 'quote_all_identifiers = on',
	'standard_conforming_strings = off', 'default_transaction_read_only = on',
	"default_transaction_isolation = 'serializable'", "client_encoding = 'latin1'");
sql($node, join ";\n", map { "ALTER DATABASE postgres SET $_" } @here);
sql($peer, join ";\n", map { "ALTER ROLE admin SET $_" } @there);
is_right('hostile settings', qr/^(WARNING:.*escape.*\n|LINE.*\n|HINT.*\n|\s*\^?\n?)*$/);

sql($peer, 'DROP EXTENSION steep_repl');
is_right('stock SQL', qr/NOTICE:.*stock SQL/);

# A snapshot holds what COPY writes, however the two get at it.
my $snapshot = PostgreSQL::Test::Utils::tempdir . '/s';
my $written = run_snapshot($node, $snapshot, compression => 'zstd', options => '{"tables": ["public.\\"all of them\\""]}');
is($written->{status}, 'complete', 'every type is written to a snapshot') or diag $written->{error_message};
my $unpack = unpack_command($snapshot, read_manifest($snapshot)->{tables}[0]);
is_deeply([ sort split /\n/, `$unpack` ], [ sort map { join "\t", @$_ } values %{ $here->{$all} } ], 'as COPY writes it');

# Applied on the other node, or another release, whatever sessions are set to
# there.  Nothing reads statistics and trees in.
my ($from, $to) = sort { sql($a, 'SHOW server_version_num') <=> sql($b, 'SHOW server_version_num') } $node, $peer;
my @unread = grep { $tables[$_]{type} =~ /^(pg_node_tree|pg_ndistinct|pg_dependencies|pg_mcv_list|gtsvector|pg_brin_.*)$/ } 0 .. $#tables;
sql($from, "ALTER TABLE $all " . join ', ', map { qq(DROP "$_") } @unread);
sql($to, "DROP TABLE $all");
sql($peer, 'CREATE EXTENSION steep_repl');
is(run_snapshot($from, "$snapshot-2", compression => 'zstd', options => '{"tables": ["public.\\"all of them\\""]}')->{status}, 'complete', 'every type that is read in is written');
my $applied = run_apply($to, "$snapshot-2");
is($applied->{status}, 'complete', 'and applied') or diag $applied->{error_message};
sql($node, 'ALTER DATABASE postgres RESET ALL');
@names = $all;
is_deeply(copied_rows($to), copied_rows($from), 'all values are the same to COPY');

done_testing();
