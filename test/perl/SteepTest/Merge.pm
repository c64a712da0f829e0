
=pod

=head1 NAME

SteepTest::Merge - start merges, wait for them, and look at both nodes

=over

=cut

package SteepTest::Merge;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use SteepTest::Nodes;

our @EXPORT = qw(start_call submit_merge wait_for_merge run_merge refused_merge
  merge_fails resume options both images is_merged audit decisions job_error);

my @columns = qw(merge_id status local_only_count remote_only_count match_count
  conflict_count applied_local applied_remote stale failed changed_since ties
  unknown_times error_message);

=item start_call($peer, $tables, strategy => $name, dry_run => 1, options => $json, conninfo => {...})

Returns the text of a call of start_merge; $tables is a reference to an array.

=cut

sub start_call
{
	my ($peer, $tables, %o) = @_;

	return sprintf 'steep_repl.start_merge(%s, ARRAY[%s]::text[], %s, %s, %s)',
	  quote($o{peer} // conninfo($peer, %{ $o{conninfo} // {} })),
	  join(', ', map { quote($_) } @$tables),
	  quote($o{strategy} // 'prefer-local'), $o{dry_run} ? 'true' : 'false',
	  quote($o{options} // '{}');
}

=item submit_merge($node, $peer, $tables, role => $role, ...)

Starts a merge and returns its id.

=cut

sub submit_merge
{
	my ($node, $peer, $tables, %o) = @_;
	my $query = 'SELECT merge_id FROM ' . start_call($peer, $tables, %o);

	return $o{role} ? sql_as($node, $o{role}, $query) : sql($node, "SET log_statement = 'none'; $query");
}

=item wait_for_merge($node, $id)

Waits for the end of a merge; returns its audit row as a reference to a hash.

=cut

sub wait_for_merge
{
	my ($node, $id) = @_;
	my $limit = $PostgreSQL::Test::Utils::timeout_default;

	return audit($node, "steep_repl.wait_merge('$id', $limit)");
}

=item audit($node, $from)

Returns the row of merge_audit_log that the FROM clause yields.

=cut

sub audit
{
	my ($node, $from) = @_;
	my %row;

	@row{@columns} = split /\|/,
	  sql($node, 'SELECT ' . join(', ', map { "coalesce($_\::text, '')" } @columns) . " FROM $from"), -1;
	return \%row;
}

=item run_merge($node, $peer, $tables, ...)

Starts a merge and waits for its end.

=cut

sub run_merge
{
	my ($node, $peer, $tables, %o) = @_;

	return wait_for_merge($node, submit_merge($node, $peer, $tables, %o));
}

=item refused_merge($node, $peer, $tables, ...)

Returns the error with which start_merge refuses; '' if it does not.

=cut

sub refused_merge
{
	my ($node, $peer, $tables, %o) = @_;

	return error_of($node, 'SELECT ' . start_call($peer, $tables, %o), $o{role});
}

=item resume($node, $function, $id, peer => $address, role => $role)

Calls apply_merge or revert_merge, and waits for the end of what it starts.

=cut

sub resume
{
	my ($node, $function, $id, %o) = @_;
	my $query = sprintf 'SELECT merge_id FROM steep_repl.%s(%s)', $function,
	  join ', ', map { quote($_) } $id, $o{peer} // ();

	return wait_for_merge($node,
		$o{role} ? sql_as($node, $o{role}, $query) : sql($node, "SET log_statement = 'none'; $query"));
}

=item options(name => $value, ...)

Returns options as JSON: a reference to a hash is written by table, one to an
array as a list; true, false and numbers as they are.

=cut

sub options
{
	my (%o) = @_;

	return '{' . join(', ', map {
			json($_) . ': ' . ($o{$_} =~ /^(true|false|[\d.]+)$/ ? $o{$_} : json($o{$_}))
		} sort keys %o) . '}';
}

sub json
{
	my ($value) = @_;

	return '{' . join(', ', map { json($_) . ': ' . json($value->{$_}) } sort keys %$value) . '}'
	  if ref $value eq 'HASH';
	return '[' . join(', ', map { json($_) } @$value) . ']' if ref $value;
	$value =~ s/([\\"])/\\$1/g;
	$value =~ s/\n/\\n/g;
	return qq{"$value"};
}

=item merge_fails($node, $peer, $tables, $regex, $name, ...)

Tests that a merge fails for a reason that the regular expression finds, and
that the tables are as before on both nodes.

=cut

sub merge_fails
{
	my ($node, $peer, $tables, $regex, $name, %o) = @_;
	my $before = images($node, $peer, @$tables);
	my $row = run_merge($node, $peer, $tables, %o);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($row->{status}, 'failed', "$name: the merge fails");
	like($row->{error_message}, $regex, "$name: and says why");
	is_deeply(images($node, $peer, @$tables), $before, "$name: nothing is written");
	return $row;
}

=item both($node, $peer, $query)

Runs SQL on both nodes.

=cut

sub both
{
	my ($node, $peer, $query) = @_;

	sql($_, $query) foreach $node, $peer;
	return;
}

=item images($node, $peer, @tables)

Returns the rows of tables of both nodes, as COPY writes them, sorted.

=cut

sub images
{
	my ($node, $peer, @tables) = @_;

	return [
		map {
			my $n = $_;
			map { my $t = $_; [ $t, sort split /\n/, sql($n, "COPY (SELECT * FROM $t) TO STDOUT") ] }
			  @tables
		} $node, $peer ];
}

=item is_merged($row, $counts, $name)

Tests that a merge is complete with "local_only|remote_only|match|conflict|
applied_local|applied_remote".

=cut

sub is_merged
{
	my ($row, $counts, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		join('|', @$row{qw(status local_only_count remote_only_count match_count conflict_count applied_local applied_remote)}),
		"complete|$counts", $name)
	  || diag "error: $row->{error_message}";
}

=item decisions($node, $id)

Returns the decisions of a merge, one a line, sorted.

=cut

sub decisions
{
	my ($node, $id) = @_;

	return sql($node, <<"EOC");
SELECT concat_ws(' ', table_name, key, category, resolution, state)
FROM steep_repl.merge_decisions WHERE merge_id = '$id' ORDER BY 1
EOC
}

=item job_error($node, $id)

Returns what the queue says about the failure of a merge.

=cut

sub job_error
{
	my ($node, $id) = @_;

	return sql($node, <<"EOC");
SELECT concat_ws(E'\\n', error_sqlstate, error_message, error_detail, error_hint, error_context)
FROM steep_repl.work_queue WHERE merge_id = '$id'
EOC
}

=back

=cut

1;
