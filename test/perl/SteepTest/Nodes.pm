
=pod

=head1 NAME

SteepTest::Nodes - two servers, their connection strings, waiting

=over

=cut

package SteepTest::Nodes;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(start_node start_pair grant_merger secret conninfo
  sql sql_as error_of older_release quote wait_until wait_back);

# One password a run, so that a search for it finds this run's only.
my $secret = sprintf 'canary%08x%08x', rand(2**32), rand(2**32);

=item start_pair(conf => $text, node_conf => $text, peer_conf => $text, extension => 0)

Starts nodes a and b and returns them. They listen on 127.0.0.1 and ask for a
password there. Their roles: B<admin>, a superuser, and B<merger>, with the
privileges that the README recommends, but none on tables. conf goes to
postgresql.conf; extension => 0 leaves CREATE EXTENSION to the test.

The peer runs the release installed in STEEP_PEER_PREFIX, if that is set.

=cut

sub start_pair
{
	my (%options) = @_;
	my $conf = $options{conf} // '';

	return (
		start_node('a', %options, conf => $conf . ($options{node_conf} // '')),
		start_node('b', %options,
			conf => $conf . ($options{peer_conf} // ''),
			install_path => $ENV{STEEP_PEER_PREFIX} || undef));
}

=item start_node($name, conf => $text, extension => 0, install_path => $path, init => [...])

Starts one node like those of start_pair; init are options of initdb.

=cut

sub start_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name,
		$options{install_path} ? (install_path => $options{install_path}) : ());

	$node->init(allows_streaming => 'logical', extra => $options{init});
	$node->append_conf('postgresql.conf', <<'EOC' . ($options{conf} // ''));
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'steep_repl'
shared_buffers = '32MB'
max_connections = 50
max_worker_processes = 16
track_commit_timestamp = on
autovacuum = off
EOC
	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', <<'EOC');
local all,replication all trust
host all,replication all 127.0.0.1/32 scram-sha-256
EOC
	$node->start;
	sql($node, <<"EOC");
SET log_statement = 'none';
CREATE ROLE admin SUPERUSER LOGIN PASSWORD '$secret';
CREATE ROLE merger LOGIN PASSWORD '$secret';
EOC
	if ($options{extension} // 1)
	{
		sql($node, 'CREATE EXTENSION steep_repl CASCADE');
		grant_merger($node);
	}
	return $node;
}

=item grant_merger($node)

Grants the role merger what the README recommends.

=cut

sub grant_merger
{
	my ($node) = @_;

	return sql($node, <<'EOC');
GRANT USAGE ON SCHEMA steep_repl TO merger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA steep_repl TO merger;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO merger;
GRANT SET ON PARAMETER session_replication_role TO merger;
EOC
}

=item secret()

Returns the password of admin and merger.

=cut

sub secret
{
	return $secret;
}

=item conninfo($node, keyword => value, ...)

Returns a connection string for the node as admin with a password. Keywords of
libpq replace or, when undef, remove what is said: user => 'merger', port =>
$proxy->port, dbname => 'app', password => undef.

=cut

sub conninfo
{
	my ($node, %options) = @_;
	my %all = (
		host => '127.0.0.1',
		port => $node->port,
		dbname => 'postgres',
		user => 'admin',
		password => $secret,
		%options);

	return join ' ',
	  map { (my $value = $all{$_}) =~ s/(['\\])/\\$1/g; "$_='$value'" }
	  grep { defined $all{$_} } sort keys %all;
}

=item sql($node, $query, $dbname)

Runs SQL as the superuser, over the socket; returns the output, dies if it
fails.

=cut

sub sql
{
	my ($node, $query, $dbname) = @_;

	return scalar $node->safe_psql($dbname // 'postgres', $query);
}

=item sql_as($node, $role, $query)

The same as admin or merger, over TCP with the password.

=cut

sub sql_as
{
	my ($node, $role, $query) = @_;

	return scalar $node->safe_psql('postgres', $query,
		connstr => conninfo($node, user => $role));
}

=item error_of($node, $query, $role)

Returns what psql says to a statement that fails; '' if it does not fail.

=cut

sub error_of
{
	my ($node, $query, $role) = @_;
	my ($rc, undef, $stderr) = $node->psql('postgres', $query,
		$role ? (connstr => conninfo($node, user => $role)) : ());

	return $rc ? $stderr : '';
}

=item quote($text)

Returns text as an SQL literal.

=cut

sub quote
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return $text =~ s/\\/\\\\/g ? " E'$text'" : "'$text'";
}

=item older_release($node, $peer)

Returns the server_version_num of the node that knows less.

=cut

sub older_release
{
	my ($older) = sort { $a <=> $b } map { sql($_, 'SHOW server_version_num') } @_;

	return $older;
}

=item wait_until($sub, $what)

Calls the sub until it returns true; dies, naming what it waited for, after
the time limit of all tests.

=cut

sub wait_until
{
	my ($sub, $what) = @_;

	for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $result = $sub->();
		return $result if $result;
		usleep(50_000);
	}
	die "timed out waiting for $what";
}

=item wait_back($node)

Waits until a node that restarts by itself answers again.

=cut

sub wait_back
{
	my ($node) = @_;

	# psql that is refused may go before it has read its input
	wait_until(sub { eval { sql($node, 'SELECT true') } }, 'the node to be back');
	return 1;
}

=back

=cut

1;
