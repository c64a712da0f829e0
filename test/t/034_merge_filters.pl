# A merge of some rows ("where") and some columns ("exclude"): these are equal
# afterwards, and all others are as they were.
use SteepTest;

my ($node, $peer) = start_pair();
my $before = state_of($node, $peer);
my $row;

# Rows as "key:columns", in the order of the keys.
sub rows
{
	my ($where, $table, $columns) = @_;

	return sql($where, "SELECT string_agg(concat_ws(':', $columns), ' ' ORDER BY id) FROM $table");
}

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, region text, x text)');

# Of the rows in eu 1 and 9 are on one node, 3 differs and 7 is the same; 5 and
# 6 are in eu on one node only.
sub diverge
{
	both($node, $peer, 'TRUNCATE t');
	sql($node, q{INSERT INTO t VALUES (1, 'eu', 'h'), (2, 'us', 'h'), (3, 'eu', 'h'), (4, 'us', 'h'), (5, 'eu', 'h'), (6, 'us', 'h')});
	sql($peer, q{INSERT INTO t VALUES (3, 'eu', 'p'), (4, 'us', 'p'), (5, 'us', 'p'), (6, 'eu', 'p'), (9, 'eu', 'p'), (10, 'us', 'p')});
	both($node, $peer, q{INSERT INTO t VALUES (7, 'eu', 's'), (8, 'us', 's')});
	return;
}

