# The whole job under the recommended role: with the rights named here, and no
# more, on both nodes; nobody else's code runs with more rights than the
# role's; its password is nowhere but in its user mapping; and others see
# nothing of it.
use SteepTest;

# What a merging role needs.  README cites these lists.
my @functions = qw(analyze_overlap start_merge wait_merge merge_summary merge_sql merge_progress
  list_operations cancel_operation);
my @peer_functions = qw(digest_version row_digest digest_leaves in_leaves claim_batch batch_result finish_batch tag_writes);
my @both_functions = qw(row_digest digest_leaves in_leaves compare_leaves digest_version row_image key_image tag_writes);

my ($node, $peer) = start_pair(extension => 0, conf => "log_statement = none\nlog_min_error_statement = panic\n");
sql($_, 'CREATE EXTENSION steep_repl CASCADE') foreach $node, $peer;

# Here: the calls, the digests, the server for the peer, silent triggers.
sub grants
{
	my (@names) = @_;

	return join '', map { "GRANT EXECUTE ON ROUTINE steep_repl.$_ TO merger;\n" } @names;
}
sql($node, 'GRANT USAGE ON SCHEMA steep_repl TO merger;' . grants(@functions, @both_functions)
	  . 'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO merger;
	GRANT SET ON PARAMETER session_replication_role TO merger;');
sql($peer, 'GRANT USAGE ON SCHEMA steep_repl TO merger;' . grants(@peer_functions)
	  . 'GRANT SET ON PARAMETER session_replication_role TO merger;');

# Tables of another role, who plants code everywhere it could run.
both($node, $peer, q{
CREATE ROLE mallory LOGIN;
CREATE ROLE other LOGIN;
CREATE SCHEMA shop AUTHORIZATION mallory;
CREATE SCHEMA evil AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA shop, evil TO PUBLIC;
CREATE TABLE public.canary (who text, session text, what text, replica text);
GRANT INSERT ON public.canary TO PUBLIC;
SET SESSION AUTHORIZATION mallory;
CREATE FUNCTION evil.sing(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.canary VALUES (current_user, session_user, what, current_setting('session_replication_role'));
	PERFORM set_config('search_path', 'evil, pg_catalog', false);
	RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN true;
END $$;
CREATE FUNCTION evil.trigger() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(TG_NAME); RETURN NEW; END';
CREATE FUNCTION evil.array_agg_add(state text[], bigint) RETURNS text[] LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(''array_agg''); RETURN state || $2::text; END';
CREATE AGGREGATE evil.array_agg(bigint) (SFUNC = evil.array_agg_add, STYPE = text[]);
CREATE FUNCTION evil.max_add(state bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(''max''); RETURN greatest($1, $2); END';
CREATE AGGREGATE evil.max(bigint) (SFUNC = evil.max_add, STYPE = bigint);
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(''=''); RETURN $1 OPERATOR(pg_catalog.=) $2; END';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(''set_config''); RETURN pg_catalog.set_config($1, $2, $3); END';
CREATE FUNCTION evil.count_add(state bigint) RETURNS bigint LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.sing(''count''); RETURN $1 + 1; END';
CREATE AGGREGATE evil.count(*) (SFUNC = evil.count_add, STYPE = bigint, INITCOND = '0');
CREATE TABLE shop.orders (id int PRIMARY KEY, x text CHECK (evil.sing('check')), y text DEFAULT evil.sing('default')::text);
CREATE TABLE shop.items (id int PRIMARY KEY, o int REFERENCES shop.orders);
CREATE TRIGGER always BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION evil.trigger();
CREATE TRIGGER usual BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION evil.trigger();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE ON shop.orders INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.trigger();
ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER always, ENABLE ALWAYS TRIGGER deferred;
GRANT SELECT, INSERT, UPDATE ON shop.orders, shop.items TO merger;
RESET SESSION AUTHORIZATION;
ALTER ROLE merger SET search_path = evil, pg_catalog;
ALTER ROLE merger SET bytea_output = 'escape';
ALTER ROLE merger SET synchronous_commit = off;
ALTER ROLE merger SET DateStyle = 'German';
});

sub diverge
{
	both($node, $peer, 'SET session_replication_role = replica; ALTER TABLE shop.orders DISABLE TRIGGER always, DISABLE TRIGGER deferred;
		DELETE FROM shop.items; DELETE FROM shop.orders');
	sql($node, q{SET session_replication_role = replica; INSERT INTO shop.orders VALUES (1, 'here'), (2, 'here'); INSERT INTO shop.items VALUES (1, 1)});
	sql($peer, q{SET session_replication_role = replica; INSERT INTO shop.orders VALUES (2, 'there'), (3, 'there'); INSERT INTO shop.items VALUES (3, 3)});
	both($node, $peer, 'ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER always, ENABLE ALWAYS TRIGGER deferred; TRUNCATE canary');
	return;
}

diverge();
my $before = state_of($node, $peer);
my @tables = qw(shop.items shop.orders);
my $uri = conninfo($peer, user => 'merger');
my %merger = (role => 'merger', conninfo => { user => 'merger' });
my $listener = start_listener($node, 'steep_repl_progress');

# Who has sung, and with whose rights?
sub singers
{
	my ($n) = @_;

	return sql($n, q{SELECT coalesce(string_agg(DISTINCT concat(who, '/', session), ','), '') FROM canary});
}

# The main job.
is(sql_as($node, 'merger', 'SELECT * FROM steep_repl.analyze_overlap(' . quote($uri) . ", '{shop.orders}')"),
	'shop.orders|1|1|0|1', 'the recommended role can compare');
my $dry = submit_merge($node, $peer, \@tables, %merger, dry_run => 1);
is(sql_as($node, 'merger', "SELECT status, conflict_count FROM steep_repl.wait_merge('$dry')"), 'complete|1', 'can dry run');
is(singers($_), '', 'so far nobody has sung on ' . $_->name) foreach $node, $peer;
my $id = submit_merge($node, $peer, \@tables, %merger);
is(sql_as($node, 'merger', "SELECT status, applied_local, applied_remote, error_message FROM steep_repl.wait_merge('$id')"),
	'complete|2|3|', 'can merge and wait');
is_equal_table($node, $peer, $_, ['id'], "$_ is equal") foreach @tables;
is(sql_as($node, 'merger', "SELECT sum(count) FROM steep_repl.merge_summary('$id')"), '5', 'can read the summary');
cmp_ok(sql_as($node, 'merger', "SELECT count(*) FROM steep_repl.merge_sql('$id')"), '>', 10, 'and the statements');
is(sql_as($node, 'merger', "SELECT status FROM steep_repl.list_operations() WHERE external_id = '$id'"), 'complete', 'and list it');
is(sql_as($node, 'merger', "SELECT phase FROM steep_repl.merge_progress('$id')"), 'complete', 'and its progress');

# Whose rights.
foreach my $n ($node, $peer)
{
	is(singers($n), 'merger/merger', 'planted code runs with the rights of the role only, on ' . $n->name);
	is(sql($n, q{SELECT count(*) FROM canary WHERE what = 'usual'}), '0', 'usual triggers do not fire on ' . $n->name);
}
is(sql($node, "SELECT owner_name FROM steep_repl.work_queue WHERE merge_id = '$id'"), 'merger', 'the job is the role\'s');

# Cancel, and the private server.
diverge();
my $point = hold_point($node, 'merge-before-lock');
$id = submit_merge($node, $peer, \@tables, %merger);
$point->wait_reached;
is(sql($node, "SELECT srvowner::regrole, (SELECT count(*) FROM pg_user_mappings m WHERE m.srvid = s.oid) FROM pg_foreign_server s WHERE srvname LIKE 'steep_repl_merge%'"),
	'merger|1', 'a running merge has a server of the role\'s');
is(sql($node, q{SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type IN ('steep_repl leader', 'steep_repl helper')}),
	'merger', 'the workers are connected as the role');
sql($node, "GRANT USAGE ON SCHEMA steep_repl TO other;" . grants(@functions) =~ s/TO merger/TO other/gr);
foreach my $call ("cancel_operation('$id')", "wait_merge('$id', 0)", "merge_summary('$id')", "merge_sql('$id')")
{
	like(error_of($node, "SET SESSION AUTHORIZATION other; SELECT * FROM steep_repl.$call"), qr/permission denied/, "another role: $call");
}
is(sql($node, "SET SESSION AUTHORIZATION other; SELECT count(*) FROM steep_repl.$_"), '0', "another role: $_")
  foreach "list_operations()", "merge_progress('$id')";
like(error_of($node, "SET SESSION AUTHORIZATION other; SELECT * FROM steep_repl.$_"), qr/permission denied/, "another role: $_")
  foreach qw(merge_audit_log merge_decisions merge_tables merge_statements merge_markers work_queue work_steps);
is(sql_as($node, 'merger', "SELECT steep_repl.cancel_operation('$id')"), 't', 'the role can cancel');
is(wait_for_merge($node, $id)->{status}, 'cancelled', 'it is cancelled');
$point->release;
is_unleaked($before, 'the server and the mapping are gone', qr/^advisory/);

# A marker of another role's is not believed.
$point = hold_point($node, 'merge-before-marker');
$id = submit_merge($node, $peer, \@tables, %merger);
$point->wait_reached;
my $batch = sql($node, "SELECT s.id FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id WHERE q.merge_id = '$id' AND s.kind = 'apply'");
sql($peer, "SELECT steep_repl.claim_batch('$id', $batch); SELECT steep_repl.finish_batch('$id', $batch, '{}')");
my $rows = images($node, $peer, @tables);
$point->release;
like(wait_for_merge($node, $id)->{error_message}, qr/marker of batch $batch is not this merge's own/, 'a marker of another role\'s is not believed');
is_deeply(images($node, $peer, @tables), $rows, 'nothing is written');

# Without the right to silence triggers.
sql($_, 'REVOKE SET ON PARAMETER session_replication_role FROM merger; TRUNCATE canary') foreach $node, $peer;
my (undef, undef, $warning) = $node->psql('postgres', 'SELECT FROM ' . start_call($peer, \@tables, conninfo => { user => 'merger' }),
	connstr => conninfo($node, user => 'merger'));
like($warning, qr/WARNING:  triggers will fire here.*WARNING:  triggers will fire on peer/s, 'without that right: a warning for each node');
like($warning, qr/HINT:  GRANT SET ON PARAMETER session_replication_role/, 'and what to do');
$id = sql($node, 'SELECT max(merge_id) FROM steep_repl.merge_audit_log WHERE created_at = (SELECT max(created_at) FROM steep_repl.merge_audit_log)');
is(wait_for_merge($node, $id)->{status}, 'complete', 'the merge completes');
foreach my $n ($node, $peer)
{
	is(singers($n), 'merger/merger', 'triggers fire with the rights of the role only, on ' . $n->name);
	cmp_ok(sql($n, q{SELECT count(*) FROM canary WHERE what = 'usual'}), '>', 0, 'usual triggers fire on ' . $n->name);
	is_equal_table($node, $peer, $_, ['id'], "$_ is equal") foreach @tables;
}

# Each right is needed.
sql($_, 'GRANT SET ON PARAMETER session_replication_role TO merger') foreach $node, $peer;
sub needs
{
	my ($n, $right, $undo) = @_;
	my $call = 'SELECT FROM ' . start_call($peer, \@tables, conninfo => { user => 'merger' });

	sql($n, "REVOKE $right FROM merger");
	like(error_of($node, $call, 'merger'), qr/permission denied|cannot be merged with/,
		"needed on ${\$n->name}: $right");
	sql($n, "GRANT $right TO merger");
	return;
}
needs($node, 'USAGE ON FOREIGN DATA WRAPPER postgres_fdw');
needs($_, 'USAGE ON SCHEMA steep_repl') foreach $node, $peer;
needs($node, "EXECUTE ON ROUTINE steep_repl.$_") foreach qw(start_merge);
needs($peer, "EXECUTE ON ROUTINE steep_repl.$_") foreach @peer_functions;

# Secrets.
my @heard = $listener->payloads;
cmp_ok(scalar @heard, '>', 3, 'progress is notified');
is(scalar(grep { index($_, secret()) >= 0 } @heard), 0, 'without the password');
$listener->quit;
is_deeply([ places_of(secret(), $node, $peer) ], [], 'the password is nowhere');
is(scalar(grep { length > 8000 } @heard), 0, 'and is short');
like(join("\n", @heard), qr/"op":"merge","id":"merge_\w+","status":"complete"/, 'up to the end');
is_unleaked($before, 'nothing is left behind');

# The extension is dropped under a merge.
$point = hold_point($node, 'step_claim');
$id = submit_merge($node, $peer, \@tables, %merger);
$point->wait_reached;
sql($node, 'DROP EXTENSION steep_repl');
$point->release;
is_unleaked($before, 'nor if the extension is dropped under a merge');
done_testing();
