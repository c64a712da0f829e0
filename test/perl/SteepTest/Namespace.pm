
=pod

=head1 NAME

SteepTest::Namespace - run a test in namespaces of its own

=head1 SYNOPSIS

    use SteepTest::Namespace qw(net mount);		# before use SteepTest
    use SteepTest;

=head1 DESCRIPTION

Starts the test again in a user namespace, by the same user but with all
rights there: over a network that only it has (net), so it can drop packets
with iptables, and over mounts that only it has (mount), so it can make file
systems of a size. Skips the test where the system refuses that.

=over

=cut

package SteepTest::Namespace;

use strict;
use warnings;

our @EXPORT = qw(drop_packets pass_packets mount_small resize_small);

sub import
{
	my (undef, @kinds) = @_;
	my $caller = caller;
	my @enter = (qw(unshare --user --map-current-user --keep-caps), map { "--$_" } @kinds);

	no strict 'refs';
	*{"${caller}::$_"} = \&$_ foreach @EXPORT;
	return if $ENV{STEEP_IN_NAMESPACE};
	$ENV{PATH} .= ':/usr/sbin:/sbin';
	my @tools = map { $_ eq 'net' ? 'ip link set lo up && iptables -w -L -n >/dev/null' : 'mount -t tmpfs none /mnt' } @kinds;
	if (system(@enter, 'sh', '-c', join(' && ', @tools) . ' 2>/dev/null') != 0)
	{
		print "1..0 # SKIP no namespaces, ip, iptables or mount here\n";
		exit 0;
	}
	$ENV{STEEP_IN_NAMESPACE} = 1;
	exec @enter, 'sh', '-c', (grep { $_ eq 'net' } @kinds) ? 'ip link set lo up; exec "$@"' : 'exec "$@"',
	  'sh', $^X, (map { "-I$_" } grep { !ref } @INC), $0
	  or die "could not run unshare: $!";
}

=item drop_packets($port), pass_packets()

Lets packets from and to a port vanish, with from => 1 only those from it; lets
all pass again.

=cut

sub drop_packets
{
	my ($port, %o) = @_;

	foreach my $side ($o{from} ? 'sport' : qw(sport dport))
	{
		system(qw(iptables -w -A INPUT -p tcp), "--$side", $port, qw(-j DROP)) == 0
		  or die 'could not drop packets';
	}
	return;
}

sub pass_packets
{
	system(qw(iptables -w -F INPUT)) == 0 or die 'could not let packets pass';
	return;
}

=item mount_small($directory, $megabytes), resize_small(...)

Mounts an empty file system of that size on a directory; changes its size.

=cut

sub mount_small
{
	my ($directory, $megabytes) = @_;

	mkdir $directory;
	system(qw(mount -t tmpfs -o), "size=${megabytes}m,mode=700", 'none', $directory) == 0
	  or die "could not mount $directory";
	return;
}

sub resize_small
{
	my ($directory, $megabytes) = @_;

	system(qw(mount -o), "remount,size=${megabytes}m", $directory) == 0
	  or die "could not resize $directory";
	return;
}

=back

=cut

1;
