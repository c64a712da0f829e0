# Tables of every shape are merged, and the merge undone: foreign keys, values
# that no two rows may share, columns and partitions of all kinds.  What cannot
# be written is refused with its reason.
use SteepTest;

my ($node, $peer) = start_pair(conf => "fsync = off\nlog_statement = none\n");
my $before = state_of($node, $peer);
my ($row, $images);
my %socket = (peer => 'host=' . $peer->host . ' port=' . $peer->port . ' dbname=postgres');
my %merger = (role => 'merger', peer => conninfo($peer, user => 'merger'));

sub merge
{
	my ($tables, %o) = @_;

	return run_merge($node, $peer, $tables, %socket, %o);
}

# Merge tables [name, key] and look at both nodes; undo it, unless a role that
# may not delete has merged.
sub merges
{
	my ($name, $tables, $counts, %o) = @_;
	my @names = map { $_->[0] } @$tables;
	my $first = images($node, $peer, @names);
	my $r = merge([ reverse @names ], %o);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_merged($r, $counts, "$name: counts");
	is_equal_table($node, $peer, "public.$_->[0]", [ split /,/, $_->[1] ], "$name: both nodes have the same $_->[0]") foreach @$tables;
	return $r if $o{role};
	my $undone = resume($node, 'revert_merge', $r->{merge_id});
	is("$undone->{status}|$undone->{stale}|$undone->{error_message}", 'complete|0|', "$name: undone");
	is_deeply(images($node, $peer, @names), $first, "$name: undone, both nodes are as before");
	return $r;
}

sub fails
{
	my ($name, $tables, $error, %o) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return merge_fails($node, $peer, $tables, $error, $name, %socket, %o);
}

# What each node holds.
sub holds
{
	my ($table, $columns) = @_;

	return join ' / ', map { sql($_, "SELECT string_agg(concat_ws(':', $columns), ' ' ORDER BY id) FROM $table") } $node, $peer;
}

# Values that no two rows may share change places: two, three, within a part
# of the rows, in an expression, as ranges that overlap, checked at the end.
my %unique = (
	swap => [ 'u text UNIQUE' ],
	named => [ 'u text', 'CREATE UNIQUE INDEX "%s u" ON %s (x COLLATE "C", u)' ],
	partial => [ 'u text', 'CREATE UNIQUE INDEX ON %2$s (u) WHERE u <> \'-\'' ],
	expression => [ 'u text', 'CREATE UNIQUE INDEX ON %2$s (lower(u))' ],
	exclusion => [ 'u text, r int4range GENERATED ALWAYS AS (CASE WHEN u <> \'-\' THEN int4range(ascii(lower(u)), ascii(lower(u)), \'[]\') END) STORED, EXCLUDE USING gist (r WITH &&)' ],
	late => [ 'u text UNIQUE DEFERRABLE' ],
	"\"Quoted \"\"u\"\"\"" => [ '"U" text UNIQUE, u text GENERATED ALWAYS AS ("U") STORED' ]);
foreach my $table (sort keys %unique)
{
	my ($column, $index) = @{ $unique{$table} };
	my ($name) = $table =~ /(\w+)/;
	my $u = $column =~ /"U"/ ? '"U"' : 'u';
	my $empty = $table =~ /partial|exclusion/ ? "'-'" : 'NULL';

	both($node, $peer, "CREATE TABLE $table (gone int, id int PRIMARY KEY, x text, $column); ALTER TABLE $table DROP COLUMN gone;" . ($index ? sprintf $index, $name, $table : '')
		. "; GRANT SELECT, INSERT, UPDATE ON $table TO merger");
	# 1 and 2 swap, 3 to 5 rotate, 6 takes what 7 gives up, 8 and 9 are copied
	sql($node, "INSERT INTO $table (id, x, $u) VALUES (1, 'h', 'a'), (2, 'h', 'B'), (3, 'h', 'c'), (4, 'h', 'd'), (5, 'h', 'e'), (6, 'h', 'g'), (7, 'h', $empty), (8, 'h', 'f')");
	sql($peer, "INSERT INTO $table (id, x, $u) VALUES (1, 'h', 'B'), (2, 'h', 'a'), (3, 'h', 'd'), (4, 'h', 'e'), (5, 'h', 'c'), (6, 'h', $empty), (7, 'h', 'g'), (9, 'h', $empty)");
	merges("$name", [ [ $table, 'id' ] ], '1|1|0|7|1|8');
	merges("$name, prefer-remote", [ [ $table, 'id' ] ], '1|1|0|7|8|1', strategy => 'prefer-remote') if $name =~ /swap|expression/;
	if ($name eq 'late')
	{
		merges("$name, without DELETE", [ [ $table, 'id' ] ], '1|1|0|7|1|8', %merger);
	}
	else
	{
		fails("$name, without DELETE", [$table], qr/violates (unique|exclusion) constraint.*\nDETAIL:  Key .*\nHINT:  .*GRANT DELETE ON .* to the role/s, %merger);
	}
}

