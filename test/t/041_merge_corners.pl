# Merges of what random merges have found to be a corner, each by itself.
use SteepTest;

my ($node, $peer) = start_pair(conf => "fsync = off\nlog_statement = none\n");
my $before = state_of($node, $peer);
my $row;

# The JSON value null as a key, and as what a row refers to.
both($node, $peer, q{
	CREATE TABLE docs (id jsonb PRIMARY KEY, alias jsonb UNIQUE, x text);
	CREATE TABLE notes (id int PRIMARY KEY, doc jsonb REFERENCES docs (alias));
	INSERT INTO docs VALUES ('1', '"one"', 's')});
sql($node, q{INSERT INTO docs VALUES ('null', 'null', 'h'), ('"null"', '[null]', 'h')});
sql($peer, q{INSERT INTO docs VALUES ('null', NULL, 'p')});
$row = run_merge($node, $peer, [ 'docs', 'notes' ]);
is_merged($row, '1|0|1|1|0|2', 'JSON null as a key');
is_equal_table($node, $peer, 'public.docs', ['id'], 'both nodes have it');
both($node, $peer, q{INSERT INTO notes VALUES (1, 'null')});
sql($peer, q{UPDATE notes SET doc = '"one"'; UPDATE docs SET alias = '"none"' WHERE id = 'null'});
merge_fails($node, $peer, ['docs'], qr/row of table "public.notes" would lose its parent here/, 'a reference to JSON null', strategy => 'prefer-remote');

# A reference that a person makes half null, where it must be whole or none.
both($node, $peer, q{
	CREATE TABLE whole (a int, b int, PRIMARY KEY (a, b));
	CREATE TABLE part (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES whole MATCH FULL);
	INSERT INTO whole VALUES (1, 1), (2, 2); INSERT INTO part VALUES (1, 1, 1), (2, 2, 2)});
sql($peer, 'UPDATE part SET a = NULL, b = NULL');
$row = run_merge($node, $peer, ['part'], strategy => 'manual');
sql($node, qq{SELECT steep_repl.resolve_conflict('$row->{merge_id}', 'public.part', '{"id": 1}', 'custom', '{"a": null}')});
like(resume($node, 'apply_merge', $row->{merge_id}, peer => conninfo($peer))->{error_message}, qr/merged row of table "public.part" would have no parent here.*has \(,1\)/s, 'half a reference is none');
sql($node, qq{SELECT steep_repl.resolve_conflict('$row->{merge_id}', 'public.part', '{"id": 1}', 'custom', '{"a": null, "b": null}')});
sql($node, qq{SELECT steep_repl.resolve_conflict('$row->{merge_id}', 'public.part', '{"id": 2}', 'local')});
is_merged(resume($node, 'apply_merge', $row->{merge_id}, peer => conninfo($peer)), '0|0|0|2|1|1', 'none at all is well');

# A row that takes part on one node only, and is the same on both.
both($node, $peer, q{CREATE TABLE flags (id int PRIMARY KEY, x int, flag bool); INSERT INTO flags VALUES (1, 1, true), (2, 2, true), (3, 3, false)});
both($node, $peer, 'UPDATE flags SET x = 9, flag = true WHERE id = 3');
sql($peer, 'UPDATE flags SET x = 0, flag = false WHERE id IN (1, 3); UPDATE flags SET flag = false WHERE id = 2');
$row = run_merge($node, $peer, ['flags'], options => '{"where": {"flags": "flag"}, "exclude": {"flags": ["flag"]}}');
is_merged($row, '0|0|1|2|0|2', 'a row that takes part on one node, and is the same');

