# A merge that looks at schemas refuses, creates or reports what differs.
use SteepTest;

my ($node, $peer) = start_pair();
my $connection = quote(conninfo($peer));

sql($_, q{CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE wide (id int PRIMARY KEY)}) foreach $node, $peer;
sql($peer, q{
CREATE TYPE mood AS ENUM ('sad', 'ok');
ALTER TABLE t ADD m mood NOT NULL DEFAULT 'ok', ADD "n 1" serial, ALTER v SET NOT NULL, ALTER v SET DEFAULT 'x';
CREATE SCHEMA s;
CREATE TABLE s.child (id int PRIMARY KEY, up int);
CREATE TABLE s.parent (id int PRIMARY KEY, m mood);
ALTER TABLE s.child ADD FOREIGN KEY (up) REFERENCES s.parent;
CREATE INDEX child_up ON s.child (up);
INSERT INTO t VALUES (1, 'a', 'sad'), (2, 'b', 'ok');
INSERT INTO s.parent VALUES (1, 'sad');
INSERT INTO s.child VALUES (1, 1)});
sql($peer, join ';', map { "ALTER TABLE wide ADD c$_ int" } 1 .. 15);
sql($node, 'CREATE SCHEMA s');

sub start
{
	my ($tables, $mode, $dry_run) = @_;

	return "SELECT merge_id FROM steep_repl.start_merge($connection, $tables, 'prefer-local', @{[$dry_run // 'false']}, '{\"schema\": \"$mode\"}')";
}

# strict
my $error = error_of($node, start(q{ARRAY['t', 'wide']}, 'strict'));
like($error, qr/ERROR:  schemas of the tables differ from those on peer/, 'strict refuses');
like($error, qr/DETAIL:  public.t, type "public.mood": missing here \(blocking\)\.\npublic.t, column "v": not null \(risky\)\./, 'it says why');
like($error, qr/\nAnd 9 more\./, 'and lists ten differences');
is(scalar(() = $error =~ /\((?:blocking|risky)\)\./g), 10, 'no more');
unlike($error, qr/default/, 'what is harmless is not listed');
like(error_of($node, start(q{ARRAY['s.*']}, 'strict')), qr/s\.child, table: missing here \(blocking\)/, 'tables of a pattern are looked at on both nodes');
like(error_of($node, start(q{ARRAY['t']}, 'lax')), qr/invalid value of option "schema"/, 'other modes do not exist');

# manual: a warning, then what there is to say without it
my (undef, undef, $said) = $node->psql('postgres', start(q{ARRAY['t']}, 'manual'));
like($said, qr/WARNING:  schemas of the tables differ/, 'manual warns');
like($said, qr/ERROR:  columns of table "t" differ/, 'and the merge is refused as ever');
(undef, undef, $said) = $node->psql('postgres', start(q{ARRAY['t']}, 'auto', 'true'));
like($said, qr/ERROR:  columns of table "t" differ/, 'a dry run creates nothing');
is(sql($node, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0}), 2, 'indeed');

# auto
my ($rc, $id);
($rc, $id, $said) = $node->psql('postgres', start(q{ARRAY['t', 's.*']}, 'auto'));
is($rc, 0, 'auto creates what is missing');
like($said, qr/DETAIL:  public.t, column "v": not null \(risky\)\.\nHINT/, 'and warns of the rest');
is(sql($node, "SELECT status, remote_only_count FROM steep_repl.wait_merge('$id')"), 'complete|4', 'the tables are merged');
is(sql($node, 'SELECT * FROM t ORDER BY id'), "1|a|sad|1\n2|b|ok|2", 'with the new columns');
is(sql($node, 'SELECT * FROM s.child JOIN s.parent ON up = parent.id'), '1|1|1|sad', 'and the new tables');
is(sql($node, "SELECT object, difference FROM steep_repl.schema_diff($connection, 's.child')"), '', 'which are whole');
is(sql($node, "SELECT object, difference FROM steep_repl.schema_diff($connection, 't')"), "column \"v\"|not null\ncolumn \"v\"|default",
	'what would narrow a column is left');

# what is only here stays
sql($node, 'ALTER TABLE wide ADD mine int; ALTER TABLE t ADD mine int');
($rc, undef, $said) = $node->psql('postgres', start(q{ARRAY['t']}, 'auto'));
like($said, qr/column "mine": missing on peer \(blocking\).*ERROR:  columns of table "t" differ/s, 'a column that is only here');
is(sql($node, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'mine'}), 1, 'is not dropped');
sql($node, 'ALTER TABLE t DROP mine, ALTER v SET NOT NULL');
($rc, undef, $said) = $node->psql('postgres', start(q{ARRAY['t']}, 'strict'));
is("$rc$said", '0', 'strict is content with what is harmless');

# what a peer says may create, and nothing else
sql($peer, q{CREATE OR REPLACE FUNCTION pg_catalog.format_type(oid, int) RETURNS text LANGUAGE sql AS $$SELECT 'text; DROP TABLE t'$$});
like(error_of($node, start(q{ARRAY['wide']}, 'auto')), qr/definition of column "c1" on the peer is not one/,
	'another statement in the place of a type is refused');
is(sql($node, 'SELECT count(*) FROM t'), 2, 'and has not run');

done_testing();
