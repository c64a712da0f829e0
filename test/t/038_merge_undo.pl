# What a merge has planned can be looked at and applied later, and what it has
# applied can be undone: neither overwrites what was written in between.
use JSON::PP;
use SteepTest;

my ($node, $peer) = start_pair(conf => "fsync = off\n");
my ($row, $id, $images, $error);
my %socket = (peer => 'host=' . $peer->host . ' port=' . $peer->port . ' dbname=postgres');

# Tables with foreign keys, to themselves too, and values that change places.
my @world = qw(org seat person);
both($node, $peer, q{
CREATE TABLE org (id int PRIMARY KEY, boss int REFERENCES org, x text, updated_at timestamptz);
CREATE TABLE seat (id int PRIMARY KEY, n int UNIQUE, updated_at timestamptz);
CREATE TABLE person (gone int, id int PRIMARY KEY, org int NOT NULL REFERENCES org, x text, seat int UNIQUE REFERENCES seat (n), updated_at timestamptz);
ALTER TABLE person DROP COLUMN gone;
CREATE TABLE t (id int PRIMARY KEY, x text, updated_at timestamptz);
GRANT SELECT, INSERT, UPDATE ON org, seat, person, t TO merger});
sql($node, sprintf q{SET log_statement = none; CREATE SERVER to_peer FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres');
CREATE USER MAPPING FOR merger SERVER to_peer OPTIONS (user 'merger', password '%s'); GRANT USAGE ON FOREIGN SERVER to_peer TO merger;
CREATE USER MAPPING FOR CURRENT_USER SERVER to_peer OPTIONS (user 'admin', password '%s')}, $peer->port, secret(), secret());
my $before = state_of($node, $peer);

# A row is newer on the node whose turn it is.
sub diverge
{
	both($node, $peer, 'TRUNCATE org, seat, person, t');
	sql($node, q{
INSERT INTO org SELECT id, boss, 'h', to_timestamp(id % 2) FROM (VALUES (1, NULL), (2, 1), (3, 3), (5, 2), (6, 5)) v(id, boss);
INSERT INTO seat SELECT id, n, to_timestamp(id % 2) FROM (VALUES (1, 10), (2, 20), (3, 30), (4, 40), (6, 60), (7, 70), (8, 80)) v(id, n);
INSERT INTO person SELECT id, org, 'h', seat, to_timestamp(id % 2) FROM (VALUES (1, 3, 10), (2, 1, 20), (3, 1, 40), (5, 6, NULL)) v(id, org, seat);
INSERT INTO t SELECT i, 'h', to_timestamp(i % 2) FROM generate_series(1, 7) i});
	sql($peer, q{
INSERT INTO org SELECT id, boss, 'p', to_timestamp(1 - id % 2) FROM (VALUES (1, NULL), (2, 4), (4, 1), (5, 1)) v(id, boss);
INSERT INTO seat SELECT id, n, to_timestamp(1 - id % 2) FROM (VALUES (1, 20), (2, 10), (3, 30), (5, 50), (6, 70), (7, 80), (8, 60)) v(id, n);
INSERT INTO person SELECT id, org, 'p', seat, to_timestamp(1 - id % 2) FROM (VALUES (1, 4, 20), (2, 1, 10), (4, 4, 50)) v(id, org, seat);
INSERT INTO t SELECT i, 'p', to_timestamp(1 - i % 2) FROM generate_series(4, 9) i});
	both($node, $peer, q{INSERT INTO t VALUES (10, 's')});
	return;
}

sub merge
{
	my ($tables, %o) = @_;

	return run_merge($node, $peer, $tables, %socket, %o);
}

# What a merge says of itself, but for its id.
sub told
{
	my ($r) = @_;

	return join('|', map { "$_=$r->{$_}" } grep { $_ ne 'merge_id' } sort keys %$r) . "\n"
	  . sql($node, "SELECT * FROM steep_repl.merge_summary('$r->{merge_id}')");
}

