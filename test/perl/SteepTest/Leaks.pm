
=pod

=head1 NAME

SteepTest::Leaks - what an operation has left behind

=over

=cut

package SteepTest::Leaks;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use SteepTest::Nodes;

our @EXPORT = qw(state_of is_unleaked);

# The sessions of the test itself bear its name and are left out.
my $state = <<'EOC';
SELECT format('server %s', srvname) FROM pg_foreign_server
UNION ALL
SELECT format('user mapping %s for %s', srvname, usename) FROM pg_user_mappings
UNION ALL
SELECT format('foreign table %s', ftrelid::regclass) FROM pg_foreign_table
UNION ALL
SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts
UNION ALL
SELECT format('advisory lock %s %s', classid, objid) FROM pg_locks WHERE locktype = 'advisory'
UNION ALL
SELECT format('slot %s', slot_name) FROM pg_replication_slots
UNION ALL
SELECT format('origin %s', roname) FROM pg_replication_origin
UNION ALL
SELECT format('temporary relation %s', relname) FROM pg_class WHERE relpersistence = 't'
UNION ALL
SELECT format('temporary file %s', name) FROM pg_ls_tmpdir()
UNION ALL
SELECT format('setting %s of role %s in database %s', setconfig, setrole, setdatabase)
FROM pg_db_role_setting
UNION ALL
SELECT format('%s %s', backend_type, application_name) FROM pg_stat_activity
WHERE application_name <> current_setting('application_name')
    AND backend_type !~ '^(autovacuum|background writer|checkpointer|io worker|logical|parallel|slot|startup|wal)'
EOC

=item state_of(@nodes)

Returns what is_unleaked compares with: servers, mappings, foreign and
temporary tables, prepared transactions, advisory locks, slots, origins,
temporary files, settings, and sessions other than the test's own.

=cut

sub state_of
{
	return { map { $_->name => { node => $_, lines => lines($_) } } @_ };
}

=item is_unleaked($before, $name, $ignore)

Tests that the nodes come back to the state before, but for lines that match
the regular expression. Connections may take a moment to end.

=cut

sub is_unleaked
{
	my ($before, $name, $ignore) = @_;
	my @changes;

	eval {
		wait_until(sub { !(@changes = changes($before, $ignore)) }, $name);
	};
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ok = ok(!@changes, $name);
	diag $_ foreach @changes;
	return $ok;
}

sub lines
{
	my ($node) = @_;

	return [ sort split /\n/, sql($node, $state) ];
}

sub changes
{
	my ($before, $ignore) = @_;
	my @changes;

	foreach my $name (sort keys %$before)
	{
		my %count;
		$count{$_}++ foreach @{ lines($before->{$name}{node}) };
		$count{$_}-- foreach @{ $before->{$name}{lines} };
		push @changes, map { sprintf '%s: %+d %s', $name, $count{$_}, $_ }
		  grep { $count{$_} && !($ignore && $_ =~ $ignore) }
		  sort keys %count;
	}
	return @changes;
}

=back

=cut

1;
