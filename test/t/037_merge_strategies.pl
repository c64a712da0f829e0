# The newer row wins under last-modified, by a column or by its commit, and a
# person decides under manual; what neither decides is told.
use SteepTest;

my ($node, $peer) = start_pair(conf => "fsync = off\n", peer_conf => "track_commit_timestamp = off\n");
my $before = state_of($node, $peer);
my ($row, $id);

# Superusers of both nodes reach each other without a password.
my %socket = (peer => 'host=' . $peer->host . ' port=' . $peer->port . ' dbname=postgres');

sub rows
{
	my ($where, $table, $columns) = @_;

	return sql($where, 'SELECT string_agg(concat_ws(\':\', id, ' . ($columns // 'x') . "), ' ' ORDER BY id) FROM $table");
}

sub merge
{
	my ($tables, %o) = @_;

	return run_merge($node, $peer, $tables, strategy => 'last-modified', %socket, %o);
}

# Stamps here and there, and who wins: here, there, a tie, or unknown.
my @stamps = (
	[ 2, 1, 'h' ], [ 1, 2, 'p' ], [ 1, 1, 't' ], [ undef, 2, 'u' ], [ 2, undef, 'u' ], [ undef, undef, 'u' ],
	[ 'infinity', 2, 'h' ], [ 1, 'infinity', 'p' ], [ '-infinity', 1, 'p' ], [ 'infinity', 'infinity', 't' ], [ '-infinity', 'infinity', 'p' ]);

# Types of columns, and SQL of the stamps 1 and 2; some have no infinity.
my %types = (
	timestamptz => [ '2024-03-31 01:59:59.999999+01', '2024-03-31 01:00:00+00' ],
	timestamp => [ '2024-10-27 02:30:00', '2024-10-27 02:30:00.000001' ],
	date => [ '2024-02-29', '2024-03-01' ],
	smallint => [ '-1', '1' ], int => [ '9', '10' ], bigint => [ '9007199254740992', '9007199254740993' ],
	numeric => [ '1.10', '1.9' ], moment => [ '4712-01-01 BC', '0001-01-01' ]);
my @types = sort keys %types;
both($node, $peer, 'CREATE DOMAIN moment AS timestamp');

sub fill
{
	my ($type) = @_;
	my $table = "by_$type";

	both($node, $peer, "DROP TABLE IF EXISTS $table; CREATE TABLE $table (id int PRIMARY KEY, x text, stamp $type); INSERT INTO $table VALUES (100, 'same', NULL)");
	foreach my $side (0, 1)
	{
		my @values = map {
			my $stamp = $stamps[$_][$side];
			my $value = !defined $stamp ? 'NULL' : $stamp =~ /^\d/ ? "'$types{$type}[$stamp - 1]'" : "'$stamp'";
			grep({ ($_ // '') =~ /inf/ } @{ $stamps[$_] }[ 0, 1 ]) && $type =~ /int/ ? () : "($_, '" . ($side ? 'p' : 'h') . "', $value)"
		} 0 .. $#stamps;
		sql($side ? $peer : $node, "INSERT INTO $table VALUES " . join(', ', @values, $side ? "(300, 'p', NULL)" : "(200, 'h', NULL)"));
	}
	return;
}

# What the nodes should hold.
sub expected
{
	my ($type, $tie) = @_;

	return join ' ', (map {
		my $winner = $stamps[$_][2];
		grep({ ($_ // '') =~ /inf/ } @{ $stamps[$_] }[ 0, 1 ]) && $type =~ /int/ ? () : "$_:" . ($winner =~ /[tu]/ ? $tie : $winner)
	} 0 .. $#stamps), '100:same', '200:h', '300:p';
}

# By a column that an option names.
foreach my $tie (undef, 'remote')
{
	my $winner = $tie ? 'p' : 'h';

	fill($_) foreach @types;
	$row = merge([ map { "by_$_" } @types ], options => options(modified_column => 'stamp', $tie ? (tie => $tie) : ()));
	is("$row->{status}|$row->{conflict_count}|$row->{ties}|$row->{unknown_times}", 'complete|73|13|24', "tie $winner: ties and unknown times are counted");
	is(rows($_, 'by_' . $types[0]), expected($types[0], $winner), "tie $winner: $types[0]") foreach $node, $peer;
	foreach my $type (@types)
	{
		is_equal_table($node, $peer, "public.by_$type", ['id'], "tie $winner: both nodes are equal by $type");
		is(rows($node, "by_$type"), expected($type, $winner), "tie $winner: by $type the newer row wins");
	}
}
is(sql($node, "SELECT resolution, resolved_by, count(*) FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND table_name = 'public.by_date' GROUP BY 1, 2 ORDER BY 1, 2"),
	"local|last-modified|3\nremote|last-modified|5\nremote|last-modified: tie|2\nremote|last-modified: unknown|3", 'decisions say how they came to be');
is(sql($node, "SELECT abs(extract(epoch FROM clock_skew)) < 1 FROM steep_repl.merge_audit_log WHERE merge_id = '$row->{merge_id}'"), 't', 'the skew of the clocks is kept');

# Ties for a person.
fill('date');
$row = merge(['by_date'], options => options(modified_column => { by_date => 'stamp' }, tie => 'manual'));
is("$row->{status}|$row->{ties}|$row->{unknown_times}|$row->{applied_local}|$row->{applied_remote}", 'needs_resolution|2|3|5|3', 'tie manual: the rest is merged');
is(sql($node, "SELECT key ->> 'id', resolved_by FROM steep_repl.merge_conflicts('$row->{merge_id}')"),
	"2|last-modified: tie\n3|last-modified: unknown\n4|last-modified: unknown\n5|last-modified: unknown\n9|last-modified: tie", 'tie manual: conflicts wait');
sql($node, "SELECT steep_repl.resolve_conflict('$row->{merge_id}', 'by_date', '{\"id\": $_}', 'remote')") foreach 2, 3, 4, 5, 9;
$row = resume($node, 'apply_merge', $row->{merge_id});
is("$row->{status}|$row->{ties}|$row->{unknown_times}|$row->{applied_local}|$row->{applied_remote}", 'complete|2|3|10|3', 'tie manual: resolved, and still counted');
is(rows($_, 'by_date'), expected('date', 'p'), 'tie manual: both nodes are as decided') foreach $node, $peer;

# By the columns with usual names, the first of a type that tells time.
my %usual = (
	u1 => [ 'updated_at timestamptz', 'modified_at timestamptz', 'h' ],
	u2 => [ 'modified_at timestamp', 'last_modified date', 'h' ],
	u3 => [ 'last_modified bigint', 'nothing int', 'h' ],
	u4 => [ 'modified_at date', 'updated_at text', 'h' ],
	u5 => [ 'last_modified timestamptz', 'modified_at interval', 'h' ]);
foreach my $table (sort keys %usual)
{
	my ($tells, $other) = @{ $usual{$table} };
	my @stamps = $tells =~ /bigint/ ? (2, 1) : ("'2024-01-02'", "'2024-01-01'");
	my @others = $other =~ /int$/ ? (1, 2) : $other =~ /interval/ ? ("'1 day'", "'2 days'") : ("'2024-01-01'", "'2024-01-02'");

	both($node, $peer, "CREATE TABLE $table (id int PRIMARY KEY, x text, $tells, $other)");
	sql($node, "INSERT INTO $table VALUES (1, 'h', $stamps[0], $others[0]), (2, 'h', $stamps[1], $others[1])");
	sql($peer, "INSERT INTO $table VALUES (1, 'p', $stamps[1], $others[1]), (2, 'p', $stamps[0], $others[0])");
}
is_merged(merge([ sort keys %usual ]), '0|0|0|10|5|5', 'columns with usual names');
is(join(' | ', map { rows($node, $_) } sort keys %usual), join(' | ', ('1:h 2:p') x 5), 'the first that tells time decides');

# What can't tell which row is newer.
both($node, $peer, q{CREATE TABLE c (id int PRIMARY KEY, x text); CREATE TABLE p (id int, k int, x text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT});
sql($peer, q{INSERT INTO c VALUES (1, 'p'), (2, 'p'), (3, 'p')});
sql($node, q{INSERT INTO c VALUES (1, 'h'), (2, 'h'), (3, 'h')});
foreach my $case (
	[ 'c', undef, qr/nothing says which row of table "public.c" is newer.*DETAIL:.*no column updated_at.*track_commit_timestamp is not on on both nodes.*HINT:.*modified_column.*track_commit_timestamp = on/s ],
	[ 'c', 'nonsense', qr/column "nonsense" of table "public.c" does not exist.*DETAIL:.*option modified_column.*HINT:/s ],
	[ 'c', 'x', qr/column "x" of table "public.c" does not say which row is newer.*DETAIL:  It has type text.*HINT:/s ],
	[ 'u5', 'modified_at', qr/does not say which row is newer.*DETAIL:  It has type interval/s ],
	[ 'u1', { u2 => 'modified_at' }, qr/option "modified_column" names table "u2", which is not merged/ ])
{
	my ($table, $column, $error) = @$case;

	like(refused_merge($node, $peer, [$table], strategy => 'last-modified', %socket, options => options($column ? (modified_column => $column) : ())),
		$error, 'refused: ' . (ref $column ? 'another table' : ($column // 'nothing')) . " tells the time of $table");
}
like(refused_merge($node, $peer, ['u1'], strategy => 'last-modified', %socket, options => options(exclude => { u1 => ['updated_at'] }, modified_column => 'updated_at')),
	qr/column "updated_at" of table "public.u1"/, 'refused: a column that is excluded');

# By the time of the commit; unknown of rows from before it was kept.
$peer->append_conf('postgresql.conf', 'track_commit_timestamp = on');
$peer->restart;
sql($peer, q{UPDATE c SET x = 'p2' WHERE id = 1; INSERT INTO p VALUES (1, 1, 'p'), (2, 2, 'p'); VACUUM FREEZE p});
sql($node, q{UPDATE c SET x = 'h2' WHERE id = 2; INSERT INTO p VALUES (1, 1, 'h'), (2, 2, 'h'); VACUUM FREEZE p});
sql($peer, q{UPDATE p SET x = 'p2' WHERE id = 2});
$row = merge([ 'c', 'p' ]);
is("$row->{status}|$row->{ties}|$row->{unknown_times}", 'complete|0|2', 'by commit: rows without a time are counted');
is(rows($_, 'c') . ' ' . rows($_, 'p'), '1:p2 2:h2 3:h 1:h 2:p2', 'by commit: the newer row wins') foreach $node, $peer;

# A person decides.
both($node, $peer, q{
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]+$');
CREATE TABLE m (gone int, id int PRIMARY KEY, x text, l int[], j jsonb, d digits, n numeric(6,2) CHECK (n < 1000), g numeric GENERATED ALWAYS AS (n * 2) STORED);
ALTER TABLE m DROP COLUMN gone});
sub diverge
{
	both($node, $peer, 'TRUNCATE m');
	sql($node, q{INSERT INTO m SELECT i, 'h' || i, '{1,2}', '{"h": 1}', '1', 1 FROM generate_series(1, 13) i});
	sql($peer, q{INSERT INTO m SELECT i, 'p' || i, '{3}', '[2]', NULL, 2 FROM generate_series(2, 14) i});
	both($node, $peer, q{INSERT INTO m VALUES (15, 'same')});
	return;
}
sub resolve_call
{
	my ($key, $how, $values, $table) = @_;

	return "steep_repl.resolve_conflict('$id', '" . ($table // 'm') . "', '" . ($key =~ /\D/ ? $key : "{\"id\": $key}") . "', '$how'"
	  . (defined $values ? ', ' . quote($values) : '') . ')';
}
sub resolve
{
	return sql($node, 'SELECT resolution, state, resolved_by FROM ' . resolve_call(@_));
}
diverge();
$row = merge(['m'], strategy => 'manual');
$id = $row->{merge_id};
is(join('|', @$row{qw(status local_only_count remote_only_count match_count conflict_count applied_local applied_remote)}), 'needs_resolution|1|1|1|12|1|1',
	'manual: rows on one side move, conflicts wait');
is(rows($node, 'm') . ' / ' . rows($peer, 'm'), join(' ', (map { "$_:h$_" } 1 .. 13), '14:p14', '15:same') . ' / ' . join(' ', '1:h1', (map { "$_:p$_" } 2 .. 14), '15:same'),
	'manual: they are as they were');
is(sql($node, "SELECT string_agg(key ->> 'id', ','), count(*) FILTER (WHERE local_row ->> 'x' = 'h' || (key ->> 'id') AND remote_row ->> 'x' = 'p' || (key ->> 'id') AND resolution IS NULL)
	FROM steep_repl.merge_conflicts('$id')"), '2,3,4,5,6,7,8,9,10,11,12,13|12', 'manual: merge_conflicts lists them');
is(sql($node, "SELECT table_name, category, resolution, state, count FROM steep_repl.merge_summary('$id')"),
	"public.m|conflict||pending|12\npublic.m|local_only|local|applied|1\npublic.m|remote_only|remote|applied|1", 'manual: so does the summary');
like(error_of($node, "SELECT steep_repl.apply_merge('$id')"), qr/has nothing to apply.*HINT:.*merge_conflicts/s, 'manual: nothing can be applied yet');

# What is no decision.
both($node, $peer, 'CREATE TABLE other (id int PRIMARY KEY)');
sql($node, q{CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA steep_repl TO stranger; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO stranger; GRANT SELECT ON m TO stranger});
foreach my $case (
	[ resolve_call(99, 'local'), qr/has no open conflict in table "public.m" with key \{"id": 99\}.*HINT:.*merge_conflicts/s, 'unknown key' ],
	[ resolve_call(1, 'local'), qr/has no open conflict/, 'a row on one side' ],
	[ resolve_call('{"x": "h2"}', 'local'), qr/has no open conflict/, 'another column as key' ],
	[ resolve_call('{}', 'local'), qr/has no open conflict/, 'no key' ],
	[ resolve_call('[2]', 'local'), qr/p_key must be a JSON object/, 'a key that is no object' ],
	[ resolve_call(2, 'local', undef, 'other'), qr/has no open conflict in table "public.other"/, 'another table' ],
	[ resolve_call(2, 'local', undef, 'nowhere'), qr/table "nowhere" does not exist/, 'no table' ],
	[ resolve_call(2, 'newest'), qr/resolution "newest" does not exist.*HINT:.*local, remote, custom and skip/s, 'no resolution' ],
	[ resolve_call(2, 'custom'), qr/resolution "custom" needs a row/, 'custom without a row' ],
	[ resolve_call(2, 'local', '{}'), qr/resolution "local" takes no row/, 'local with a row' ],
	[ resolve_call(2, 'custom', '[]'), qr/p_row must be a JSON object/, 'a row that is no object' ],
	[ resolve_call(2, 'custom', '{"nonsense": 1, "y": 2}'), qr/p_row has columns that table "public.m" does not merge: y, nonsense/, 'columns that do not exist' ],
	[ resolve_call(2, 'custom', '{"gone": 1}'), qr/p_row has columns that table "public.m" does not merge: gone/, 'a dropped column' ],
	[ resolve_call(2, 'custom', '{"id": 3}'), qr/p_row has another key than the conflict/, 'another key' ],
	[ resolve_call(2, 'custom', '{"n": "many"}'), qr/invalid input syntax for type numeric: "many"/, 'a value that is no number' ],
	[ resolve_call(2, 'custom', '{"n": 12345}'), qr/numeric field overflow/, 'a number out of range' ],
	[ resolve_call(2, 'custom', '{"l": [1, 2]}'), qr/malformed array literal/, 'a JSON array for an array' ],
	[ resolve_call(2, 'custom', '{"d": "x"}'), qr/value for domain public.digits violates check constraint/, 'a value that the domain refuses' ],
	[ "steep_repl.resolve_conflict('merge_x', 'm', '{\"id\": 2}', 'local')", qr/merge "merge_x" does not exist/, 'no merge' ],
	[ "steep_repl.resolve_conflict('$id', 'm', NULL, 'local')", qr/p_key must not be null/, 'null' ])
{
	my ($call, $error, $name) = @$case;

	like(error_of($node, "SELECT $call"), $error, "not resolved: $name");
}
foreach my $call (resolve_call(2, 'local'), "steep_repl.merge_conflicts('$id')", "steep_repl.apply_merge('$id')", "steep_repl.revert_merge('$id')", "steep_repl.merge_summary('$id')")
{
	like(error_of($node, "SET ROLE stranger; SELECT * FROM $call"), qr/permission denied for merge "$id"/, 'another role may not: ' . ($call =~ /\.(\w+)/)[0]);
}
is(sql($node, "SELECT count(*) FROM steep_repl.merge_conflicts('$id')"), '12', 'all conflicts still wait');

# What is.
my $user = sql($node, 'SELECT current_user');
is(resolve(2, 'local'), "local|planned|$user", 'resolved: local');
is(resolve('{"id": "3"}', 'remote'), "remote|planned|$user", 'resolved: remote, the key as text');
is(resolve(4, 'custom', '{"id": 4, "x": "c", "l": "{7,NULL,9}", "j": {"c": [1.0, null]}, "d": "42", "n": 5.5}'), "custom|planned|$user", 'resolved: custom, a whole row');
is(resolve(5, 'custom', '{"x": "c"}'), "custom|planned|$user", 'resolved: custom, one column');
is(resolve(6, 'custom', '{"x": null, "l": null, "j": null, "d": null, "n": null}'), "custom|planned|$user", 'resolved: custom, all null');
is(resolve(7, 'custom', '{"x": "", "l": "{}", "j": "null", "d": 0, "n": "1e2"}'), "custom|planned|$user", 'resolved: custom, as texts');
is(resolve(8, 'skip'), "skip|planned|$user", 'resolved: skip');
is(resolve(9, 'local') . resolve(9, 'skip') . resolve(9, 'custom', '{"x": "c"}') . resolve(9, 'remote'), "local|planned|${user}skip|planned|${user}custom|planned|${user}remote|planned|$user",
	'resolved: four times');
is(resolve(10, 'remote'), "remote|planned|$user", 'resolved: remote');
is(resolve(11, 'custom', '{"x": "c"}'), "custom|planned|$user", 'resolved: custom');
is(sql($node, "SELECT local_after, local_after = remote_after FROM " . resolve_call(5, 'custom', '{"n": 7, "x": "q\"\\\\,(t"}')),
	q!{"d": "1", "g": "14.00", "j": "{\"h\": 1}", "l": "{1,2}", "n": "7.00", "x": "q\"\\\\,(t", "id": "5"}|t!, 'what it will be on both nodes');
is(sql($node, "SELECT string_agg(key ->> 'id', ',') FROM steep_repl.merge_conflicts('$id')"), '12,13', 'the rest waits');

# A row that a constraint refuses keeps all from being applied.
is(resolve(12, 'custom', '{"n": 1000}'), "custom|planned|$user", 'resolved: what a constraint will refuse');
my $images = images($node, $peer, 'm');
$row = resume($node, 'apply_merge', $id);
is($row->{status}, 'failed', 'refused by a constraint: fails');
like($row->{error_message}, qr/new row for relation "m" violates check constraint "m_n_check"\nDETAIL:  Failing row contains \(12, /, 'refused by a constraint: says why');
is_deeply(images($node, $peer, 'm'), $images, 'refused by a constraint: nothing is written');
is(resolve(12, 'local'), "local|planned|$user", 'and can be resolved again');

# Rows that have moved since, here or there, are left alone.
sql($node, q{UPDATE m SET x = 'app' WHERE id = 10});
sql($peer, q{UPDATE m SET x = 'app' WHERE id = 11});
$row = resume($node, 'apply_merge', $id);
is(join('|', @$row{qw(status applied_local applied_remote stale failed)}), 'needs_resolution|7|7|2|0', 'applied: one conflict is left, two rows moved');
is(rows($node, 'm', 'x, l, j, d, n, g') =~ s/ (?=\d+(?:[: ]|$))/\n/gr, <<'EOC' =~ s/\n\z//r, 'applied: this node');
1:h1:{1,2}:{"h": 1}:1:1.00:2.00
2:h2:{1,2}:{"h": 1}:1:1.00:2.00
3:p3:{3}:[2]:2.00:4.00
4:c:{7,NULL,9}:{"c": [1.0, null]}:42:5.50:11.00
5:q"\,(t:{1,2}:{"h": 1}:1:7.00:14.00
6
7::{}:null:0:100.00:200.00
8:h8:{1,2}:{"h": 1}:1:1.00:2.00
9:p9:{3}:[2]:2.00:4.00
10:app:{1,2}:{"h": 1}:1:1.00:2.00
11:h11:{1,2}:{"h": 1}:1:1.00:2.00
12:h12:{1,2}:{"h": 1}:1:1.00:2.00
13:h13:{1,2}:{"h": 1}:1:1.00:2.00
14:p14:{3}:[2]:2.00:4.00
15:same
EOC
is(join(' ', sort keys %{ compare_tables($node, $peer, 'public.m', ['id'])->{rows} }), '10 11 13 8', 'applied: equal but for what is skipped, moved and left');
is(rows($peer, 'm') =~ s/.*(8:\S+).*(10:.* 11:\S+).*(13:\S+).*/$1 $2 $3/r, '8:p8 10:p10 11:app 13:p13', 'applied: these are as they were on the peer');
is(resolve(13, 'skip'), "skip|planned|$user", 'the last is skipped');
$row = resume($node, 'apply_merge', $id);
is(join('|', @$row{qw(status applied_local applied_remote stale failed)}), 'complete|7|7|2|0', 'the merge is complete');
like(error_of($node, "SELECT steep_repl.apply_merge('$id')"), qr/merge "$id" has nothing to apply/, 'and has nothing more to apply');
like(error_of($node, 'SELECT ' . resolve_call(13, 'local')), qr/has no open conflict/, 'nor to resolve');

# Only one node is written, so only what that needs can be decided.
diverge();
$id = merge(['m'], strategy => 'manual', options => options(direction => 'to-local'))->{merge_id};
like(error_of($node, 'SELECT ' . resolve_call(2, $_, $_ eq 'custom' ? '{"x": "c"}' : undef)), qr/resolution "$_" would write to a node that merge "$id" does not write to.*HINT:/s,
	"direction to-local: not $_")
  foreach 'local', 'custom';
resolve(2, 'remote');
resolve(3, 'skip');
is(join('|', @{ resume($node, 'apply_merge', $id) }{qw(status applied_local applied_remote)}), 'needs_resolution|2|0', 'direction to-local: the peer is not written');
is(rows($node, 'm'), '1:h1 2:p2 ' . join(' ', map { "$_:h$_" } 3 .. 13) . ' 14:p14 15:same', 'direction to-local: this node');

# No row is updated, so no conflict can be decided but to stay.
diverge();
$id = merge(['m'], strategy => 'manual', dry_run => 1, options => options(actions => ['insert']))->{merge_id};
like(error_of($node, 'SELECT ' . resolve_call(2, $_, $_ eq 'custom' ? '{"x": "c"}' : undef)), qr/resolution "$_" would update a row, which merge "$id" does not do.*HINT:  Its option actions/s,
	"actions insert: not $_")
  foreach 'local', 'remote', 'custom';
is(resolve(2, 'skip'), "skip|planned|$user", 'actions insert: skip');
is(join('|', @{ resume($node, 'apply_merge', $id) }{qw(status applied_local applied_remote)}), 'complete|1|1', 'actions insert: rows on one side move');
$id = merge(['m'], strategy => 'manual', dry_run => 1, options => options(actions => ['update']))->{merge_id};
is(resolve(2, 'remote'), "remote|planned|$user", 'actions update: remote');

# Each table by its own strategy.
diverge();
fill('date');
both($node, $peer, 'CREATE TABLE s1 (id int PRIMARY KEY, x text); CREATE TABLE s2 (LIKE s1 INCLUDING ALL)');
sql($node, "INSERT INTO $_ VALUES (1, 'h')") foreach 's1', 's2';
sql($peer, "INSERT INTO $_ VALUES (1, 'p')") foreach 's1', 's2';
$row = merge([ 'm', 's1', 'by_date', 's2' ], strategy => 'prefer-local',
	options => options(strategies => { m => 'manual', 'public.s2' => 'prefer-node-b', by_date => 'last-modified' }, modified_column => { by_date => 'stamp' }));
is(join('|', @$row{qw(status conflict_count applied_local applied_remote ties unknown_times)}), 'needs_resolution|25|7|10|2|3', 'strategies by table');
is(rows($_, 's1') . ' ' . rows($_, 's2') . ' ' . rows($_, 'by_date'), '1:h 1:p ' . expected('date', 'h'), 'strategies by table: each as its own says') foreach $node, $peer;
is(sql($node, "SELECT string_agg(table_name || ' ' || strategy, ', ' ORDER BY seq) FROM steep_repl.merge_tables WHERE merge_id = '$row->{merge_id}'"),
	'public.m manual, public.s1 prefer-local, public.by_date last-modified, public.s2 prefer-remote', 'strategies by table: kept');

is_unleaked($before, 'nothing is left behind');

# Clocks that differ.
SKIP:
{
	my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';

	skip 'no libfaketime', 3 unless $library;
	$peer->stop;
	{
		local @ENV{qw(LD_PRELOAD FAKETIME DONT_FAKE_MONOTONIC)} = ($library, '+90s', 1);
		$peer->start;
	}
	my (undef, undef, $warning) = $node->psql('postgres', 'SELECT ' . start_call($peer, ['by_date'], %socket, strategy => 'last-modified', options => options(modified_column => 'stamp')));
	like($warning, qr/WARNING:  clock of peer ".*" is (89|90)\.\d seconds ahead.*HINT:  Synchronize the clocks/s, 'a clock that is ahead is warned of');
	is(sql($node, q{SELECT round(extract(epoch FROM clock_skew)) FROM steep_repl.merge_audit_log ORDER BY created_at DESC LIMIT 1}), '90', 'and written down');
	(undef, undef, $warning) = $node->psql('postgres', 'SELECT ' . start_call($peer, ['by_date'], %socket, dry_run => 1));
	unlike($warning, qr/clock/, 'but not if no time matters');
}
done_testing();
