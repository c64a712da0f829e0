# Merges of random tables that diverged at random do what a few lines of Perl
# over the nodes' rows say: both nodes equal, each row the strategy's, counts
# and decisions right.
#
# STEEP_SEED repeats a run, STEEP_MERGES says how many merges it has.
use SteepTest;

my $seed = $ENV{STEEP_SEED} // int(rand(2**31));
my $merges = $ENV{STEEP_MERGES} // 20;
srand($seed);
diag "STEEP_SEED=$seed";

my ($node, $peer) = start_pair(conf => "fsync = off\nlog_statement = none\n");
my $before = state_of($node, $peer);

both($node, $peer, q{
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy''');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]*$')});

my @words = ('', 'a', 'A', 'tab\\t', 'nul', 'back\\\\slash', 'quote"', "it''s", '(1,2)', '{a,b}', 'NULL', ' ', 'é', 'long' x 700, '$1', '\\n');

# Types, and SQL that draws one of few values, so that keys meet.
my %types = (
	int => sub { int(rand(12)) - 3 },
	bigint => sub { (int(rand(12)) - 3) * 10**12 },
	numeric => sub { pick('0', '0.0', '1', '1.0', '1.00', '-0.5', '1e30', 'NaN') . '' },
	'numeric(9,2)' => sub { pick('0', '1.5', '-2.25') },
	text => sub { pick(@words) },
	'varchar(5)' => sub { pick('', 'ab', 'abc  ', 'é') },
	'char(4)' => sub { pick('', 'ab', 'abcd') },
	float8 => sub { pick('0', '-0', '1e-300', 'NaN', '-Infinity', '0.1') },
	boolean => sub { pick('t', 'f') },
	date => sub { pick('2024-02-29', 'infinity', '4713-01-01 BC') },
	timestamptz => sub { pick('2024-10-27 02:30+02', '2024-10-27 02:30+01', '-infinity') },
	interval => sub { pick('1 day', '24 hours', '1 mon -1 day', '0') },
	bytea => sub { pick('\\\\x', '\\\\x00ff', '\\\\x5c') },
	uuid => sub { sprintf '00000000-0000-0000-0000-%012d', rand(9) },
	jsonb => sub { pick('{}', '{"a": 1.0}', '[1, "x\\\\u0041"]', 'null', '"\\\\\\\\"') },
	json => sub { pick('{}', '{"a":1}', '{"a": 1}') },
	'int[]' => sub { pick('{}', '{1,NULL,3}', '[0:1]={1,2}') },
	'text[]' => sub { pick('{}', '{"a,b",NULL,"\\\\""}', '{NULL}') },
	point => sub { pick('(0,0)', '(1,2)') },
	box => sub { pick('(2,2),(0,0)', '(1,4),(0,0)') },
	inet => sub { pick('127.0.0.1', '::1/64') },
	mood => sub { pick('sad', 'ok', "happy''") },
	pair => sub { pick('(1,)', '(,"x,y")', '(2,"")') },
	digits => sub { pick('', '1', '42') },
	int4range => sub { pick('[1,5)', 'empty', '(,3]') },
	xml => sub { pick('<a/>', '<a></a>') });
my @keys = ('int', 'bigint', 'numeric', 'text', 'varchar(5)', 'char(4)', 'float8', 'boolean', 'date', 'timestamptz',
	'bytea', 'uuid', 'int[]', 'text[]', 'mood', 'digits', 'inet', 'interval', 'pair', 'int4range');
my @names = ('a', 'B', 'c d', 'e"f', 'select', "it's", '$1', 'x.y', 'k1', 'n', 'digest', 'w', 't', 'r', 'p');

sub pick
{
	return $_[ rand(@_) ];
}

sub shuffle
{
	my @in = @_;
	my @out;
	push @out, splice @in, rand(@in), 1 while @in;
	return @out;
}

sub ident
{
	return '"' . ($_[0] =~ s/"/""/gr) . '"';
}

# Draw a table: its columns, [name, type], of which the first are the key.
sub draw_table
{
	my ($parent) = @_;
	my @drawn = shuffle(@names);
	my @key = map { [ shift @drawn, pick(@keys) ] } 1 .. 1 + int(rand(1.6));
	my @rest = map { [ shift @drawn, pick(sort keys %types) ] } 1 .. int(rand(6));

	return { name => 'public.' . ident(pick('t', 'T 1', 'o"o') . ($parent ? ' child' : '')), key => \@key, rest => \@rest, parent => $parent,
		shape => pick('primary', 'primary', 'primary', 'unique', 'none', 'partitioned') };
}

# Create it on one node, its columns in some order, with some dropped.
sub create
{
	my ($n, $t, $shape) = @_;
	my %key = map { $_->[0] => 1 } @{ $t->{key} };
	my $list = join ', ', map { ident($_->[0]) } @{ $t->{key} };
	my @columns = map { ident($_->[0]) . " $_->[1]" . ($key{ $_->[0] } && $shape ne 'none' ? ' NOT NULL' : '') } @{ $t->{key} }, @{ $t->{rest} };
	my @dropped = map { "gone$_ int" } 1 .. rand(3);

	push @columns, map { "parent$_ $t->{parent}{key}[$_][1]" } 0 .. $#{ $t->{parent}{key} } if $t->{parent};
	my $sql = "CREATE TABLE $t->{name} (" . join(', ', shuffle(@columns, @dropped), $shape eq 'unique' ? "UNIQUE ($list)" : $shape eq 'none' ? () : "PRIMARY KEY ($list)");
	if ($t->{parent})
	{
		$sql .= ', FOREIGN KEY (' . join(', ', map { "parent$_" } 0 .. $#{ $t->{parent}{key} }) . ") REFERENCES $t->{parent}{name} ("
		  . join(', ', map { ident($_->[0]) } @{ $t->{parent}{key} }) . ') DEFERRABLE INITIALLY DEFERRED';
	}
	$sql .= ')';
	$sql .= ' PARTITION BY HASH (' . ident($t->{key}[0][0]) . '); ' . join '; ', map { "CREATE TABLE public.part$_ PARTITION OF $t->{name} FOR VALUES WITH (MODULUS 2, REMAINDER $_)" } 0, 1
	  if $shape eq 'partitioned';
	sql($n, "SET client_min_messages = error; $sql; " . join '; ', map { "ALTER TABLE $t->{name} DROP COLUMN " . (split / /)[0] } @dropped);
	return;
}

# SQL that inserts a row of random values.
sub insert
{
	my ($t) = @_;
	my @columns = (@{ $t->{key} }, @{ $t->{rest} });
	my $n = 0;
	my @values = map { $n++ >= @{ $t->{key} } && rand() < 0.2 ? 'NULL' : literal($_->[1]) } @columns;
	my @names = map { ident($_->[0]) } @columns;
	my $parents = '';

	if ($t->{parent})
	{
		push @names, map { "parent$_" } 0 .. $#{ $t->{parent}{key} };
		push @values, map { "p.\"$_->[0]\"" =~ s/"(.*)"/ident($1)/er } @{ $t->{parent}{key} };
		$parents = " FROM $t->{parent}{name} p ORDER BY random() LIMIT 1";
	}
	return "INSERT INTO $t->{name} (" . join(', ', @names) . ') SELECT ' . join(', ', @values) . "$parents";
}

sub literal
{
	my ($type) = @_;

	return "E'" . $types{$type}->() . "'::$type";
}

# Rows of both nodes, then changes on either.
sub fill
{
	my ($t) = @_;
	my $rows = pick(0, 5, 15, 60);
	my $guard = 'EXCEPTION WHEN unique_violation THEN NULL; END';
	my @same = map { insert($t) } 1 .. $rows;
	my @both = $t->{parent} ? () : @same;
	my $seed = rand() * 2 - 1;

	foreach my $n ($node, $peer)
	{
		my @own = map { insert($t) } 1 .. rand($rows);
		my @all = $t->{parent} ? (@same, @own) : rand() < 0.15 ? () : (@both, @own);
		my $unique = $t->{shape} eq 'none' ? "CREATE UNIQUE INDEX guard ON $t->{name} (" . join(', ', map { ident($_->[0]) } @{ $t->{key} }) . ');' : '';
		my $change = join '', map { $_->[1] =~ /^(xml|json|point|box)$/ ? () : ident($_->[0]) . ' = ' . literal($_->[1]) . ', ' } @{ $t->{rest} };

		sql($n, "SET client_min_messages = error; SELECT setseed($seed); $unique DO \$do\$ BEGIN "
			  . join(' ', map { "BEGIN $_; $guard;" } @all) . " END \$do\$; "
			  . ($unique ? 'DROP INDEX guard;' : '')
			  . ($change ? "UPDATE $t->{name} SET " . ($change =~ s/, $//r) . ' WHERE random() < 0.2;' : '')
			  . ($rows && rand() < 0.4 ? 'ANALYZE' : ''));
	}
	return;
}

# Keys are equal as their type says, not as they print.
sub fold
{
	my ($t, $text) = @_;
	my @fields = split /\t/, $text, -1;

	foreach my $i (0 .. $#{ $t->{key} })
	{
		my $type = $t->{key}[$i][1];
		$fields[$i] =~ s/\.?0+$// if $type eq 'numeric' && $fields[$i] =~ /\./;
		$fields[$i] = '0' if $type =~ /^(numeric|float8)$/ && $fields[$i] =~ /^-?0?$/;
		$fields[$i] = '1 day' if $type eq 'interval' && $fields[$i] eq '24:00:00';
	}
	return join "\t", @fields;
}

sub compare
{
	my ($t) = @_;

	return compare_tables($node, $peer, $t->{name}, [ map { $_->[0] } @{ $t->{key} } ], key_text => sub { fold($t, $_[0]) });
}

foreach my $i (1 .. $merges)
{
	my @tables = draw_table();
	my $strategy = pick('prefer-local', 'prefer-remote');
	my $batch = pick(1, 3, 7, 5000);
	my %want = (local_only => 0, remote_only => 0, match => 0, conflict => 0);

	$tables[0]{shape} = 'primary' if rand() < 0.4 && push @tables, draw_table($tables[0]);
	foreach my $t (@tables)
	{
		create($node, $t, $t->{shape});
		create($peer, $t, $t->{shape} eq 'partitioned' && rand() < 0.5 ? 'primary' : $t->{shape});
		fill($t);
		$t->{before} = compare($t);
		$want{$_} += $t->{before}{$_} foreach keys %want;
	}
	my $keys = join ', ', map { my $t = $_; json($t->{name}) . ': [' . join(', ', map { json($_->[0]) } @{ $t->{key} }) . ']' } grep { $_->{shape} eq 'none' } @tables;
	my $row = run_merge($node, $peer, [ shuffle(map { $_->{name} } @tables) ], strategy => $strategy,
		options => "{\"batch_size\": $batch, \"primary_keys\": {$keys}}");
	my $name = "merge $i, $strategy by $batch: " . join ', ', map { "$_->{shape} (" . join(' ', map { $_->[1] } @{ $_->{key} }) . ')' } @tables;
	my @wrong;

	is_merged($row, join('|', @want{qw(local_only remote_only match conflict)}, $want{remote_only} + ($strategy eq 'prefer-remote' ? $want{conflict} : 0),
		$want{local_only} + ($strategy eq 'prefer-local' ? $want{conflict} : 0)), $name);
	foreach my $t (@tables)
	{
		my $after = table_rows($node, $t->{name}, [ map { $_->[0] } @{ $t->{key} } ], key_text => sub { fold($t, $_[0]) });

		push @wrong, "$t->{name}: nodes differ" if %{ compare($t)->{rows} };
		foreach my $key (keys %{ $t->{before}{rows} })
		{
			my ($category, $here, $there) = @{ $t->{before}{rows}{$key} };
			my $wins = $category eq 'local_only' ? $here : $category eq 'remote_only' ? $there : $strategy eq 'prefer-local' ? $here : $there;

			push @wrong, "$t->{name} $key: got $after->{$key}, not $wins" if ($after->{$key} // '') ne $wins;
		}
	}
	push @wrong, sql($node, "SELECT format('%s decisions', count(*)) FROM steep_repl.merge_decisions
		WHERE merge_id = '$row->{merge_id}' HAVING count(*) FILTER (WHERE state = 'applied' AND (local_row IS NULL) = (category = 'remote_only')
		AND (remote_row IS NULL) = (category = 'local_only')) <> $want{local_only} + $want{remote_only} + $want{conflict}") || ();
	is_deeply(\@wrong, [], "$name: each row is right") || diag "STEEP_SEED=$seed";
	both($node, $peer, 'SET client_min_messages = error; ' . join ';', map { "DROP TABLE $_->{name} CASCADE" } reverse @tables);
}

sub json
{
	return '"' . ($_[0] =~ s/(["\\])/\\$1/gr) . '"';
}
is_unleaked($before, 'nothing is left behind');
done_testing();
