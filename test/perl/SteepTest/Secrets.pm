
=pod

=head1 NAME

SteepTest::Secrets - where a password has gone

=over

=cut

package SteepTest::Secrets;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

use SteepTest::Nodes;

our @EXPORT = qw(places_of start_listener);

=item places_of($secret, @nodes)

Returns the places where a secret is found: server logs, the activity view, the
tables and views of schema steep_repl, server definitions. User mappings are
where it may be, so they are not searched.

The log holds the statements of the test itself too, so a test that names the
secret in SQL should C<< SET log_statement = 'none' >> first.

=cut

sub places_of
{
	my ($secret, @nodes) = @_;
	my @places;

	foreach my $node (@nodes)
	{
		my $name = $node->name;
		push @places, map { "$name: log: $_" }
		  grep { /\Q$secret\E/ } split /\n/, slurp_file($node->logfile);
		foreach my $relation (relations($node))
		{
			push @places, map { "$name: $relation: $_" }
			  grep { /\Q$secret\E/ }
			  split /\n/, sql($node, "COPY (SELECT * FROM $relation) TO STDOUT");
		}
	}
	return @places;
}

sub relations
{
	my ($node) = @_;

	return (
		'pg_stat_activity', 'pg_foreign_server', 'pg_db_role_setting',
		split /\n/, sql($node, <<'EOC'));
SELECT format('steep_repl.%I', relname) FROM pg_class
WHERE relnamespace = to_regnamespace('steep_repl') AND relkind IN ('r', 'p', 'v', 'm')
ORDER BY 1
EOC
}

=item start_listener($node, $channel)

Listens; C<< ->payloads >> returns what has arrived since, in order.

=cut

sub start_listener
{
	my ($node, $channel) = @_;
	my $session = $node->background_psql('postgres');

	$session->query_safe("LISTEN $channel");
	return bless { session => $session };
}

sub payloads
{
	my ($self) = @_;

	return $self->{session}->query_safe('SELECT 1') =~
	  /^Asynchronous notification "[^"]*" with payload "(.*)" received/mg;
}

sub quit
{
	my ($self) = @_;

	$self->{session}->quit;
	return;
}

=back

=cut

1;
