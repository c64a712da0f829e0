# The role that the README recommends can do the main job, and no more is
# granted to it than there.
use SteepTest;

my ($node, $peer) = start_pair();
foreach ($node, $peer)
{
	sql($_, 'CREATE TABLE orders (id serial PRIMARY KEY, item text)');
	sql($_, 'GRANT SELECT, INSERT, UPDATE ON orders TO merger');
	sql($_, 'GRANT SELECT, UPDATE ON SEQUENCE orders_id_seq TO merger');
	sql($_, "INSERT INTO orders SELECT i, 'both' FROM generate_series(1, 100) i");
}
sql($node, "UPDATE orders SET item = 'here' WHERE id <= 10; INSERT INTO orders VALUES (101, 'here')");
sql($peer, "INSERT INTO orders VALUES (102, 'there')");

my $before = state_of($node, $peer);
my $arguments = quote(conninfo($peer, user => 'merger')) . ", ARRAY['public.orders']";

is( sql_as($node, 'merger', "SELECT * FROM steep_repl.analyze_overlap($arguments)"),
	'public.orders|1|1|90|10',
	'it compares');

foreach my $dry_run ('true', 'false')
{
	my $merge = sql_as($node, 'merger',
		"SELECT merge_id FROM steep_repl.start_merge($arguments, 'prefer-local', $dry_run)");
	is( sql_as($node, 'merger', <<"EOC"),
SELECT status, local_only_count, remote_only_count, match_count, conflict_count
FROM steep_repl.wait_merge('$merge')
EOC
		'complete|1|1|90|10',
		"it merges, dry run $dry_run");
}
is_equal_table($node, $peer, 'public.orders', ['id'], 'both nodes are the same');
is(sql($_, 'SELECT last_value, is_called FROM orders_id_seq'), '102|t', 'the sequence is past the rows') foreach $node, $peer;
sql_as($node, 'merger', "SELECT steep_repl.assert_in_sync($arguments)");
is_unleaked($before, 'nothing is left behind', qr/origin/);

my $password = secret();
sql($node, <<"EOC");
SET log_statement = 'none';
CREATE SERVER node_b FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '127.0.0.1', port '@{[$peer->port]}', dbname 'postgres');
CREATE USER MAPPING FOR merger SERVER node_b OPTIONS (user 'merger', password '$password');
GRANT USAGE ON FOREIGN SERVER node_b TO merger;
EOC
is( sql_as($node, 'merger',
		q{SELECT * FROM steep_repl.analyze_overlap('node_b', ARRAY['public.orders'])}),
	'public.orders|0|0|102|0',
	'it compares with a server that it may use');

like(
	error_of($node, 'SELECT * FROM steep_repl.work_queue', 'merger'),
	qr/permission denied/,
	'it does not read the queue');
done_testing();
