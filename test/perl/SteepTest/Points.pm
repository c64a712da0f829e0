
=pod

=head1 NAME

SteepTest::Points - stop, fail or kill the code at a test point

The points are those of src/base/testpoint.c, in a build with TEST_POINTS=1.

=over

=cut

package SteepTest::Points;

use strict;
use warnings;

use Exporter 'import';

use SteepTest::Nodes;

our @EXPORT = qw(hold_point arm_point disarm_points);

my $class = 7378;

=item hold_point($node, $name, $dbname)

Stops all that reaches the point in that database. Returns an object:
C<< ->wait_reached >> waits until something has stopped there, C<< ->waiter >>
returns the pid of what has, and C<< ->release >> lets it go on.

=cut

sub hold_point
{
	my ($node, $name, $dbname) = @_;
	my $key = sprintf 'hashtext(%s COLLATE "C")', quote($name);
	my $session = $node->background_psql($dbname // 'postgres');

	$session->query_safe("SELECT pg_advisory_lock($class, $key)");
	return bless {
		node => $node,
		name => $name,
		key => $key,
		session => $session
	};
}

sub wait_reached
{
	my ($self) = @_;

	wait_until(sub { $self->waiter }, "something at the test point $self->{name}");
	return;
}

sub waiter
{
	my ($self) = @_;

	return sql($self->{node}, <<"EOC");
SELECT min(pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = $class AND NOT granted
	AND objid = ($self->{key}::bigint & 4294967295)::oid
EOC
}

sub release
{
	my ($self) = @_;

	$self->{session}->quit;
	return;
}

=item arm_point($node, 'fail_point' or 'crash_point', $name)

Makes sessions and workers raise an error or die as by kill -9 at the point.

=cut

sub arm_point
{
	my ($node, $setting, $name) = @_;
	my $value = quote($name);

	sql($node, "ALTER SYSTEM SET steep_repl.$setting = $value");
	$node->reload;
	$node->poll_query_until('postgres', "SHOW steep_repl.$setting", $name)
	  or die "could not arm $setting";
	return;
}

=item disarm_points($node)

Undoes arm_point.

=cut

sub disarm_points
{
	my ($node) = @_;

	foreach my $setting (qw(fail_point crash_point))
	{
		sql($node, "ALTER SYSTEM RESET steep_repl.$setting");
		$node->reload;
		$node->poll_query_until('postgres', "SHOW steep_repl.$setting", '')
		  or die "could not disarm $setting";
	}
	return;
}

=back

=cut

1;