# Constraints that only triggers enforce, and these do not fire in a merge.
both($node, $peer, q{
	CREATE EXTENSION btree_gist;
	CREATE TABLE late (id int PRIMARY KEY, a text, b int, UNIQUE (a, b) DEFERRABLE);
	CREATE TABLE nulls (id int PRIMARY KEY, a int, b int, UNIQUE NULLS NOT DISTINCT (a, b) DEFERRABLE INITIALLY DEFERRED);
	CREATE TABLE "S 1" ("ID" int, "n" int, w text, PRIMARY KEY ("ID") DEFERRABLE);
	CREATE TABLE rooms (key1 int PRIMARY KEY, room int, n int4range, off bool DEFAULT false, EXCLUDE USING gist ((room % 100) WITH =, n WITH &&) WHERE (NOT off) DEFERRABLE);
	CREATE TABLE parts (id int, a int, UNIQUE (a, id) DEFERRABLE) PARTITION BY RANGE (id);
	CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
	CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
	ALTER TABLE part2 ADD CONSTRAINT alone UNIQUE (a) DEFERRABLE});

# Rows of this node and of the peer that do not go together; and that do.
my @cases = (
	[ 'late', q{(1, 'a', 1)}, q{(2, 'a', 1)}, q{(2, 'a', NULL)}, q{late_a_b_key} ],
	[ 'nulls', '(1, NULL, 1)', '(2, NULL, 1)', '(2, NULL, 2)', 'nulls_a_b_key' ],
	[ 'rooms', q{(1, 7, '[1,5)')}, q{(2, 107, '[4,9)')}, q{(2, 107, '[5,9)', false), (3, 7, '[1,9)', true)}, 'rooms_\S+_excl' ],
	[ 'parts', '(1, 1), (11, 1)', '(2, 1), (12, 1)', '(2, 1), (12, 2)', 'alone' ]);
foreach my $case (@cases)
{
	my ($table, $here, $there, $harmless, $constraint) = @$case;
	my $options = $table eq 'parts' ? '{"primary_keys": {"parts": ["id"]}' : '{"batch_size": 1';
	my $refused = qr/merged row of table "public.$table" would break constraint "$constraint" on the peer.*Another row excludes its/s;

	sql($node, "INSERT INTO $table VALUES $here");
	sql($peer, "INSERT INTO $table VALUES $there");
	merge_fails($node, $peer, [$table], $refused, "$table: a row too many", options => "$options, \"direction\": \"to-remote\"}");
	$row = run_merge($node, $peer, [$table], options => "$options, \"atomicity\": \"batch\"}");
	is("$row->{status} " . ($row->{failed} > 0), 'failed 1', "$table: in batches only such rows fail") || diag $row->{error_message};
	like(sql($node, "SELECT string_agg(DISTINCT error_message, ' ') FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND state = 'failed'"),
		qr/would break constraint "$constraint"/, "$table: and say why");
	both($node, $peer, "TRUNCATE $table");
	sql($node, "INSERT INTO $table VALUES $here");
	sql($peer, "INSERT INTO $table VALUES $harmless");
	is(run_merge($node, $peer, [$table], options => "$options}")->{status}, 'complete', "$table: rows that go together");
	is_equal_table($node, $peer, "public.$table", [ $table eq 'rooms' ? 'key1' : 'id' ], "$table: both nodes have them");
}

# Values may change places; and what would be the same key twice is one row.
both($node, $peer, q{TRUNCATE late; INSERT INTO late VALUES (1, 'x', 1), (2, 'y', 1), (3, 'z', 1)});
sql($node, q{UPDATE late SET a = CASE a WHEN 'x' THEN 'y' WHEN 'y' THEN 'x' ELSE a END});
is_merged(run_merge($node, $peer, ['late']), '0|0|1|2|0|2', 'values change places');
sql($node, q{INSERT INTO "S 1" VALUES (1, 1, 'h'), (2, 2, 'h')});
sql($peer, q{INSERT INTO "S 1" VALUES (2, 2, 'p'), (3, 3, 'p')});
is_merged(run_merge($node, $peer, ['"S 1"'], options => '{"primary_keys": {"\"S 1\"": ["ID"]}}'), '1|1|0|1|1|2', 'a deferrable key');
is_equal_table($node, $peer, 'public."S 1"', ['ID'], 'both nodes have the rows');

is_unleaked($before, 'nothing is left behind');
done_testing();
