
=pod

=head1 NAME

SteepTest::Oracle - what two tables really differ in

Reads both tables with COPY under pinned settings and compares their text here,
so it shares nothing with the code that it judges.

=over

=cut

package SteepTest::Oracle;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use SteepTest::Nodes;

our @EXPORT = qw(table_rows compare_tables is_overlap_right is_equal_table);

my $pinned = <<'EOC';
SET row_security = off;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET search_path = pg_catalog;
EOC

=item table_rows($node, $table, $key, dbname => $name, columns => [...], key_text => $sub)

Returns the rows of a table (named as in SQL, with its schema) as a reference
to a hash: by the text of the key columns, the row's text in COPY's format. The
columns are all, by name, unless given. key_text makes keys equal that the
type's own operator calls equal: it gets and returns the key's text.

=cut

sub table_rows
{
	my ($node, $table, $key, %options) = @_;
	my $dbname = $options{dbname} // 'postgres';
	my @columns = @{ $options{columns} // columns($node, $table, $dbname) };
	my $list = join ', ', map { identifier($_) } @$key, @columns;
	my $copy = "${pinned}COPY (SELECT $list FROM $table) TO STDOUT";
	my %rows;

	foreach my $line (split /\n/, sql($node, $copy, $dbname))
	{
		my @fields = split /\t/, $line, -1;
		my $text = join "\t", splice @fields, 0, @$key;
		$text = $options{key_text}->($text) if $options{key_text};
		die "two rows of $table have the key $text" if exists $rows{$text};
		$rows{$text} = join "\t", @fields;
	}
	return \%rows;
}

=item compare_tables($node, $peer, $table, $key, ...)

Returns a reference to a hash of the counts local_only, remote_only, match and
conflict, and rows: by key, [category, local row, remote row] of those that are
no match. The options are those of table_rows.

=cut

sub compare_tables
{
	my ($node, $peer, $table, $key, %options) = @_;
	my $local = table_rows($node, $table, $key, %options);
	my $remote = table_rows($peer, $table, $key, %options);
	my %result = (
		local_only => 0,
		remote_only => 0,
		match => 0,
		conflict => 0,
		rows => {});

	foreach my $text (keys %{ { %$local, %$remote } })
	{
		my ($here, $there) = ($local->{$text}, $remote->{$text});
		my $category =
		    !defined $there ? 'local_only'
		  : !defined $here ? 'remote_only'
		  : $here eq $there ? 'match'
		  : 'conflict';

		$result{$category}++;
		$result{rows}{$text} = [ $category, $here, $there ]
		  if $category ne 'match';
	}
	return \%result;
}

=item is_overlap_right($node, $peer, $table, $key, $name, ...)

Tests that steep_repl.analyze_overlap counts what compare_tables counts; returns
the latter.

=cut

sub is_overlap_right
{
	my ($node, $peer, $table, $key, $name, %options) = @_;
	my $expected = compare_tables($node, $peer, $table, $key, %options);
	my $query = sprintf 'SELECT local_only_count, remote_only_count,'
	  . ' match_count, conflict_count'
	  . ' FROM steep_repl.analyze_overlap(%s, ARRAY[%s])',
	  quote(conninfo($peer, dbname => $options{dbname} // 'postgres')),
	  quote($table);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( sql($node, $query, $options{dbname}),
		join('|', @$expected{qw(local_only remote_only match conflict)}),
		$name);
	return $expected;
}

=item is_equal_table($node, $peer, $table, $key, $name, ...)

Tests that a table is the same on both nodes.

=cut

sub is_equal_table
{
	my ($node, $peer, $table, $key, $name, %options) = @_;
	my $result = compare_tables($node, $peer, $table, $key, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ok = ok(!%{ $result->{rows} }, $name);
	diag explain [ %{ $result->{rows} } ] unless $ok;
	return $ok;
}

sub columns
{
	my ($node, $table, $dbname) = @_;

	return [
		split /\n/,
		sql($node, sprintf(<<'EOC', quote($table)), $dbname) ];
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attname COLLATE "C"
EOC
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
