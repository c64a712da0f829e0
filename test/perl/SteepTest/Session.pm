
=pod

=head1 NAME

SteepTest::Session - a psql that stays connected, for tests with many statements

=over

=cut

package SteepTest::Session;

use strict;
use warnings;

use File::Temp;
use IPC::Open3;
use PostgreSQL::Test::Utils;

=item SteepTest::Session->new($node, $dbname)

Connects to a database of the node as the superuser, under the settings that pin how values
are printed.

=cut

sub new
{
	my ($class, $node, $dbname) = @_;
	my $self = bless {
		name => $node->name,
		connstr => $node->connstr($dbname),
		script => File::Temp->new,
		errors => File::Temp->new
	}, $class;

	$self->connect;
	return $self;
}

sub connect
{
	my ($self) = @_;

	open my $errors, '>', $self->{errors}->filename or die $!;
	$self->{pid} = open3($self->{in}, $self->{out},
		'>&' . fileno $errors,
		'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', '-', '-d', $self->{connstr});
	binmode $self->{out}, ':encoding(UTF-8)';
	$self->run(<<'EOC' . "SET statement_timeout = '${PostgreSQL::Test::Utils::timeout_default}s';");
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
EOC
	return;
}

=item $session->run($script)

Runs a script for psql and returns its lines. Dies if a statement fails, and
connects anew.

=cut

sub run
{
	my ($self, $script) = @_;
	my @lines;

	# A file: psql need not read on while nobody reads what it writes. A new
	# one: it may not have come to the end of the last.
	unlink $self->{script}->filename;
	open my $file, '>:encoding(UTF-8)', $self->{script}->filename or die $!;
	print $file "$script;\n\\echo \@\@end\n";
	close $file or die $!;
	print { $self->{in} } '\i ' . $self->{script}->filename . "\n";
	$self->{in}->flush;
	while (defined(my $line = readline $self->{out}))
	{
		chomp $line;
		return @lines if $line eq '@@end';
		push @lines, $line;
	}
	my $error = slurp_file($self->{errors}->filename);
	$self->end;
	$self->connect if !$self->{broken}++;
	delete $self->{broken};
	die "$self->{name}: $error";
}

=item $session->answers(name => $query, ...)

Runs queries whose results psql prints, COPY ... TO STDOUT say, and returns a
hash of their lines by name.

=cut

sub answers
{
	my ($self, @queries) = @_;
	my (%lines, @names, $script, $name);

	while (my ($of, $query) = splice @queries, 0, 2)
	{
		$script .= '\echo @@of ' . @names . "\n$query;\n";
		push @names, $of;
		$lines{$of} = [];
	}
	foreach my $line ($self->run($script))
	{
		if ($line =~ /^\@\@of (\d+)$/) { $name = $names[$1]; }
		else { push @{ $lines{$name} }, $line; }
	}
	return %lines;
}

=item $session->end

Disconnects.

=cut

sub end
{
	my ($self) = @_;

	close $self->{in};
	waitpid $self->{pid}, 0;
	return;
}

=back

=cut

1;
