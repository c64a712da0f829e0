# What tag_writes() marks: the rest of its transaction and nothing else, also
# with savepoints, errors and a crash, and only for who may set up an origin.
use SteepTest;

my $node = start_node('a', conf => "max_prepared_transactions = 5\n");
sql($node, q{
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, x text);
GRANT INSERT ON t TO merger;
SELECT pg_create_logical_replication_slot('reader', 'test_decoding');
SELECT pg_replication_origin_create('ours')});

# What the reader is sent, with all or only without an origin.
sub sent
{
	my ($from, $local) = @_;

	return sql($node, <<"EOC");
SELECT coalesce(string_agg(substring(data, 'x\\[text\\]:''(.*)'''), ' ' ORDER BY n), '')
FROM pg_logical_slot_${from}_changes('reader', NULL, NULL, 'only-local', '$local')
	WITH ORDINALITY AS c(lsn, xid, data, n)
WHERE data LIKE 'table public.t: INSERT%'
EOC
}

# Test what of the rows that a session inserts is untagged, and that all of
# them are decoded.
sub is_untagged
{
	my ($name, $untagged, $all, $query, %o) = @_;

	$query =~ s/(\w+)!/INSERT INTO t (x) VALUES ('$1')/g;
	$node->psql('postgres', $query, on_error_stop => 0,
		$o{role} ? (connstr => conninfo($node, user => $o{role})) : ());
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(sent('peek', 1), $untagged, $name);
	return is(sent('get', 0), $all, "$name: all is decoded");
}

is_untagged('a transaction', 'before after', 'before one two after', q{
before!; BEGIN; SELECT steep_repl.tag_writes(); one!; SELECT steep_repl.tag_writes(); two!; COMMIT; after!});
is_untagged('a single statement', 'after', 'one after', q{
INSERT INTO t (x) SELECT 'one' WHERE steep_repl.tag_writes(); after!});
is_untagged('a rollback', 'after', 'after', q{
BEGIN; SELECT steep_repl.tag_writes(); one!; ROLLBACK; after!});
is_untagged('an error', 'after', 'after', q{
BEGIN; SELECT steep_repl.tag_writes(); one!; SELECT 1/0; COMMIT; after!});
is_untagged('an error at commit', 'after', 'after', q{
CREATE TABLE u (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
BEGIN; SELECT steep_repl.tag_writes(); one!; INSERT INTO u VALUES (1), (1); COMMIT; after!});
is_untagged('a prepared transaction', 'between after', 'between one after', q{
BEGIN; SELECT steep_repl.tag_writes(); one!; PREPARE TRANSACTION 'p'; between!; COMMIT PREPARED 'p'; after!});
is_untagged('a savepoint rolled back', 'one two after', 'one two after', q{
BEGIN; one!; SAVEPOINT s; SELECT steep_repl.tag_writes(); gone!; ROLLBACK TO s; two!; COMMIT; after!});
is_untagged('a savepoint released', 'after', 'one two after', q{
BEGIN; SAVEPOINT s; SAVEPOINT r; SELECT steep_repl.tag_writes(); one!; RELEASE r; RELEASE s; two!; COMMIT; after!});
is_untagged('a savepoint released, then rolled back', 'two after', 'two after', q{
BEGIN; SAVEPOINT s; SAVEPOINT r; SELECT steep_repl.tag_writes(); RELEASE r; gone!; ROLLBACK TO s; two!; COMMIT; after!});
is_untagged('a savepoint within', 'after', 'one three after', q{
BEGIN; SELECT steep_repl.tag_writes(); one!; SAVEPOINT s; gone!; ROLLBACK TO s; three!; COMMIT; after!});

# An origin of the session's own.
is_untagged('an origin of the session', 'after', 'one two three after', q{
SELECT pg_replication_origin_session_setup('ours');
BEGIN; SELECT steep_repl.tag_writes(); one!; COMMIT; two!;
BEGIN; SELECT steep_repl.tag_writes(); three!; ROLLBACK; three!;
SELECT pg_replication_origin_session_reset(); after!});
is_untagged('an origin that is set up later', 'after', 'one two after', q{
BEGIN; SELECT steep_repl.tag_writes(); SELECT pg_replication_origin_session_setup('ours'); one!; COMMIT; two!;
SELECT pg_replication_origin_session_reset(); after!});

# Who may.
is(sql_as($node, 'merger', 'SELECT steep_repl.tag_writes()'), 'f', 'a role that may not set up an origin');
is_untagged('does not mark', 'one', 'one', 'BEGIN; SELECT steep_repl.tag_writes(); one!; COMMIT', role => 'merger');
sql($node, 'GRANT EXECUTE ON FUNCTION pg_replication_origin_session_setup(text) TO merger');
is(sql_as($node, 'merger', 'SELECT steep_repl.tag_writes()'), 't', 'a role that may');
is_untagged('does', '', 'one', 'BEGIN; SELECT steep_repl.tag_writes(); one!; COMMIT', role => 'merger');

# Recovery reads the commit time of such a transaction from its origin.
sub stamps
{
	return sql($node, q{SELECT x, pg_xact_commit_timestamp(xmin) FROM t WHERE x LIKE 'crash%' ORDER BY id});
}
sql($node, q{CHECKPOINT; BEGIN; SELECT steep_repl.tag_writes(); INSERT INTO t (x) VALUES ('crash one'); SAVEPOINT s;
INSERT INTO t (x) VALUES ('crash gone'); ROLLBACK TO s; INSERT INTO t (x) VALUES ('crash two'); COMMIT});
my %before = map { split /\|/ } split /\n/, stamps();
is(join(',', sort keys %before), 'crash one,crash two', 'a tagged transaction commits');
$node->stop('immediate');
$node->start;
my %after = map { split /\|/ } split /\n/, stamps();
is(join(',', sort keys %after), 'crash one,crash two', 'it survives a crash');
foreach my $row (sort keys %before)
{
	is(sql($node, "SELECT abs(extract(epoch FROM timestamptz '$after{$row}' - '$before{$row}')) < 1"),
		't', "with its commit time: $row");
}
is(sent('peek', 1), '', 'and is still tagged');
is(sent('get', 0), 'crash one crash two', 'and decoded');
is(sql($node, 'SELECT external_id FROM pg_replication_origin_status'), 'ours', 'no progress is kept for it');
done_testing();
