
=pod

=head1 NAME

SteepTest - what the tests in test/t share

=head1 SYNOPSIS

    use SteepTest;

    my ($node, $peer) = start_pair();
    sql($_, 'CREATE TABLE t (id int PRIMARY KEY, x text)') for $node, $peer;
    my $before = state_of($node, $peer);
    ...
    is_overlap_right($node, $peer, 'public.t', ['id'], 'after the merge');
    is_unleaked($before, 'the merge leaves nothing behind');
    done_testing();

=head1 DESCRIPTION

Brings strict, warnings, Test::More and PostgreSQL::Test::Utils along and
exports what these modules export:

    SteepTest::Nodes    two servers, their connection strings, waiting
    SteepTest::Oracle   what two tables really differ in
    SteepTest::Leaks    what an operation has left behind
    SteepTest::Points   stop, fail or kill the code at a test point
    SteepTest::Secrets  where a password has gone
    SteepTest::Load     pgbench and the fault proxy
    SteepTest::Merge    merges, and both nodes after them
    SteepTest::Namespace    (by itself) networks that fail, disks that are full

=cut

package SteepTest;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use SteepTest::Leaks;
use SteepTest::Load;
use SteepTest::Merge;
use SteepTest::Nodes;
use SteepTest::Oracle;
use SteepTest::Points;
use SteepTest::Secrets;

sub import
{
	strict->import;
	warnings->import;
	my $caller = caller;

	foreach my $module (
		qw(Test::More PostgreSQL::Test::Utils
		SteepTest::Leaks SteepTest::Load SteepTest::Merge SteepTest::Nodes
		SteepTest::Oracle SteepTest::Points SteepTest::Secrets))
	{
		eval "package $caller; $module->import; 1" or die $@;
	}
	return;
}

1;
