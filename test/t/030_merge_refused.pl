# What a merge refuses: at submit what can be known then, and later as a failed
# merge that has written nothing on either node.
use SteepTest;

my ($node, $peer) = start_pair(peer_conf => "hot_standby = on\n");
my $before = state_of($node, $peer);
my $row;

both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text)');
sql($node, q{INSERT INTO t VALUES (1, 'here'), (2, 'here')});
sql($peer, q{INSERT INTO t VALUES (2, 'there'), (3, 'there')});

# Test that start_merge refuses.
sub refused
{
	my ($name, $regex, %o) = @_;
	my $tables = delete $o{tables} // ['t'];

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like(refused_merge($node, $peer, $tables, %o), $regex, "refused: $name");
}

# Arguments.
refused('an unknown strategy', qr/strategy "newest" does not exist.*HINT:/s, strategy => 'newest');
refused('a null strategy', qr/does not exist/, strategy => '');
refused('an unknown option', qr/option "batchsize" does not exist.*HINT:.*batch_size/s, options => '{"batchsize": 1}');
refused("option $_", qr/invalid value of option "\w+".*HINT:/s, options => "{$_}")
  foreach ('"batch_size": 0', '"batch_size": "5"', '"batch_size": 0.9', '"batch_size": 1e30', '"batch_size": null',
	'"lock_timeout_ms": -1', '"lock_timeout_ms": 0.5', '"strategies": []', '"primary_keys": "id"', '"atomicity": "row"', '"echo": "never"', '"echo": true');
refused('options that are no object', qr/p_options must be a JSON object/, options => '[1]');
refused('a strategy for an unknown table', qr/names table "tt", which is not merged.*HINT:/s, options => '{"strategies": {"tt": "prefer-local"}}');
refused('two strategies for a table', qr/which it has named before/, options => '{"strategies": {"t": "prefer-local", "public.t": "prefer-remote"}}');
refused('an unknown strategy for a table', qr/strategy "x" does not exist/, options => '{"strategies": {"t": "x"}}');
refused('a null strategy for a table', qr/strategy must not be null/, options => '{"strategies": {"t": null}}');
refused('a key for an unknown table', qr/names table "tt"/, options => '{"primary_keys": {"tt": ["id"]}}');
refused('a key of unknown columns', qr/column "y" of table "t" does not exist/, options => '{"primary_keys": {"t": ["y"]}}');
refused('a table twice', qr/table "public.t" is listed twice/, tables => [ 't', 'public.t' ]);
refused('no table', qr/list of tables must not be null or empty/, tables => []);
refused('an unknown table', qr/table "nowhere" does not exist/, tables => ['nowhere']);
refused('our own table', qr/belongs to the system/, tables => ['steep_repl.merge_markers']);
refused('a malformed peer', qr/could not understand/, peer => 'somewhere');
refused('a wrong password', qr/could not connect to peer/, conninfo => { password => 'wrong' });
refused('the same database', qr/is this very database/, peer => conninfo($node));

# Tables that do not fit.
both($node, $peer, 'CREATE TABLE nokey (id int, x text)');
refused('a table without a key', qr/table "nokey" has no primary key.*HINT:/s, tables => ['nokey']);
sql($node, 'INSERT INTO nokey VALUES (1), (1)');
refused('a key that is not unique', qr/is not unique here/, tables => ['nokey'], options => '{"primary_keys": {"nokey": ["id"]}}');
sql($node, 'CREATE TABLE m (id int PRIMARY KEY, n numeric(8,2)); CREATE TABLE only_here (id int PRIMARY KEY); CREATE VIEW w AS SELECT 1 AS id');
sql($peer, 'CREATE TABLE m (id int PRIMARY KEY, n numeric(8,1))');
refused('another typmod', qr/columns of table "m" differ.*numeric\(8,2\) here, numeric\(8,1\) on the peer.*HINT:/s, tables => ['m']);
refused('a table on one side only', qr/does not exist on peer/, tables => ['only_here']);
refused('a view', qr/is not a table/, tables => ['w']);
foreach ($node, $peer)
{
	my $key = $_ == $node ? 'COLLATE ci' : '';

	sql($_, q{CREATE DATABASE utf ENCODING 'UTF8' TEMPLATE template0});
	sql($_, "CREATE EXTENSION steep_repl CASCADE; CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE c (k text $key PRIMARY KEY)", 'utf');
}
my (undef, undef, $error) = $node->psql('utf', 'SELECT ' . start_call($peer, ['c'], conninfo => { dbname => 'utf' }));
like($error, qr/key of table "c" is compared differently/, 'refused: a key that only one node folds');

