
=pod

=head1 NAME

SteepTest::Cli - the command line program, by itself or at a terminal

=over

=cut

package SteepTest::Cli;

use strict;
use warnings;

use Exporter 'import';
use IO::Pty;
use IPC::Run;
use POSIX qw(WNOHANG _exit);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time);

our @EXPORT = qw(cli at_terminal);

=item cli(@arguments)

Runs the program and returns its code, what it has written and its errors. Its
name is not among the arguments.

=cut

sub cli
{
	my (@arguments) = @_;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run([ 'steep-repl', @arguments ], '<', \undef, '>', \$stdout, '2>', \$stderr,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $stdout, $stderr);
}

=item at_terminal(@arguments)

Starts the program at a terminal of its own and returns an object:
C<< ->expect($regex) >> waits until it has written that, and forgets it and all
before; C<< ->type($text) >> types, "\x03" being Ctrl-C; C<< ->kill($signal) >>
sends a signal; C<< ->finish >> waits for its end and returns its code and
what it has written since.

=cut

sub at_terminal
{
	my (@arguments) = @_;
	my $pty = IO::Pty->new;
	my $pid = fork // die $!;

	if ($pid == 0)
	{
		$pty->make_slave_controlling_terminal;
		my $slave = $pty->slave;
		$slave->set_winsize(24, 100);
		close $pty;
		open STDIN, '<&', $slave or _exit(127);
		open STDOUT, '>&', $slave or _exit(127);
		open STDERR, '>&', $slave or _exit(127);
		exec 'steep-repl', @arguments or _exit(127);
	}
	$pty->close_slave;
	return bless { pty => $pty, pid => $pid, output => '' };
}

# Reads what there is within a moment; false at the end.
sub more
{
	my ($self) = @_;
	my $bits = '';

	vec($bits, fileno $self->{pty}, 1) = 1;
	select($bits, undef, undef, 0.1) > 0 or return 1;
	return sysread $self->{pty}, $self->{output}, 65536, length $self->{output};
}

sub expect
{
	my ($self, $regex) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while ($self->{output} !~ s/^.*?$regex//s)
	{
		$self->more && time < $end or die "no $regex in: $self->{output}";
	}
	return 1;
}

sub type
{
	my ($self, $text) = @_;

	syswrite $self->{pty}, $text;
	return;
}

sub kill
{
	my ($self, $signal) = @_;

	kill $signal => $self->{pid};
	return;
}

sub finish
{
	my ($self) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while (waitpid($self->{pid}, WNOHANG) == 0)
	{
		$self->more;
		time < $end or die "no end of: $self->{output}";
	}
	my $code = $? >> 8;
	1 while $self->more;
	return ($code, $self->{output});
}

=back

=cut

1;