# A value that another row has, which is not merged with it.
both($node, $peer, q{CREATE TABLE taken (id int PRIMARY KEY, u int UNIQUE, part int)});
sql($node, q{INSERT INTO taken VALUES (1, 10, 1), (2, 20, 1)});
sql($peer, q{INSERT INTO taken VALUES (1, 10, 1), (3, 20, 2)});
fails('a value that is taken', ['taken'], qr/^duplicate key value violates unique constraint "taken_u_key"\nDETAIL:  Key \(u\)=\(20\) already exists\./);
fails('a value that is taken, of another part', ['taken'], qr/Key \(u\)=\(20\) already exists/, options => options(where => { taken => 'part = 1' }));
$row = merge(['taken'], options => options(atomicity => 'batch'));
is("$row->{status}|$row->{failed}", 'failed|2', 'a value that is taken: in batches only these rows fail');

# Foreign keys: chains with keys of two columns, of which one may be null, to a
# unique key, across schemas, to partitions; rows that refer to themselves.
both($node, $peer, q{
CREATE SCHEMA s;
CREATE TABLE s."Top" (id int PRIMARY KEY, code text NOT NULL UNIQUE, next int REFERENCES s."Top" (id));
CREATE TABLE mid (id int, k int, top text REFERENCES s."Top" (code), x text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE mid1 PARTITION OF mid FOR VALUES IN (1); CREATE TABLE mid2 PARTITION OF mid DEFAULT;
CREATE TABLE low (k int, id int PRIMARY KEY, m int, x text, FOREIGN KEY (m, k) REFERENCES mid (id, k) ON DELETE CASCADE ON UPDATE CASCADE)});
sql($node, q{INSERT INTO s."Top" VALUES (1, 'one', 3), (3, 'three', 1), (5, 'five', 5); INSERT INTO mid VALUES (1, 1, 'three', 'h'), (2, 2, NULL, 'h'), (4, 2, 'one', 'h');
	INSERT INTO low VALUES (1, 1, 1, 'h'), (2, 2, 2, 'h'), (NULL, 3, 99, 'h'), (2, 5, 4, 'h')});
sql($peer, q{INSERT INTO s."Top" VALUES (1, 'one', 2), (2, 'two', NULL), (5, 'five', 2); INSERT INTO mid VALUES (2, 2, 'two', 'p'), (3, 1, 'one', 'p');
	INSERT INTO low VALUES (2, 2, 2, 'p'), (1, 4, 3, 'p'), (1, 5, 3, 'p')});
foreach my $strategy ('prefer-local', 'prefer-remote')
{
	my %o = (strategy => $strategy);
	my $first = images($node, $peer, 's."Top"', 'mid', 'low');

	foreach my $options ({}, { fire_triggers => 'true' })
	{
		# with triggers, what is replaced by the merge above is updated
		$row = merge([ 'low', 's."Top"', 'mid' ], %o, options => options(%$options));
		is_merged($row, $strategy eq 'prefer-local' ? '5|3|0|5|3|10' : '5|3|0|5|8|5', "foreign keys, $strategy" . (%$options ? ', with triggers' : ''));
		is_equal_table($node, $peer, $_->[0], $_->[1], "foreign keys: both nodes have the same $_->[0]") foreach [ 's."Top"', ['id'] ], [ 'public.mid', [ 'id', 'k' ] ], [ 'public.low', ['id'] ];
		is(resume($node, 'revert_merge', $row->{merge_id})->{status}, 'complete', 'foreign keys: undone');
		is_deeply(images($node, $peer, 's."Top"', 'mid', 'low'), $first, 'foreign keys: undone, both nodes are as before');
	}
}

# Parents that are not merged: there, or not.
fails('a parent that is not merged', ['low'], qr/^merged row of table "public.low" would have no parent (here|on the peer)\nDETAIL:  Foreign key "low_m_k_fkey": no row of table "public.mid" has \((1,1|3,1|4,2)\)\.\nHINT:  Merge table "public.mid" as well/);
fails('nor for prefer-remote', ['mid'], qr/^merged row of table "public.mid" would have no parent (here|on the peer)\nDETAIL:  Foreign key "mid_top_fkey": no row of table "s.\\?"Top\\?"" has \((two|three)\)/, strategy => 'prefer-remote');
$images = images($node, $peer, 's."Top"', 'mid');
is_merged(merge(['low'], options => options(where => { low => 'm = 2 OR m = 99' })), '1|0|0|1|0|2', 'a parent that is there, though not merged');
is_deeply(images($node, $peer, 's."Top"', 'mid'), $images, 'a parent that is not merged is not written');
sql($_, q{DELETE FROM low WHERE id IN (1, 4, 5)}) foreach $node, $peer;
fails('a child that would lose its parent', ['s."Top"'], qr/^row of table "public.mid" would lose its parent on the peer\nDETAIL:  Foreign key "mid_top_fkey": no row of table "s.\\?"Top\\?"" has \(two\)/,
	options => options(primary_keys => { 's."Top"' => ['id'] })) if sql($node, q{INSERT INTO s."Top" VALUES (2, 'zwei')}) eq '';

# Children of rows that are deleted and inserted again stay.
both($node, $peer, q{CREATE TABLE owner (id int PRIMARY KEY, u int UNIQUE); CREATE TABLE owned (id int PRIMARY KEY, owner int NOT NULL REFERENCES owner ON DELETE CASCADE);
	CREATE TABLE nulled (id int PRIMARY KEY, owner int REFERENCES owner ON DELETE SET NULL)});
sql($node, q{INSERT INTO owner VALUES (1, 1), (2, 2)});
sql($peer, q{INSERT INTO owner VALUES (1, 2), (2, 1)});
both($node, $peer, q{INSERT INTO owned VALUES (1, 1), (2, 2); INSERT INTO nulled VALUES (1, 1), (2, 2)});
$images = images($node, $peer, 'owned', 'nulled');
merges('children of what is replaced', [ [ 'owner', 'id' ] ], '0|0|0|2|0|2');
is_deeply(images($node, $peer, 'owned', 'nulled'), $images, 'children of what is replaced stay');

# Cycles of tables, with constraints that can be deferred.
foreach my $kind ('DEFERRABLE INITIALLY DEFERRED', 'DEFERRABLE', '')
{
	both($node, $peer, "DROP TABLE IF EXISTS hen, egg CASCADE; CREATE TABLE hen (id int PRIMARY KEY, egg int NOT NULL); CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen $kind);
		GRANT SELECT, INSERT, UPDATE ON hen, egg TO merger");
	sql($node, q{INSERT INTO hen VALUES (1, 1), (2, 1); INSERT INTO egg VALUES (1, 2)});
	sql($peer, q{INSERT INTO hen VALUES (2, 3), (3, 2); INSERT INTO egg VALUES (2, 3), (3, 3)});
	both($node, $peer, "ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg $kind");
	merges('a cycle ' . ($kind || 'not deferrable'), [ [ 'hen', 'id' ], [ 'egg', 'id' ] ], '2|3|0|1|3|3');
	next unless $kind;
	merges("a cycle $kind, with triggers", [ [ 'hen', 'id' ], [ 'egg', 'id' ] ], '2|3|0|1|3|3', options => options(fire_triggers => 'true'));
}
fails('a cycle of which one part is not merged', ['hen'], qr/^merged row of table "public.hen" would have no parent/);
foreach my $tables ([ 'hen', 'egg' ], [ 'egg', 'hen' ])
{
	like(refused_merge($node, $peer, $tables, dry_run => 1, %socket, options => options(atomicity => 'batch')),
		qr/tables whose foreign keys form a cycle cannot be merged in batches.*DETAIL:  Table "public.(hen|egg)" refers to table "public.(egg|hen)" by foreign key "\w+_fkey", and is referred to in turn.*HINT:.*as a whole/s,
		"a cycle cannot be merged table by table: @$tables");
}
is(refused_merge($node, $peer, [ 'hen', 'egg' ], dry_run => 1, %socket, options => options(atomicity => 'batch', actions => ['update'])), '', 'but its rows updated');
is(merge([ 'hen', 'egg' ])->{status}, 'complete', 'and all merged at once');

# Where only the peer, or only this node, has the foreign key, parents come first.
foreach my $where ($peer, $node)
{
	both($node, $peer, 'DROP TABLE IF EXISTS leaf, stem; CREATE TABLE leaf (id int PRIMARY KEY, stem int); CREATE TABLE stem (id int PRIMARY KEY)');
	sql($where, 'ALTER TABLE leaf ADD FOREIGN KEY (stem) REFERENCES stem');
	sql($where == $peer ? $node : $peer, 'INSERT INTO stem VALUES (1); INSERT INTO leaf VALUES (1, 1)');
	is(merge([ 'leaf', 'stem' ], options => options(atomicity => 'batch'))->{status}, 'complete', 'a foreign key on ' . ($where == $peer ? 'the peer' : 'this node') . ' only: in batches');
}

# Without the right to keep triggers from firing.
sql($_, 'REVOKE SET ON PARAMETER session_replication_role FROM merger; CREATE TABLE fired (id int PRIMARY KEY, up int REFERENCES fired DEFERRABLE, x text UNIQUE DEFERRABLE);
	GRANT SELECT, INSERT, UPDATE, DELETE ON fired, swap TO merger') foreach $node, $peer;
sql($node, q{INSERT INTO fired VALUES (1, 3, 'a'), (2, 2, 'b'), (3, 1, 'c')});
sql($peer, q{INSERT INTO fired VALUES (2, 4, 'a'), (4, 2, 'd')});
merges('triggers that fire', [ [ 'fired', 'id' ] ], '2|1|0|1|1|3', %merger);
fails('triggers that fire: values that change places', ['swap'], qr/violates unique constraint.*\nHINT:  .*GRANT SET ON PARAMETER session_replication_role/s, %merger);
sql($_, 'GRANT SET ON PARAMETER session_replication_role TO merger') foreach $node, $peer;

# Identity columns that are always generated, as key and beside it.
both($node, $peer, q{CREATE TABLE ident (n int GENERATED ALWAYS AS IDENTITY, id int PRIMARY KEY, x text); GRANT SELECT, INSERT, UPDATE ON ident TO merger;
	CREATE TABLE identkey (x text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)});
sql($node, q{INSERT INTO ident (id, x) VALUES (1, 'h'), (2, 'h'), (3, 'h'); INSERT INTO identkey (x) VALUES ('h'), ('h')});
sql($peer, q{INSERT INTO ident (id, x) VALUES (1, 'p'), (3, 'h'), (4, 'p'); INSERT INTO identkey (x) VALUES ('p'), ('h'), ('p')});
merges('identity', [ [ 'ident', 'id' ], [ 'identkey', 'id' ] ], '1|2|1|3|2|4');
fails('identity, without DELETE', ['ident'], qr/^rows of table "public.ident" are not what was written on the peer.*\nHINT:  .*GRANT DELETE ON .* to the role/s, %merger);
is_merged(merge(['ident'], %merger, options => options(where => { ident => 'id = 1' })), '0|0|0|1|0|1', 'identity, without DELETE, of the same value');

# Generated columns: the same, as key, another on each node, on one node only.
sql($node, q{CREATE TABLE gen (gone int, a int, id int GENERATED ALWAYS AS (a * 10) STORED PRIMARY KEY, x text, g text GENERATED ALWAYS AS (upper(x)) STORED); ALTER TABLE gen DROP gone});
sql($peer, q{CREATE TABLE gen (g text GENERATED ALWAYS AS (upper(x)) STORED, x text, a int, id int GENERATED ALWAYS AS (a * 10) STORED PRIMARY KEY)});
sql($node, q{INSERT INTO gen (a, x) VALUES (1, 'h'), (2, 'h')});
sql($peer, q{INSERT INTO gen (a, x) VALUES (2, 'p'), (3, 'p')});
merges('generated', [ [ 'gen', 'id' ] ], '1|1|0|1|1|2');
sql($peer, q{ALTER TABLE gen DROP g; ALTER TABLE gen ADD g text GENERATED ALWAYS AS (lower(x)) STORED});
fails('generated otherwise', ['gen'], qr/^rows of table "public.gen" are not what was written (here|on the peer)\nDETAIL:.*\nHINT:  .*generated columns that differ/);
sql($peer, q{ALTER TABLE gen DROP g; ALTER TABLE gen ADD g text; UPDATE gen SET g = upper(x)});
merges('generated on one node', [ [ 'gen', 'id' ] ], '1|1|0|1|1|2');
sql($peer, q{UPDATE gen SET g = 'else'});
fails('generated on one node, and something else', ['gen'], qr/^rows of table "public.gen" are not what was written here/, strategy => 'prefer-remote');

# Partitions: rows that move between them, of which one does not exist, with a
# unique index of its own; on one node only.
foreach my $there ('PARTITION BY LIST (k)', '')
{
	both($node, $peer, 'DROP TABLE IF EXISTS part');
	sql($node, 'CREATE TABLE part (gone int, k int, id int NOT NULL, u text) PARTITION BY LIST (k); ALTER TABLE part DROP gone');
	sql($peer, "CREATE TABLE part (id int NOT NULL, u text, k int) $there");
	sql($_, q{CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1, 4); CREATE TABLE part2 (u text, x int, k int, id int NOT NULL) PARTITION BY HASH (id); ALTER TABLE part2 DROP x;
		CREATE TABLE part21 PARTITION OF part2 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE part22 PARTITION OF part2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		ALTER TABLE part ATTACH PARTITION part2 FOR VALUES IN (2, 3); CREATE UNIQUE INDEX ON part1 (u)}) foreach $there ? ($node, $peer) : $node;
	sql($node, q{INSERT INTO part (id, k, u) VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 1, 'd'), (5, 4, 'e'), (6, 2, 'f')});
	sql($peer, q{INSERT INTO part (id, k, u) VALUES (1, 2, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 1, 'e'), (5, 4, 'd'), (7, 3, 'g')});
	my $name = $there ? 'partitions' : 'partitions here only';
	merges($name, [ [ 'part', 'id' ] ], '1|1|0|5|1|6', options => options(primary_keys => { part => ['id'] }));
	merges("$name, prefer-remote", [ [ 'part', 'id' ] ], '1|1|0|5|6|1', strategy => 'prefer-remote', options => options(primary_keys => { part => ['id'] }));
	next if $there;
	sql($peer, q{INSERT INTO part (id, k) VALUES (8, 5)});
	fails('a partition that does not exist', ['part'], qr/^no partition of relation "part" found for row\nDETAIL:  Partition key of the failing row contains \(k\) = \(5\)/, options => options(primary_keys => { part => ['id'] }));
}

# Checks and triggers that one node only has.
both($node, $peer, q{CREATE TABLE checked (id int PRIMARY KEY, "x ""y""" text)});
sql($peer, q{ALTER TABLE checked ADD CONSTRAINT "not h" CHECK ("x ""y""" <> 'h') NOT VALID; ALTER TABLE checked ADD CONSTRAINT never CHECK (false) NOT VALID NO INHERIT; ALTER TABLE checked DROP CONSTRAINT never;
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not here''; END'; CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON checked FOR EACH ROW EXECUTE FUNCTION refuse()});
sql($node, q{INSERT INTO checked VALUES (1, 'x'), (2, 'h')});
fails('a check that one node only has', ['checked'], qr/^new row for relation "checked" violates check constraint "not h"\nDETAIL:  Failing row contains \(2, h\)/);
sql($node, q{UPDATE checked SET "x ""y""" = 'y'});
fails('a trigger that one node only has, if it fires', ['checked'], qr/^not here/, options => options(fire_triggers => 'true'));
is_merged(merge(['checked']), '2|0|0|0|0|2', 'a trigger that one node only has does not fire');

# Inheritance: each table for itself.
both($node, $peer, q{CREATE TABLE base (id int PRIMARY KEY, x text); CREATE TABLE derived (y text, PRIMARY KEY (id)) INHERITS (base)});
sql($node, q{INSERT INTO base VALUES (1, 'h'); INSERT INTO derived VALUES (1, 'h', 'h'), (2, 'h', 'h')});
sql($peer, q{INSERT INTO base VALUES (1, 'p'); INSERT INTO derived VALUES (1, 'p', 'p')});
is_merged(merge(['base']), '0|0|0|1|0|1', 'a table that others inherit');
is(holds('ONLY base', 'id, x') . ' ' . holds('derived', 'id, x'), '1:h / 1:h 1:h 2:h / 1:p', 'a table that others inherit: only itself');

is_unleaked($before, 'nothing is left behind');
done_testing();