# Decide all conflicts, in turn by each of the ways.
sub resolve_all
{
	my ($merge) = @_;

	sql($node, <<"EOC");
SELECT steep_repl.resolve_conflict(merge_id, table_name, key, how, CASE how WHEN 'custom' THEN '{"x": "c", "updated_at": null}'::jsonb END)
FROM (SELECT c.*, CASE WHEN table_name = 'public.seat' THEN 'local' WHEN table_name = 'public.person' THEN (ARRAY['local', 'custom'])[1 + seq % 2]
	ELSE (ARRAY['local', 'remote', 'custom', 'skip'])[1 + seq % 4] END AS how
	FROM steep_repl.merge_conflicts('$merge') c) d
EOC
	return;
}

# Undone, undone again, and once more; in one piece and in batches.
foreach my $case (
	[ 'prefer-local', {} ], [ 'prefer-remote', { atomicity => 'batch' } ],
	[ 'last-modified', { strategies => { seat => 'prefer-remote', person => 'prefer-remote' }, atomicity => 'merge' } ],
	[ 'manual', {} ])
{
	my ($strategy, $options) = @$case;
	my $name = join ', ', $strategy, map { "$_ $options->{$_}" } grep { !ref $options->{$_} } sort keys %$options;
	my @tables = ('person', 't', 'org', 'seat');

	diverge();
	my $first = images($node, $peer, @tables);
	$row = merge(\@tables, strategy => $strategy, options => options(%$options));
	if ($strategy eq 'manual')
	{
		resolve_all($row->{merge_id});
		$row = resume($node, 'apply_merge', $row->{merge_id});
	}
	my $done = told($row);
	is(join('|', @$row{qw(status conflict_count stale failed changed_since)}), 'complete|' . ($row->{conflict_count} + 0) . '|0|0|0', "$name: merged")
	  || diag explain $row;
	my $merged = images($node, $peer, @tables);

	if ($strategy ne 'manual')
	{
		diverge();
		my $dry = merge(\@tables, strategy => $strategy, options => options(%$options), dry_run => 1);
		is(told(resume($node, 'apply_merge', $dry->{merge_id})), $done, "$name: a dry run that is applied tells what a merge tells");
		is_deeply(images($node, $peer, @tables), $merged, "$name: and does what a merge does");
		$row = $dry;
	}
	my $undone = resume($node, 'revert_merge', $row->{merge_id});
	is(join('|', @$undone{qw(status applied_local applied_remote stale failed)}), 'complete|' . join('|', $done =~ /applied_local=(\d+)\|applied_remote=(\d+)/) . '|0|0', "$name: undone")
	  || diag explain $undone;
	is_deeply(images($node, $peer, @tables), $first, "$name: undone, both nodes are as before, byte by byte");
	is(sql($node, "SELECT string_agg(DISTINCT state || coalesce(resolution, ''), ' ') FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND resolution <> 'skip'")
		=~ s/(local|remote|custom)//gr =~ s/ reverted//gr, 'reverted', "$name: undone, and its decisions say so");
	like(error_of($node, "SELECT steep_repl.revert_merge('$row->{merge_id}')"), qr/merge "\S+" has changed nothing that could be undone.*HINT:/s, "$name: not twice");
	my $redone = resume($node, 'revert_merge', $undone->{merge_id});
	is("$redone->{status}|$redone->{stale}|$redone->{failed}", 'complete|0|0', "$name: done again");
	is_deeply(images($node, $peer, @tables), $merged, "$name: done again, both nodes are merged");
	next if $strategy ne 'prefer-local';
	$undone = resume($node, 'revert_merge', $redone->{merge_id});
	is_deeply(images($node, $peer, @tables), $first, "$name: undone again");
}
is_unleaked($before, 'nothing is left behind so far');

# A plan is not applied to rows that have moved since.
diverge();
$row = merge(['t'], dry_run => 1);
$id = $row->{merge_id};
sql($node, q{UPDATE t SET x = 'app' WHERE id IN (1, 4); DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (8, 'app')});
sql($peer, q{UPDATE t SET x = 'app' WHERE id = 5; DELETE FROM t WHERE id = 9; INSERT INTO t VALUES (3, 'app'), (11, 'app')});
$row = resume($node, 'apply_merge', $id);
is(join('|', @$row{qw(status local_only_count remote_only_count conflict_count applied_local applied_remote stale)}), 'complete|3|2|4|0|2|7', 'rows that moved are stale');
is(sql($node, q{SELECT string_agg(id || x, ' ' ORDER BY id) FROM t}) . ' / ' . sql($peer, q{SELECT string_agg(id || x, ' ' ORDER BY id) FROM t}),
	'1app 3h 4app 5h 6h 7h 8app 10s / 3app 4p 5app 6h 7h 8p 10s 11app', 'rows that moved are left alone');
is(sql($node, "SELECT string_agg(key ->> 'id', ' ' ORDER BY seq) FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND state = 'stale'"), '1 2 3 4 5 8 9', 'rows that moved are listed');
like(error_of($node, "SELECT steep_repl.apply_merge('$id')"), qr/merge "$id" has nothing to apply.*HINT:.*merge_summary/s, 'a plan is applied once');

# Nor to tables that have changed since.
both($node, $peer, 'CREATE TABLE ids (id int PRIMARY KEY)');
foreach my $case (
	[ 'ALTER TABLE t ADD y int', 'ALTER TABLE t DROP y', [ $node, $peer ] ],
	[ 'ALTER TABLE t ALTER x TYPE varchar', 'ALTER TABLE t ALTER x TYPE text', [ $peer ], qr/columns of table "public.t" differ between the nodes/ ],
	[ 'ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES ids NOT VALID', 'ALTER TABLE t DROP CONSTRAINT t_id_fkey', [ $peer ] ],
	[ 'CREATE UNIQUE INDEX t_x ON t (x, id)', 'DROP INDEX t_x', [ $node ] ],
	[ 'ALTER TABLE t RENAME TO gone', 'ALTER TABLE gone RENAME TO t', [ $peer ], qr/table "public.t" does not exist on peer/ ])
{
	my ($change, $undo, $nodes, $why) = @$case;

	diverge();
	$id = merge(['t'], dry_run => 1)->{merge_id};
	$images = images($node, $peer, 't') if $change !~ /RENAME/;
	sql($_, $change) foreach @$nodes;
	$row = resume($node, 'apply_merge', $id);
	is($row->{status}, 'failed', "$change: not applied");
	like($row->{error_message}, $why // qr/^table "public.t" has changed since the merge was planned\nDETAIL:.*nothing was written.*\nHINT:  Start a new merge/, "$change: and says why");
	sql($_, $undo) foreach @$nodes;
	is_deeply(images($node, $peer, 't'), $images, "$change: nothing is written");
	is(resume($node, 'apply_merge', $id)->{status}, 'complete', "$change: it can be applied when that is undone") if $change =~ /RENAME/;
}

# What can't be applied, or undone, at all.
diverge();
$id = merge(['t'], dry_run => 1)->{merge_id};
sql($peer, 'CREATE DATABASE other');
sql($peer, 'CREATE EXTENSION steep_repl CASCADE; CREATE TABLE t (id int PRIMARY KEY, x text, updated_at timestamptz)', 'other');
my $point = hold_point($node, 'merge-before-marker');
my $running = submit_merge($node, $peer, ['seat'], %socket);
$point->wait_reached;
my $old = sql($node, "SELECT merge_id FROM steep_repl.merge_audit_log WHERE status = 'complete' AND reverts IS NOT NULL LIMIT 1");
foreach my $case (
	[ "apply_merge('$id', " . quote($socket{peer} =~ s/dbname=postgres/dbname=other/r) . ')', qr/peer ".*" is not the one of merge "$id".*HINT:/s, 'with another peer' ],
	[ "apply_merge('$id', " . quote('host=' . $node->host . ' port=' . $node->port . ' dbname=postgres') . ')', qr/is this very database/, 'with this node as peer' ],
	[ "apply_merge('$id', 'nowhere')", qr/could not understand the peer/, 'with a server that does not exist' ],
	[ "apply_merge('$running')", qr/merge "$running" is still running.*HINT:.*wait_merge/s, 'while it runs' ],
	[ "revert_merge('$running')", qr/merge "$running" is still running/, 'while it runs' ],
	[ "apply_merge('merge_x')", qr/merge "merge_x" does not exist/, 'if it does not exist' ],
	[ "revert_merge('merge_x')", qr/merge "merge_x" does not exist/, 'if it does not exist' ],
	[ 'apply_merge(NULL)', qr/p_merge_id must not be null/, 'null' ],
	[ "revert_merge('$id')", qr/merge "$id" has changed nothing that could be undone/, 'of a dry run' ])
{
	my ($call, $why, $name) = @$case;

	like(error_of($node, "SELECT steep_repl.$call"), $why, 'refused: ' . ($call =~ /(\w+)/)[0] . " $name");
}
$point->release;
wait_for_merge($node, $running);
is(resume($node, 'apply_merge', $id, peer => 'to_peer')->{status}, 'complete', 'applied through a server, though planned without');
is_equal_table($node, $peer, 'public.t', ['id'], 'applied through a server: both nodes are equal');

# A server that leads elsewhere by now.
diverge();
$id = run_merge($node, $peer, ['t'], peer => 'to_peer', dry_run => 1)->{merge_id};
sql($node, q{ALTER SERVER to_peer OPTIONS (SET dbname 'other')});
like(error_of($node, "SELECT steep_repl.apply_merge('$id')"), qr/peer "server to_peer" is not the one of merge "$id"/, 'refused: a server that leads elsewhere');
$row = resume($node, 'apply_merge', $id, %socket);
is("$row->{status}|$row->{applied_remote}", 'complete|7', 'applied by another way to the same peer');
is(sql($peer, 'SELECT count(*) FROM t', 'other'), '0', 'and not where the server leads');
is_equal_table($node, $peer, 'public.t', ['id'], 'and both nodes are equal');
is(sql($node, "SELECT private_server, conninfo LIKE '%host=%', peer FROM steep_repl.merge_audit_log WHERE merge_id = '$id'"),
	't|t|dbname=postgres host=' . $peer->host . ' port=' . $peer->port, 'which is recorded');
is(resume($node, 'revert_merge', $id)->{status}, 'complete', 'and used to undo it');
sql($node, q{ALTER SERVER to_peer OPTIONS (SET dbname 'postgres')});

# A role that connects with a password gives the peer again, or has a server.
my %merger = (role => 'merger', conninfo => { user => 'merger' });
my $address = conninfo($peer, user => 'merger');
diverge();
$id = run_merge($node, $peer, ['t'], %merger, dry_run => 1)->{merge_id};
like(error_of($node, "SELECT steep_repl.apply_merge('$id')", 'merger'), qr/HINT:  .*second argument/, 'without the password: says what to do');
$row = resume($node, 'apply_merge', $id, role => 'merger', peer => $address);
is("$row->{status}|$row->{applied_local}|$row->{applied_remote}", 'complete|2|7', 'with the password: applied');
$images = images($node, $peer, 't');
my $count = sql($node, 'SELECT count(*) FROM steep_repl.merge_audit_log');
like(error_of($node, 'SELECT steep_repl.revert_merge(' . quote($id) . ', ' . quote($address) . ')', 'merger'),
	qr/permission denied to write table "public.t" here.*HINT:  GRANT INSERT, UPDATE, DELETE/s, 'a role without DELETE here can undo nothing');
sql($node, 'GRANT DELETE ON t TO merger');
like(error_of($node, 'SELECT steep_repl.revert_merge(' . quote($id) . ', ' . quote($address) . ')', 'merger'),
	qr/permission denied to write table "public.t" on peer.*HINT:  GRANT INSERT, UPDATE, DELETE/s, 'nor one without DELETE there');
is(sql($node, 'SELECT count(*) FROM steep_repl.merge_audit_log'), $count, 'which starts nothing');
is_deeply(images($node, $peer, 't'), $images, 'and writes nothing');
sql($peer, 'GRANT DELETE ON t TO merger');
like(error_of($node, "SELECT steep_repl.revert_merge('$id')", 'merger'), qr/HINT:  .*second argument/, 'to undo without the password: says what to do');
is(resume($node, 'revert_merge', $id, role => 'merger', peer => $address)->{status}, 'complete', 'undone with the password');
$id = run_merge($node, $peer, ['t'], role => 'merger', peer => 'to_peer')->{merge_id};
is(resume($node, 'revert_merge', $id, role => 'merger')->{status}, 'complete', 'undone through the server that the merge has used');
$id = run_merge($node, $peer, ['t'], role => 'merger', peer => "postgresql://merger:${\secret()}\@127.0.0.1:" . $peer->port . '/postgres?application_name=a%40b', dry_run => 1)->{merge_id};
like(error_of($node, "SELECT steep_repl.apply_merge('$id')", 'merger'), qr/the way to the peer of merge "$id" was not recorded.*HINT:  Give the peer as second argument/s,
	'a way that might show a password is not recorded');
is(resume($node, 'apply_merge', $id, role => 'merger', peer => 'to_peer')->{status}, 'complete', 'so it is given again');
$error = join '', map { error_of($node, "SELECT steep_repl.$_", 'merger') } "apply_merge('$row->{merge_id}')", "revert_merge('$row->{merge_id}')";
is_deeply([ grep { !/statement:/i } places_of(secret(), $node, $peer) ], [], 'the password is nowhere');

# What was written since a merge stays.
diverge();
$id = merge(['t'])->{merge_id};
sql($node, q{UPDATE t SET x = 'app' WHERE id IN (1, 4, 8)});
sql($peer, q{UPDATE t SET x = 'app' WHERE id = 5; DELETE FROM t WHERE id IN (2, 6)});
$row = resume($node, 'revert_merge', $id);
is(join('|', @$row{qw(status applied_local applied_remote stale)}), 'complete|1|2|6', 'rows written since are stale');
is(sql($node, q{SELECT string_agg(id || x, ' ' ORDER BY id) FROM t}) . ' / ' . sql($peer, q{SELECT string_agg(id || x, ' ' ORDER BY id) FROM t}),
	'1app 2h 3h 4app 5h 6h 7h 8app 10s / 1h 4h 5app 7p 8p 9p 10s', 'rows written since are as they were written');
is(sql($node, "SELECT state, string_agg(key ->> 'id', ' ' ORDER BY seq) FROM steep_repl.merge_decisions WHERE merge_id = '$id' GROUP BY 1 ORDER BY 1"),
	"applied|1 2 4 5 6 8\nreverted|3 7 9", 'rows written since are not marked as undone');
sql($peer, q{UPDATE t SET x = 'h' WHERE id = 5});
$row = resume($node, 'revert_merge', $id);
is(join('|', @$row{qw(status applied_local applied_remote stale)}), 'complete|0|1|5', 'and can be undone when they are again as merged');

# Foreign keys that fire: children go, or go back, before their parents.
diverge();
both($node, $peer, 'UPDATE person SET seat = NULL');
$images = images($node, $peer, 'org', 'person');
$row = merge([ 'org', 'person' ], strategy => 'prefer-remote', options => options(fire_triggers => 'true', strategies => { person => 'manual' }));
is($row->{status}, 'needs_resolution', 'with triggers: merged');
$id = $row->{merge_id};
sql($node, qq{SELECT steep_repl.resolve_conflict('$id', 'person', '{"id": 1}', 'custom', '{"org": 4, "x": "c"}')});
is(resume($node, 'apply_merge', $id)->{status}, 'needs_resolution', 'with triggers: resolved');
$row = resume($node, 'revert_merge', $id);
is("$row->{status}|$row->{stale}|$row->{error_message}", 'complete|0|', 'with triggers: undone');
is_deeply(images($node, $peer, 'org', 'person'), $images, 'with triggers: both nodes are as before');

# A plan of which a part was planned twice is applied as a whole.
both($node, $peer, 'CREATE TABLE parent (id int PRIMARY KEY, x text); CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent)');
sql($peer, q{CREATE TABLE gate AS SELECT true AS open; CREATE FUNCTION is_open() RETURNS boolean STABLE BEGIN ATOMIC SELECT open FROM gate; END;
	ALTER TABLE child ADD CHECK (is_open())});
sql($node, q{INSERT INTO parent VALUES (1, 'h'), (2, 'h'); INSERT INTO child VALUES (1, 1), (2, 2)});
$images = images($node, $peer, 'parent', 'child');
$point = hold_point($node, 'merge-before-marker');
$id = submit_merge($node, $peer, [ 'parent', 'child' ], %socket);
$point->wait_reached;
sql($node, q{UPDATE parent SET x = 'app' WHERE id = 1});
my $begin = hold_point($node, 'step_begin');
$point->release;
$begin->wait_reached;
$point = hold_point($node, 'merge-before-marker');
$begin->release;
$point->wait_reached;
sql($peer, 'UPDATE gate SET open = false');
$point->release;
like(wait_for_merge($node, $id)->{error_message}, qr/violates check constraint "child_check"/, 'planned twice, then refused');
sql($peer, 'UPDATE gate SET open = true');
$row = resume($node, 'apply_merge', $id);
is(join('|', @$row{qw(status applied_remote stale)}), 'complete|4|0', 'planned twice: applied as a whole');
is(sql($node, "SELECT string_agg(concat(round, ' ', state), ', ' ORDER BY table_name, seq) FROM steep_repl.merge_decisions WHERE merge_id = '$id'"),
	'1 applied, 1 applied, 1 applied, 2 applied', 'planned twice: all is marked');
is_equal_table($node, $peer, "public.$_", ['id'], "planned twice: both nodes have the same $_") foreach 'parent', 'child';
like(error_of($node, "SELECT steep_repl.apply_merge('$id')"), qr/has nothing to apply/, 'planned twice: nothing is left');

# Two who go on with a merge at once: the second waits, and comes too late.
diverge();
my $plan = merge(['t'], strategy => 'manual')->{merge_id};
foreach my $case ([ 4, 'apply_merge', 'apply_merge' ], [ 5, 'apply_merge', 'resolve_conflict' ], [ 0, 'revert_merge', 'revert_merge' ], [ 0, 'revert_merge', 'apply_merge' ])
{
	my ($key, @calls) = @$case;
	my $merge = $key ? $plan : merge(['seat'])->{merge_id};
	my ($first, $second) = map { "steep_repl.$_('$merge'" . (/resolve/ ? q{, 't', '{"id": 6}', 'local')} : ')') } @calls;
	my $one = $node->background_psql('postgres');
	my $two = $node->background_psql('postgres', on_error_stop => 0);

	sql($node, "SELECT steep_repl.resolve_conflict('$merge', 't', '{\"id\": $key}', 'local')") if $key;
	$one->query_safe("BEGIN; SELECT $first");
	$point = hold_point($node, 'step_begin');
	$two->query_until(qr/asked/, "\\echo asked\nSELECT $second;\n");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT steep_repl.%' AND wait_event = 'transactionid'})
	  or die 'the second does not wait';
	$one->query_safe('COMMIT');
	wait_until(sub { $two->query('SELECT 1'); $two->{stderr} =~ /ERROR/ }, 'an error');
	like($two->{stderr}, qr/merge "$merge" is still running/, "at once: $calls[0] and $calls[1]");
	$_->quit foreach $one, $two;
	$point->release;
	sql($node, "SELECT steep_repl.wait_merge(merge_id, 60) FROM steep_repl.merge_audit_log WHERE '$merge' IN (merge_id, reverts)");
}

# Limits are for what nobody has looked at.
both($node, $peer, 'CREATE TABLE mostly (id int PRIMARY KEY, x text); INSERT INTO mostly SELECT i FROM generate_series(1, 20) i');
sql($node, q{UPDATE mostly SET x = 'h' WHERE id = 1});
$id = merge(['mostly'], options => options(max_changes => 1, max_change_percent => 5))->{merge_id};
sql($node, q{UPDATE steep_repl.merge_audit_log SET options = options || '{"max_changes": 0}'});
is(resume($node, 'revert_merge', $id)->{status}, 'complete', 'what undoes a merge is not limited');
is(sql($peer, 'SELECT x IS NULL FROM mostly WHERE id = 1'), 't', 'so it is undone');

# A row that others refer to since cannot go.
diverge();
$id = merge([ 'org', 'seat', 'person' ])->{merge_id};
sql($peer, q{INSERT INTO person VALUES (100, 3, 'app')});
$images = images($node, $peer, @world);
$row = resume($node, 'revert_merge', $id);
like("$row->{status}: $row->{error_message}", qr/^failed: row of table "public.person" would lose its parent on the peer\nDETAIL:  Foreign key "person_org_fkey": no row of table "public.org" has \(3\)/,
	'a row that others refer to since cannot go');
is_deeply(images($node, $peer, @world), $images, 'so all stays');
sql($peer, q{DELETE FROM person WHERE id = 100});
is(resume($node, 'apply_merge', $row->{merge_id})->{status}, 'complete', 'until they do not');
$images = images($node, $peer, @world);
diverge();
is_deeply(images($node, $peer, @world), $images, 'then both nodes are as before');

# What the audit keeps is enough to do the merge, and to undo it, elsewhere.
both($node, $peer, q{
CREATE TABLE audited (id numeric PRIMARY KEY, "x ""1" text, j jsonb, l text[], b bytea, f float8, at timestamptz, c org, g text GENERATED ALWAYS AS (upper("x ""1")) STORED)});
sql($node, q{INSERT INTO audited VALUES (1.0, E'tab\t\\nl\n"', '{"a": [1.0, null]}', '{"a,b",NULL,"\""}', '\x00ff', 'NaN', 'infinity', (1, NULL, 'h', NULL)),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, '', '""', '{}', '\x', '-0', '2024-10-27 02:30+02', (NULL, NULL, NULL, NULL)), (4, 'h', 'null', '{NULL}', '\x5c', 1e-300, NULL, NULL)});
sql($peer, q{INSERT INTO audited VALUES (1.00, E'tab\t\\nl\n', '{"a": [1, null]}', '{"a,b","NULL"}', '\x00', '1', '-infinity', (1, NULL, 'p', now())),
	(2, '', NULL, '{}', NULL, '0', NULL, (NULL, NULL, '', NULL)), (5, E'é\\\\N', '"\\\\"', '{{1},{2}}', '\x', 0.1, '0001-01-01 BC', NULL);
	INSERT INTO audited (id) VALUES (6)});