# The peer.
sql($peer, 'ALTER ROLE admin SET default_transaction_read_only = on');
refused('a peer that is read only', qr/is read only.*HINT:/s);
sql($peer, 'ALTER ROLE admin RESET default_transaction_read_only; CREATE DATABASE bare');
refused('a peer without the extension', qr/cannot be merged with.*HINT:.*Install/s, conninfo => { dbname => 'bare' });
$peer->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby', $ENV{STEEP_PEER_PREFIX} ? (install_path => $ENV{STEEP_PEER_PREFIX}) : ());
$standby->init_from_backup($peer, 'backup', has_streaming => 1);
$standby->start;
refused('a standby as peer', qr/is read only.*It is a standby/s, peer => conninfo($standby));
like(error_of($standby, 'SELECT ' . start_call($node, ['t'])), qr/during recovery/, 'refused: on a standby');
$standby->stop;
$standby->clean_node;

# Privileges, found at submit.
sql($_, 'GRANT SELECT, INSERT, UPDATE ON t TO merger') foreach $node, $peer;
my %merger = (role => 'merger', conninfo => { user => 'merger' });
foreach my $case ([ $node, 'INSERT', 'here' ], [ $node, 'UPDATE', 'here' ], [ $peer, 'INSERT', 'on peer' ],
	[ $peer, 'UPDATE', 'on peer' ])
{
	my ($where, $right, $text) = @$case;

	sql($where, "REVOKE $right ON t FROM merger");
	refused("no $right $text", qr/permission denied to write table "t" $text.*HINT:.*GRANT INSERT, UPDATE/s, %merger);
	sql($where, "GRANT $right ON t TO merger");
}
sql($peer, 'REVOKE SELECT ON t FROM merger');
refused('no SELECT on the peer', qr/permission denied for table "t" on peer/, %merger);
sql($peer, 'GRANT SELECT ON t TO merger; REVOKE EXECUTE ON FUNCTION steep_repl.claim_batch FROM merger');
refused('no EXECUTE on the peer', qr/permission denied to mark batches.*HINT:.*claim_batch/s, %merger);
sql($peer, 'GRANT EXECUTE ON FUNCTION steep_repl.claim_batch TO merger');
sql($_, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY') foreach $node, $peer;
refused('row level security', qr/row-level security would hide rows/, %merger);
sql($_, 'ALTER TABLE t DISABLE ROW LEVEL SECURITY') foreach $node, $peer;
is(sql($node, 'SELECT count(*) FROM steep_repl.merge_audit_log'), '0', 'a refused merge is not recorded');

# Transactions.
like(error_of($node, 'BEGIN; SELECT steep_repl.wait_merge(merge_id) FROM ' . start_call($peer, ['t'])),
	qr/starts only when this transaction commits.*HINT/s, 'waiting in the same transaction is an error');
like(error_of($node, 'BEGIN; SAVEPOINT s; CREATE TEMPORARY TABLE m AS SELECT merge_id FROM ' . start_call($peer, ['t'])
	  . '; RELEASE s; SELECT steep_repl.wait_merge(merge_id) FROM m'),
	qr/starts only when this transaction commits/, 'also after a savepoint');
sql($node, 'BEGIN; SELECT FROM ' . start_call($peer, ['t']) . '; ROLLBACK');
is(sql($node, 'SELECT (SELECT count(*) FROM steep_repl.merge_audit_log), (SELECT count(*) FROM steep_repl.work_queue)'),
	'0|0', 'a rollback records nothing');
is_unleaked($before, 'and leaves nothing', qr/^setting/);

my $point = hold_point($node, 'merge-before-lock');
my $id = submit_merge($node, $peer, ['t']);
like(error_of($node, "SELECT steep_repl.wait_merge('$id', 0)"), qr/has not ended within 0 seconds/, 'a wait ends with its time');
like(error_of($node, "SELECT steep_repl.wait_merge('nonsense')"), qr/merge "nonsense" does not exist/, 'an unknown merge');
$point->wait_reached;
is(sql($node, "SELECT operation, external_id, status, phase FROM steep_repl.list_operations('running')"),
	"bidirectional_merge|$id|running|apply", 'list_operations shows it');
is(sql($node, "SELECT merge_id, phase, tables_total FROM steep_repl.merge_progress()"), "$id|apply|1", 'and merge_progress');
my $waiting = $node->background_psql('postgres');
$waiting->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM steep_repl.merge_audit_log');
$point->release;
is($waiting->query_safe("SELECT status FROM steep_repl.wait_merge('$id')"), 'complete', 'a wait returns what is, in any isolation level');
$waiting->quit;

# Errors on the way: nothing is written.
both($node, $peer, q{
CREATE TABLE a (id int PRIMARY KEY, x text, mail text UNIQUE);
CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent, c text REFERENCES parent (code));
INSERT INTO parent VALUES (1, 'one')});
sql($node, q{INSERT INTO a VALUES (1, 'here', 'x@y'), (3, 'here', 'z')});
sql($peer, q{INSERT INTO a VALUES (2, 'there', 'x@y'), (3, 'there', 'z')});
merge_fails($node, $peer, [ 't', 'a' ],
	qr/duplicate key value violates unique constraint "a_mail_key"\nDETAIL:  Key \(mail\)=\(x\@y\) already exists.*insert rows of public\.a/s,
	'a secondary unique key');
