
=pod

=head1 NAME

SteepTest::Snapshot - snapshots, and what plain tools find in their files

=over

=cut

package SteepTest::Snapshot;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Utils;

use SteepTest::Nodes;

our @EXPORT = qw(submit_snapshot submit_apply wait_for_snapshot run_snapshot run_apply read_manifest edit_manifest unpack_command load_snapshot is_no_snapshot);

my @columns = qw(snapshot_id status path compression tables rows bytes file_bytes lsn error_message);
my %unpack = ('' => 'cat', '.gz' => 'gzip -dc', '.lz4' => 'lz4 -dcq', '.zst' => 'zstd -dcq');

=item submit_snapshot($node, $path, compression => $spec, parallel => $n, options => $json, role => $role)

Starts a snapshot and returns its id.

=cut

sub submit_snapshot
{
	my ($node, $path, %o) = @_;
	my $query = sprintf 'SELECT snapshot_id FROM steep_repl.start_snapshot(%s, %s, %d, %s)',
	  quote($path), quote($o{compression} // 'none'), $o{parallel} // 2, quote($o{options} // '{}');

	return $o{role} ? sql_as($node, $o{role}, $query) : sql($node, $query, $o{dbname});
}

=item wait_for_snapshot($node, $id)

Waits for its end; returns its row as a reference to a hash.

=cut

sub wait_for_snapshot
{
	my ($node, $id, $dbname) = @_;
	my %row;

	@row{@columns} = split /\|/,
	  sql($node,
		'SELECT ' . join(', ', map { "coalesce($_\::text, '')" } @columns)
		  . " FROM steep_repl.wait_snapshot('$id', $PostgreSQL::Test::Utils::timeout_default)", $dbname), -1;
	return \%row;
}

=item run_snapshot($node, $path, ...)

Starts a snapshot and waits for its end.

=cut

sub run_snapshot
{
	my ($node, $path, %o) = @_;

	return wait_for_snapshot($node, submit_snapshot($node, $path, %o), $o{dbname});
}

=item submit_apply($node, $path, parallel => $n, verify => 'false', options => $json, role => $role)

Starts to apply a snapshot and returns the id of that.

=cut

sub submit_apply
{
	my ($node, $path, %o) = @_;
	my $query = sprintf 'SELECT snapshot_id FROM steep_repl.start_apply(%s, %d, %s, %s)',
	  quote($path), $o{parallel} // 2, $o{verify} // 'true', quote($o{options} // '{}');

	return $o{role} ? sql_as($node, $o{role}, $query) : sql($node, $query, $o{dbname});
}

=item run_apply($node, $path, ...)

Applies a snapshot and waits for the end.

=cut

sub run_apply
{
	my ($node, $path, %o) = @_;

	return wait_for_snapshot($node, submit_apply($node, $path, %o), $o{dbname});
}

=item edit_manifest($path, $sub)

Lets the sub change the text of a manifest, in $_, and computes its checksum anew.

=cut

sub edit_manifest
{
	my ($path, $sub) = @_;
	my @lines = split /^/, slurp_file("$path/manifest.json");
	local $_ = join '', @lines[ 0 .. $#lines - 2 ];

	$sub->();
	$_ .= $lines[-2] =~ s/[0-9a-f]{64}/sha256_hex($_)/er . $lines[-1];
	unlink "$path/manifest.json";
	append_to_file("$path/manifest.json", $_);
	return;
}

=item read_manifest($path)

Returns what the manifest says.

=cut

sub read_manifest
{
	my ($path) = @_;

	return decode_json(slurp_file("$path/manifest.json"));
}

=item unpack_command($path, $table)

Returns the shell command that writes a table of the manifest as COPY's text.

=cut

sub unpack_command
{
	my ($path, $table) = @_;

	return join '; ', map { $_->{file} =~ /\.copy(.*)/ ? "$unpack{$1} '$path/$_->{file}'" : die } @{ $table->{chunks} };
}

=item load_snapshot($node, $path, $dbname)

Restores a snapshot into a database with psql and the programs that unpack.

=cut

sub load_snapshot
{
	my ($node, $path, $dbname) = @_;
	my $manifest = read_manifest($path);
	my $psql = sprintf "psql -qX -v ON_ERROR_STOP=1 -d '%s'", $node->connstr($dbname);

	sql($node, "CREATE DATABASE $dbname TEMPLATE template0");
	system_or_bail('sh', '-c', "$psql -f '$path/schema/pre-data.sql'");
	foreach my $table (@{ $manifest->{tables} })
	{
		my $list = join ', ', map { identifier($_->{name}) } @{ $table->{columns} };
		my $name = join '.', map { identifier($table->{$_}) } qw(schema name);
		my $copy = PostgreSQL::Test::Utils::tempdir() . '/copy.sql';

		$list = "($list)" if $list;
		append_to_file($copy, "SET client_encoding = '$manifest->{encoding}';\nCOPY $name $list FROM pstdin\n" =~ s/FROM pstdin/FROM STDIN;/r);
		system_or_bail('sh', '-c', "{ cat '$copy'; { " . unpack_command($path, $table) . "; }; printf '\\\\.\\n'; } | $psql");
	}
	system_or_bail('sh', '-c', "$psql -f '$path/schema/post-data.sql'");
	return;
}

=item is_no_snapshot($path)

Is nothing there that could be taken for a snapshot, and no temporary file?

=cut

sub is_no_snapshot
{
	my ($path) = @_;

	return !-e $path;
}

sub identifier
{
	my ($name) = @_;

	$name =~ s/"/""/g;
	return qq("$name");
}

=back

=cut

1;
