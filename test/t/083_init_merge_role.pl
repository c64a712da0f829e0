# Two nodes that both have rows are joined by a role that is no superuser, with
# the privileges that the README names and a password in user mappings.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "max_logical_replication_workers = 8\n");
my @nodes = ($target, $source);
my $mark = 'EXECUTE ON FUNCTION pg_replication_origin_session_setup(text)';
my $start = q{SELECT steep_repl.start_init('target', 'source', 'bidirectional-merge', '{"tables": ["public.t"]}')};

plan skip_all => 'no origin = none' if older_release(@nodes) < 160000;
both(@nodes, <<"EOC");
ALTER ROLE merger REPLICATION;
GRANT pg_create_subscription TO merger;
GRANT CREATE ON DATABASE postgres TO merger;
GRANT $mark TO merger;
CREATE TABLE t (id int PRIMARY KEY, x text);
ALTER TABLE t OWNER TO merger;
EOC
foreach my $way ([ $target, $source, 'source' ], [ $source, $target, 'target' ])
{
	sql($way->[0], sprintf <<'EOC', $way->[1]->port, secret(), $way->[2]);
SET log_statement = 'none';
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres');
GRANT USAGE ON FOREIGN SERVER other TO merger;
CREATE USER MAPPING FOR merger SERVER other OPTIONS (user 'merger', password '%s');
SELECT NULL FROM steep_repl.register_node('%s', 'the other', p_server => 'other');
EOC
}
sql($target, q{SELECT NULL FROM steep_repl.register_node('target', 'this one')});
sql($target, q{INSERT INTO t VALUES (1, 'a'), (2, 'a')});
sql($source, q{INSERT INTO t VALUES (2, 'b'), (3, 'b')});

sql($target, "REVOKE $mark FROM merger");
like(error_of($target, $start, 'merger'), qr/permission denied to mark merged rows here.*HINT:  GRANT EXECUTE/s,
	'a role whose merge would be sent back is refused');
sql($target, "GRANT $mark TO merger");
is(error_of($target, $start, 'merger'), '', 'one that may mark its rows is not');
is(wait_for_init($target), 'synchronized', 'both nodes are joined');
is(sql($_, q{SELECT string_agg(id || x, ',' ORDER BY id) FROM t}), '1a,2b,3b', $_->name . ' has all rows') foreach @nodes;
is(sql($_, 'SELECT subowner::regrole FROM pg_subscription'), 'merger', $_->name . ' subscribes as the role') foreach @nodes;
done_testing();