# Rows.  The condition is the same in many spellings, some of which look like
# parameters, ends and other literals of ours.
foreach my $condition (
	q{region = 'eu'}, q{t."region" OPERATOR(pg_catalog.=) 'eu' -- ')}, q{region = $$eu$$}, q{region = $a$eu$a$ AND x <> '$1'},
	q{region = E'e\\165' AND x <> E'it\\'s $1'}, q{region = 'eu' /* '"( $2 /* */ */}, qq{region\n=\n'eu'}, q{"region" LIKE 'e%' OR x = '"$3'},
	q{CASE region WHEN 'eu' THEN true END}, q{region = U&'\\0065u'}, q{t.region = 'eu' AND t IS NOT NULL}, q{tableoid > 0 AND region = 'eu'})
{
	diverge();
	$row = run_merge($node, $peer, ['t'], options => options(where => { t => $condition }));
	is_merged($row, '1|1|1|3|1|4', "where $condition: counts");
	is(rows($node, 't', 'id, region, x'), '1:eu:h 2:us:h 3:eu:h 4:us:h 5:eu:h 6:us:h 7:eu:s 8:us:s 9:eu:p', 'this node');
	is(rows($peer, 't', 'id, region, x'), '1:eu:h 3:eu:h 4:us:p 5:eu:h 6:us:h 7:eu:s 8:us:s 9:eu:p 10:us:p', 'the peer');
}
diverge();
$row = run_merge($node, $peer, ['t'], strategy => 'prefer-remote', options => options(where => { 'public.t' => q{region = 'eu'} }));
is_merged($row, '1|1|1|3|4|1', 'prefer-remote: counts');
is(rows($node, 't', 'id, region, x'), '1:eu:h 2:us:h 3:eu:p 4:us:h 5:us:p 6:eu:p 7:eu:s 8:us:s 9:eu:p', 'prefer-remote: this node');
is(rows($peer, 't', 'id, region, x'), '1:eu:h 3:eu:p 4:us:p 5:us:p 6:eu:p 7:eu:s 8:us:s 9:eu:p 10:us:p', 'prefer-remote: the peer');
is(decisions($node, $row->{merge_id}) =~ tr/\n//, 4, 'no decision about another row');

# No row, here, there or anywhere.
foreach my $case ([ 'false', '0|0|0|0|0|0' ], [ 'NULL', '0|0|0|0|0|0' ], [ 'id < 3', '2|0|0|0|0|2' ], [ 'id > 8', '0|2|0|0|2|0' ],
	[ 'x IS NULL', '0|0|0|0|0|0' ])
{
	diverge();
	is_merged(run_merge($node, $peer, ['t'], options => options(where => { t => $case->[0] })), $case->[1], "where $case->[0]");
}

# A key that is null where no row takes part.
both($node, $peer, 'CREATE TABLE loose (id int, x text); INSERT INTO loose VALUES (NULL, 1), (NULL, 2)');
sql($node, 'INSERT INTO loose VALUES (1, 1)');
like(refused_merge($node, $peer, ['loose'], options => options(primary_keys => { loose => ['id'] })), qr/key of table "loose" is null in 2 rows/,
	'null keys are refused');
is_merged(run_merge($node, $peer, ['loose'], options => options(primary_keys => { loose => ['id'] }, where => { loose => 'id IS NOT NULL' })),
	'1|0|0|0|0|1', 'unless they do not take part');

# Many rows, of which some, few or most take part and differ.
both($node, $peer, q{CREATE TABLE big (id int, part int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE big1 PARTITION OF big FOR VALUES FROM (0) TO (15000); CREATE TABLE big2 PARTITION OF big DEFAULT});
foreach my $case ([ 1, 1 ], [ 1, 100 ], [ 50, 1 ], [ 50, 50 ], [ 99, 100 ])
{
	my ($percent, $every) = @$case;
	my $oracle = <<"EOC";
SELECT count(*) FILTER (WHERE id % ($every * 5) = 0), count(*) FILTER (WHERE id % ($every * 5) = $every),
	count(*) FILTER (WHERE id % $every <> 0 OR id % ($every * 5) = $every * 2),
	count(*) FILTER (WHERE id % ($every * 5) IN ($every * 3, $every * 4))
FROM generate_series(1, 30000) id WHERE id % 100 < $percent
EOC
	both($node, $peer, 'TRUNCATE big; INSERT INTO big SELECT i, i % 100, 0 FROM generate_series(1, 30000) i; ANALYZE big');
	# of every fifth of what differs: there not, here not, no difference, two conflicts
	sql($peer, "DELETE FROM big WHERE id % ($every * 5) = 0");
	sql($node, "DELETE FROM big WHERE id % ($every * 5) = $every; UPDATE big SET v = 1 WHERE id % ($every * 5) IN ($every * 3, $every * 4)");
	$row = run_merge($node, $peer, ['big'], options => options(where => { big => "part < $percent" }));
	is("$row->{status}|" . join('|', @$row{qw(local_only_count remote_only_count match_count conflict_count)}), 'complete|' . sql($node, $oracle),
		"$percent % of the rows, 1 of $every differs: counts");
	is_deeply([ (images($node, $peer, "(SELECT * FROM big WHERE part < $percent) s"))->[0] ],
		[ (images($node, $peer, "(SELECT * FROM big WHERE part < $percent) s"))->[1] ], 'they are equal');
	is(sql($peer, "SELECT count(*) FROM big WHERE part >= $percent AND v = 1"), '0', 'others are as they were');
	$row = run_merge($node, $peer, ['big'], options => options(where => { big => "part < $percent" }));
	like(join('|', @$row{qw(status local_only_count remote_only_count conflict_count)}), qr/^complete\|0\|0\|0$/, 'again: nothing to do');
}

# Conditions that do not fit the table.
foreach my $case (
	[ 'nonsense = 1', qr/condition of table "t" cannot be used here.*column "nonsense" does not exist.*HINT:/s ],
	[ 'id', qr/cannot be used here.*must be type boolean/s ],
	[ 'count(*) > 1', qr/cannot be used here.*aggregate functions are not allowed/s ],
	[ 'l.id = 1', qr/cannot be used here.*missing FROM-clause entry/s ],
	[ q{id = 'x'}, qr/cannot be used here.*invalid input syntax for type integer/s ],
	[ 'is_eu(region)', qr/cannot be used here.*function is_eu\(text\) does not exist.*HINT:.*with its schema/s ],
	[ 'public.is_eu(region)', qr/cannot be used on peer.*function public.is_eu\(text\) does not exist/s ],
	[ 'random() < 0.5', qr/calls a volatile function.*HINT:.*STABLE/s ], [ 'public.moody(region)', qr/calls a volatile function/ ],
	[ 'id IN (SELECT 1)', qr/contains a subquery/ ], [ 'true) OR (true', qr/cannot be parsed/ ])
{
	sql($node, q{CREATE OR REPLACE FUNCTION is_eu(text) RETURNS boolean IMMUTABLE RETURN $1 = 'eu'});
	both($node, $peer, q{CREATE OR REPLACE FUNCTION moody(text) RETURNS boolean VOLATILE RETURN $1 = 'eu'});
	like(refused_merge($node, $peer, ['t'], options => options(where => { t => $case->[0] })), $case->[1], "refused: where $case->[0]");
}
sql($peer, q{CREATE FUNCTION is_eu(text) RETURNS boolean IMMUTABLE RETURN $1 = 'eu'});
diverge();
is_merged(run_merge($node, $peer, ['t'], options => options(where => { t => 'public.is_eu(region)' })), '1|1|1|3|1|4', 'a function by its schema');
like(refused_merge($node, $peer, ['t'], options => options($_ => { tt => $_ eq 'where' ? 'true' : ['x'] })),
	qr/option "$_" names table "tt", which is not merged.*HINT:/s, "refused: $_ of another table")
  foreach 'where', 'exclude';
like(refused_merge($node, $peer, ['t'], options => options($_ => { t => $_ eq 'where' ? 'true' : ['x'], 'public.t' => $_ eq 'where' ? 'true' : ['x'] })),
	qr/option "$_" names table "\S+", which it has named before/, "refused: $_ twice")
  foreach 'where', 'exclude';
both($node, $peer, 'CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, x text)');
like(refused_merge($node, $peer, [ 's.t', 'public.t' ], options => options(where => { t => 'true' })), qr/option "where" names table "t", which may be one of several/,
	'refused: a table that may be either');
is_merged(run_merge($node, $peer, [ 't', 's.t' ], options => options(where => { t => q{region = 'eu'} })), '0|0|5|0|0|0', 'but not if it was asked for so');

# Columns: one that differs, one of another type, one on each node only, one
# that has a default, an identity and a generated one, and one that the role
# may not read.
sql($node, q{CREATE TABLE c (gone int, id int PRIMARY KEY, x text, differs text, kind int, here text DEFAULT 'dh',
	n int GENERATED BY DEFAULT AS IDENTITY (START 100), g text GENERATED ALWAYS AS (differs || '!') STORED, secret text DEFAULT 'sh');
	ALTER TABLE c DROP COLUMN gone;
	INSERT INTO c VALUES (1, 'h', 'dh', 1), (2, 'h', 'dh', 1), (4, 's', 'dh', 1)});
sql($peer, q{CREATE TABLE c (secret text DEFAULT 'sp', there text NOT NULL DEFAULT 'dp', g text, n int, kind text DEFAULT 'kp', differs text, x text, id int PRIMARY KEY);
	INSERT INTO c VALUES ('sp', 'tp', 'gp', 7, 'kp', 'dp', 'p', 2), ('sp', 'tp', 'gp', 8, 'kp', 'dp', 'p', 3), ('sp', 'tp', 'gp', 9, 'kp', 'dp', 's', 4)});
my @excluded = qw(differs kind here there n g secret);
like(refused_merge($node, $peer, ['c']), qr/columns of table "c" differ between the nodes/, 'columns that do not fit are refused');
foreach my $column (@excluded)
{
	my $options = options(exclude => { c => [ grep { $_ ne $column } @excluded ] });

	next if $column =~ /^(differs|secret|n|g)$/;
	like(refused_merge($node, $peer, ['c'], options => $options), qr/columns of table "c" differ/, "still without excluding $column");
}
sql($node, 'GRANT SELECT (id, x), INSERT, UPDATE ON c TO merger');
sql($peer, 'GRANT SELECT (id, x), INSERT, UPDATE ON c TO merger');
my %merger = (role => 'merger', conninfo => { user => 'merger' });
like(refused_merge($node, $peer, ['c'], %merger, options => options(exclude => { c => [ grep { $_ ne 'secret' } @excluded ] })),
	qr/permission denied for table "c" here.*Column "secret" cannot be read/s, 'a column that cannot be read is refused');
$row = run_merge($node, $peer, ['c'], %merger, options => options(exclude => { c => \@excluded }));
is_merged($row, '1|1|1|1|1|2', 'excluded: counts');
is(rows($node, 'c', q{id, x, differs, kind, here, n, g, secret}), '1:h:dh:1:dh:100:dh!:sh 2:h:dh:1:dh:101:dh!:sh 3:p:dh:103:sh 4:s:dh:1:dh:102:dh!:sh',
	'excluded: this node');
is(rows($peer, 'c', q{id, x, differs, kind, there, n, g, secret}), '1:h:kp:dp:sp 2:h:dp:kp:tp:7:gp:sp 3:p:dp:kp:tp:8:gp:sp 4:s:dp:kp:tp:9:gp:sp', 'excluded: the peer');
unlike(decisions($node, $row->{merge_id}) . sql($node, "SELECT string_agg(statement, ' ') FROM steep_repl.merge_sql('$row->{merge_id}')"),
	qr/\b(differs|kind|here|there|secret)\b/, 'no statement names them');
is_merged(run_merge($node, $peer, ['c'], %merger, options => options(exclude => { c => \@excluded })), '0|0|4|0|0|0', 'excluded: again nothing to do');
sql($node, q{UPDATE c SET differs = 'new', secret = 'new'});
is_merged(run_merge($node, $peer, ['c'], options => options(exclude => { c => \@excluded })), '0|0|4|0|0|0', 'a difference in them is none');

# A condition may look at a column that is excluded.
sql($node, q{UPDATE c SET x = 'h2', differs = 'on' WHERE id IN (1, 2, 4); UPDATE c SET differs = 'on' WHERE id = 3});
sql($peer, q{UPDATE c SET differs = 'off'; UPDATE c SET differs = 'on' WHERE id = 1});
is_merged(run_merge($node, $peer, ['c'], options => options(exclude => { c => \@excluded }, where => { c => q{differs = 'on'} })),
	'0|0|1|3|0|3', 'where an excluded column says so, on either node');
is(rows($peer, 'c', 'id, x'), '1:h2 2:h2 3:p 4:h2', 'and no row besides');
like(refused_merge($node, $peer, ['c'], options => options(exclude => { c => \@excluded }, where => { c => q{here = 'x'} })),
	qr/cannot be used on peer.*column "here" does not exist/s, 'but on both nodes');

# What cannot be excluded.
like(refused_merge($node, $peer, ['t'], options => options(exclude => { t => ['nonsense'] })), qr/column "nonsense" of table "t" does not exist.*HINT:/s,
	'refused: no such column');
like(refused_merge($node, $peer, ['t'], options => options(exclude => { t => [ 'x', 'id' ] })), qr/column "id" of table "t" cannot be excluded.*part of the key.*HINT:/s,
	'refused: a column of the key');
both($node, $peer, 'CREATE TABLE parent (id int PRIMARY KEY, a int, b int, c int, UNIQUE (a, b)); CREATE TABLE child (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES parent (a, b))');
both($node, $peer, 'INSERT INTO parent VALUES (1, 1, 1, 1); INSERT INTO child VALUES (1, 1, 1)');
sql($node, 'UPDATE parent SET c = 2');
merge_fails($node, $peer, ['parent'], qr/column "a" of table "public.parent" cannot be excluded.*together with columns that are merged.*HINT:/s,
	'a part of what a foreign key refers to', options => options(exclude => { parent => ['a'] }));
is_merged(run_merge($node, $peer, ['parent'], options => options(exclude => { parent => [ 'a', 'b' ] })), '0|0|0|1|0|1', 'all of it may be excluded');
is_merged(run_merge($node, $peer, ['child'], options => options(exclude => { child => ['b'] })), '0|0|1|0|0|0', 'and a part of the child');

# Nor can what has no null to stand for it, where it would be written.
both($node, $peer, q{CREATE DOMAIN filled AS text NOT NULL; CREATE DOMAIN positive AS int CHECK (coalesce(VALUE, 0) > 0); CREATE DOMAIN may AS text CHECK (VALUE <> '');
	CREATE TABLE d (id int PRIMARY KEY, x text, f filled DEFAULT 'f', p positive DEFAULT 1, m may)});
sql($node, q{INSERT INTO d VALUES (1, 'h'), (2, 'h')});
sql($peer, q{INSERT INTO d VALUES (1, 'p'); ALTER TABLE d ALTER p TYPE int});
foreach my $case ([ 'f', 'here', 'does not allow null values' ], [ 'p', 'here', 'violates check constraint' ], [ 'f', 'on peer ".*"', 'does not allow null values', direction => 'to-remote' ])
{
	my ($column, $where, $reason, @direction) = @$case;

	like(refused_merge($node, $peer, ['d'], options => options(exclude => { d => [ 'm', $column, 'p' ] }, @direction)),
		qr/column "$column" of table "d" cannot be excluded from what is written $where.*DETAIL:  Its domain does not take null: .*$reason.*HINT:  Merge the column/s, "refused: a domain without null: $column $where");
}
both($node, $peer, 'ALTER TABLE d ALTER f TYPE text');
is_merged(run_merge($node, $peer, ['d'], options => options(exclude => { d => [ 'm', 'f', 'p' ] }, direction => 'to-remote')), '1|0|0|1|0|2', 'but a domain that takes null, or where it is not written');

# Awkward names.
both($node, $peer, q{CREATE SCHEMA "S 1"; CREATE TABLE "S 1"."T 1" ("C 1" int PRIMARY KEY, "$1" text, "a'b" text, ","")""" text)});
sql($node, q{INSERT INTO "S 1"."T 1" VALUES (1, 'yes', 'h', 'h'), (2, 'no', 'h', 'h')});
sql($peer, q{INSERT INTO "S 1"."T 1" VALUES (1, 'yes', 'p', 'p'), (2, 'no', 'p', 'p')});
is_merged(run_merge($node, $peer, ['"S 1"."T 1"'], options => options(where => { '"S 1"."T 1"' => q{"$1" = 'yes'} }, exclude => { '"S 1"."T 1"' => [q{,")"}] })),
	'0|0|0|1|0|1', 'awkward names: counts');
is(sql($peer, q{SELECT string_agg(t::text, ' ' ORDER BY "C 1") FROM "S 1"."T 1" t}), '(1,yes,h,p) (2,no,p,p)', 'awkward names: the peer');

is_unleaked($before, 'nothing is left behind');
done_testing();
