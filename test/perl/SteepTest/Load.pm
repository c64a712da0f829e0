
=pod

=head1 NAME

SteepTest::Load - pgbench and the fault proxy

=over

=cut

package SteepTest::Load;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(start_load start_proxy);

my $timeout = $PostgreSQL::Test::Utils::timeout_default;

=item start_load($node, $script, clients => 2, dbname => $name, options => [...], endure => 1)

Runs an SQL script with pgbench until C<< ->stop >>, which dies if pgbench ended
before, and returns the number of transactions. With endure pgbench is started
again whenever the node has failed it.

=cut

sub start_load
{
	my ($node, $script, %options) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir . '/load.sql';
	my $self = bless { output => '', go => "$file.go" }, 'SteepTest::Load::Pgbench';
	my @again = $options{endure} ? ('sh', '-c', 'while [ -e "$0" ]; do "$@"; sleep 0.2; done', $self->{go}) : ();

	append_to_file($file, $script);
	append_to_file($self->{go}, '') if @again;
	$self->{run} = IPC::Run::start(
		[
			@again, $node->installed_command('pgbench'),
			'-h', $node->host, '-p', $node->port,
			'-n', '-T', @again ? 1 : 10 * $timeout, '-c', $options{clients} // 2,
			'-f', $file, @{ $options{options} // [] },
			$options{dbname} // 'postgres'
		],
		'<', '/dev/null', '>&', \$self->{output});
	return $self;
}

=item start_proxy($node, @options)

Starts test/perl/fault_proxy.py, which explains the options and commands,
before a node. Methods: C<< ->port >>, C<< ->command($line) >>, which returns the
answer, C<< ->wait_hits($n) >>, C<< ->totals >>, a hash reference, and
C<< ->stop >>.

=cut

sub start_proxy
{
	my ($node, @options) = @_;
	my $self = bless { in => '', out => '', err => '' }, 'SteepTest::Load::Proxy';

	$self->{run} = IPC::Run::start(
		[ 'python3', dirname(__FILE__) . '/../fault_proxy.py', @options, $node->port ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
		$self->{timer} = IPC::Run::timer($timeout));
	$self->answer =~ /^listening on (\d+)$/
	  or die "the proxy did not start: $self->{err}";
	$self->{port} = $1;
	return $self;
}

=back

=cut

package SteepTest::Load::Pgbench;

use Test::More;

sub stop
{
	my ($self) = @_;

	die "pgbench ended too early: $self->{output}" unless $self->{run}->pumpable;
	if (!unlink $self->{go})
	{
		$self->{run}->signal('ALRM');       # as if its time was up
	}
	$self->{run}->finish;
	my $sum = 0;
	my @counts = $self->{output} =~ /number of transactions actually processed: (\d+)/g
	  or die "pgbench failed: $self->{output}";
	$sum += $_ foreach @counts;
	return $sum;
}

package SteepTest::Load::Proxy;

use SteepTest::Nodes;

sub port
{
	my ($self) = @_;

	return $self->{port};
}

sub answer
{
	my ($self) = @_;

	$self->{timer}->start;
	$self->{run}->pump until $self->{out} =~ /\n/ || $self->{timer}->is_expired;
	$self->{out} =~ s/^(.*)\n// or die "the proxy is silent: $self->{err}";
	return $1;
}

sub command
{
	my ($self, $line) = @_;

	$self->{in} .= "$line\n";
	return $self->answer;
}

sub wait_hits
{
	my ($self, $hits) = @_;

	return wait_until(sub { $self->command('hits') >= $hits }, "$hits hits of the proxy");
}

sub totals
{
	my ($self) = @_;

	return { split / /, $self->command('totals') };
}

sub stop
{
	my ($self) = @_;

	$self->{run}->signal('TERM');
	$self->{run}->finish;
	return;
}

1;
