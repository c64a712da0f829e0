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

is_unleaked($before, 'nothing is left behind');
done_testing();