sql($node, q{DELETE FROM a WHERE id = 1; INSERT INTO parent VALUES (2, 'two'); INSERT INTO child VALUES (1, 2), (2, 1)});
merge_fails($node, $peer, [ 't', 'child' ],
	qr/merged row of table "public.child" would have no parent on the peer.*no row of table "public.parent" has \(2\)/s,
	'a parent that is not in the list');
is_merged(run_merge($node, $peer, [ 'child', 'parent' ]), '3|0|1|0|0|3', 'with the parent it goes');

# Children that refer to a column that is no key, and are not in the list.
sql($peer, q{INSERT INTO child VALUES (5, NULL, 'one')});
sql($node, q{UPDATE parent SET code = 'uno' WHERE id = 1});
merge_fails($node, $peer, ['parent'],
	qr/row of table "public.child" would lose its parent on the peer.*Merge table "public.child" as well/s,
	'a value that is still referred to');
sql($node, q{UPDATE parent SET code = 'one' WHERE id = 1});

sql($peer, q{ALTER TABLE a ADD CHECK (x <> 'here') NOT VALID});
merge_fails($node, $peer, ['a'], qr/violates check constraint/, 'a CHECK on the peer');
sql($peer, q{ALTER TABLE a DROP CONSTRAINT a_x_check;
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.x := NEW.x || ''!''; RETURN NEW; END';
CREATE TRIGGER change BEFORE INSERT OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION change();
ALTER TABLE a ENABLE ALWAYS TRIGGER change});
merge_fails($node, $peer, ['a'], qr/rows of table "public.a" are not what was written on the peer.*HINT/s, 'a trigger that changes the row');
sql($peer, 'ALTER TABLE a ENABLE TRIGGER change');
is_merged(run_merge($node, $peer, ['a']), '0|1|0|1|1|1', 'a trigger that is not ALWAYS does not fire');
is_equal_table($node, $peer, 'public.a', ['id'], 'and changes nothing');

# Cancel.
sql($node, q{INSERT INTO t SELECT i, 'new' FROM generate_series(10, 20) i});
my $images = images($node, $peer, 't');
$id = sql($node, 'BEGIN; SELECT merge_id FROM ' . start_call($peer, ['t']) . '; COMMIT');
sql($node, "SELECT steep_repl.wait_merge('$id')");
my $hold = hold_point($node, 'job_claim');
my $pending = submit_merge($node, $peer, ['t']);
$hold->wait_reached;
sql($node, q{UPDATE t SET x = 'newer' WHERE id = 10});
$images = images($node, $peer, 't');
is(sql($node, "SELECT steep_repl.cancel_operation('$pending')"), 't', 'a pending merge is cancelled');
$hold->release;
is(wait_for_merge($node, $pending)->{status}, 'cancelled', 'and stays so');
foreach my $name (qw(compare-second-pass merge-plan-batch merge-before-marker merge-after-marker merge-before-lock
	merge-after-lock merge-write-chunk merge-before-peer-commit))
{
	$point = hold_point($node, $name);
	$id = submit_merge($node, $peer, ['t']);
	$point->wait_reached;
	sql($node, "SELECT steep_repl.cancel_operation('$id')");
	is(wait_for_merge($node, $id)->{status}, 'cancelled', "cancelled at $name");
	$point->release;
	is_deeply(images($node, $peer, 't'), $images, "cancelled at $name: nothing is written");
}
foreach my $name (qw(merge-after-peer-commit merge-before-local-commit))
{
	sql($node, qq{UPDATE t SET x = '$name' WHERE id = 10});
	sql($peer, qq{INSERT INTO t SELECT max(id) + 1, '$name' FROM t});
	$point = hold_point($node, $name);
	$id = submit_merge($node, $peer, ['t']);
	$point->wait_reached;
	sql($node, "SELECT steep_repl.cancel_operation('$id')");
	wait_until(sub { sql($node, "SELECT cancel_requested FROM steep_repl.work_queue WHERE merge_id = '$id'") eq 't' }, 'the cancel');
	$point->release;
	is(wait_for_merge($node, $id)->{status}, 'cancelled', "cancelled at $name");
	is_equal_table($node, $peer, 'public.t', ['id'], "cancelled at $name: both nodes are complete");
}
is_unleaked($before, 'nothing is left behind', qr/^setting/);

# Without the library in the server.
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
like(refused_merge($node, $peer, ['t']), qr/HINT:.*shared_preload_libraries = 'steep_repl'/s, 'refused: not preloaded');
done_testing();