both($node, $peer, q{INSERT INTO audited (id, "x ""1") VALUES (7, 's')});
my $normal = sub { $_[0] =~ s/\.0+$//r };
my $states = sub { return { map { $_->name => table_rows($_, 'public.audited', ['id'], key_text => $normal) } $node, $peer } };
# Rows in COPY's format, by key, with some written over.
my $replay = sub {
	my ($states, $which) = @_;
	my @columns = sort 'id', 'x "1', qw(j l b f at c g);
	my $result = { map { $_ => { %{ $states->{$_} } } } keys %$states };

	foreach my $line (split /\n/, sql($node, "SELECT json_build_array(key, local_$which, remote_$which) FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND state = 'applied'"))
	{
		my ($key, @sides) = @{ decode_json($line) };
		foreach my $state (@$result{ $node->name, $peer->name })
		{
			my $side = shift @sides;
			my $text = $normal->($key->{id});
			delete $state->{$text};
			$state->{$text} = join "\t", map { my $v = $side->{$_}; utf8::encode($v) if defined $v; !defined $v ? '\N' : $v =~ s/\\/\\\\/gr =~ s/\t/\\t/gr =~ s/\n/\\n/gr } @columns if $side;
		}
	}
	return $result;
};
my $first = $states->();
$row = merge(['audited'], strategy => 'manual');
$id = $row->{merge_id};
sql($node, qq{SELECT steep_repl.resolve_conflict('$id', 'audited', '{"id": 1.0}', 'remote'), steep_repl.resolve_conflict('$id', 'audited', '{"id": 2}', 'custom', '{"x \\"1": "c", "l": "{x}"}')});
is_merged(resume($node, 'apply_merge', $id), '2|2|1|2|4|3', 'an audited merge');
my $merged = $states->();
is_deeply($replay->($first, 'after'), $merged, 'what it wrote gives the state after it');
is_deeply($replay->($merged, 'row'), $first, 'what was there gives the state before it');
is(join(' ', map { scalar keys %$_ } @$merged{qw(a b)}), '7 7', 'of all rows');
resume($node, 'revert_merge', $id);
is_deeply($states->(), $first, 'so does undoing it');

# Forgotten merges.
my $of = sub { sql($node, "SELECT count(*) FROM steep_repl.merge_audit_log WHERE status <> 'needs_resolution' AND requested_by = '$_[0]'") };
my $kept = sub { sql($node, "SELECT count(DISTINCT merge_id), count(*) FROM steep_repl.$_[0] WHERE merge_id IN (SELECT merge_id FROM steep_repl.merge_audit_log WHERE status = 'needs_resolution')") };
my @of = qw(merge_audit_log merge_tables merge_statements merge_decisions);
sql($node, q{CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA steep_repl TO stranger; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO stranger});
diverge();
my $waits = merge(['t'], strategy => 'manual')->{merge_id};
my ($mine, $hers) = map { $of->($_) } sql($node, 'SELECT current_user'), 'merger';
my @wait = map { $kept->($_) } @of;
is(sql($node, q{SET ROLE stranger; SELECT steep_repl.prune_merges('0')}), '0', 'another role forgets nothing');
is(sql_as($node, 'merger', q{SELECT steep_repl.prune_merges('1 hour')}), '0', 'nor does one that asks for old ones');
is(sql_as($node, 'merger', q{SELECT steep_repl.prune_merges('0')}), $hers, 'a role forgets its own');
is($of->('merger'), '0', 'they have gone');
is($of->(sql($node, 'SELECT current_user')), $mine, 'others have not');
is(sql($node, q{SELECT steep_repl.prune_merges('0')}), $mine, 'a superuser forgets the rest');
is(sql($node, q{SELECT string_agg(DISTINCT status, ' ') FROM steep_repl.merge_audit_log}), 'needs_resolution', 'but not what waits for a decision');
is_deeply([ map { $kept->($_) } @of ], \@wait, 'nor a part of it');
is_deeply([ map { sql($node, "SELECT count(DISTINCT merge_id), count(*) FROM steep_repl.$_") } @of ], \@wait, 'all else has gone');
is(sql($node, 'SELECT count(*) FROM steep_repl.merge_rows'), sql($node, 'SELECT count(*) FROM steep_repl.merge_decisions'), 'no row is left without its merge');
like(error_of($node, "SELECT steep_repl.revert_merge('$id')"), qr/merge "$id" does not exist/, 'and cannot be undone');

# What waits is given up by a cancel, with its job or without, and then forgotten.
like(error_of($node, "SET ROLE stranger; SELECT steep_repl.cancel_operation('$waits')"), qr/permission denied to cancel operation "$waits"/, 'another role does not give it up');
is(sql($node, "BEGIN; SELECT steep_repl.cancel_operation('$waits'); ROLLBACK; SELECT steep_repl.prune_work_queue('0') > 0; SELECT steep_repl.cancel_operation('$waits')"), "t\nt\nt", 'who has started it does');
is(sql($node, "SELECT status, completed_at > created_at FROM steep_repl.merge_audit_log WHERE merge_id = '$waits'; SELECT count(*) > 0 FROM steep_repl.merge_conflicts('$waits')"), "cancelled|t\nt", 'it is cancelled');
is(sql($node, "SELECT steep_repl.prune_merges('1 hour'); SELECT steep_repl.prune_merges('0'); SELECT count(*) FROM steep_repl.merge_audit_log WHERE merge_id = '$waits'"), "0\n1\n0", 'and forgotten');
sql($peer, q{SELECT steep_repl.claim_batch('merge_x', 1), steep_repl.claim_batch('merge_y', 1);
UPDATE steep_repl.merge_markers SET created_at = now() - interval '2 days' WHERE merge_id = 'merge_x'});
is(sql($peer, q{SELECT steep_repl.prune_merges('0'); SELECT merge_id FROM steep_repl.merge_markers}), "0\nmerge_y", 'a peer forgets its old markers');
sql($peer, 'DELETE FROM steep_repl.merge_markers');

sql($peer, 'DROP DATABASE other');
is_unleaked($before, 'nothing is left behind');
done_testing();
