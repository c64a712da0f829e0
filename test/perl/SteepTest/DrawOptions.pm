
=pod

=head1 NAME

SteepTest::DrawOptions - random options of a merge

=over

=cut

package SteepTest::DrawOptions;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;

use SteepTest::Values qw(pick shuffle chance ident literal);

our @EXPORT_OK = qw(draw_options condition);

=item draw_options(@tables)

Returns how to merge them: a hash of

    tables      names of those that are merged
    strategy    of those that have no own
    options     for start_merge, but for conditions
    rules       by table: strategy, time (column, or undef: the commit's),
                columns that are merged, condition [SQL, sub]

=cut

sub draw_options
{
	my @all = @_;
	my @merged = chance(0.9) ? @all : (shuffle(@all))[ 0 .. int(rand(@all)) ];
	my %o = (tables => [ map { $_->{name} } shuffle(@merged) ], strategy => draw_strategy());
	my %options = (batch_size => pick(1, 3, 7, 5000), sequences => pick(JSON::PP::true, JSON::PP::false));

	$options{tie} = pick('local', 'remote', 'manual') if chance(0.6);
	$options{direction} = pick('both', 'to-local', 'to-remote') if chance(0.25);
	$options{actions} = pick([ 'insert' ], [ 'update' ], [ 'insert', 'update' ]) if chance(0.2);
	$options{max_changes} = int(rand(20)) if chance(0.05);
	@options{qw(atomicity batch_size)} = ('batch', pick(4, 9, 5000)) if chance(0.3);
	foreach my $t (@merged)
	{
		my $rule = $o{rules}{ $t->{name} } = draw_rule($t, $o{strategy}, \@all);

		$options{strategies}{ $t->{name} } = $rule->{strategy} if $rule->{strategy} ne $o{strategy};
		$options{modified_column}{ $t->{name} } = $rule->{time} if defined $rule->{time} && ($rule->{time} eq 'touched' || chance(0.5));
		$options{primary_keys}{ $t->{name} } = $t->{key} if $t->{shape} =~ /none|deferrable/;
		$options{where}{ $t->{name} } = $rule->{condition}[0] if $rule->{condition};
		$options{exclude}{ $t->{name} } = $rule->{excluded} if @{ $rule->{excluded} };
	}
	$o{options} = \%options;
	return \%o;
}

sub draw_strategy
{
	return pick('prefer-local', 'prefer-remote', 'last-modified', 'manual');
}

sub draw_rule
{
	my ($t, $strategy, $all) = @_;
	my %rule = (strategy => chance(0.7) ? $strategy : draw_strategy(), excluded => []);

	$rule{excluded} = draw_excluded($t, $all) if chance(0.2);
	my %excluded = map { $_ => 1 } @{ $rule{excluded} };
	my @merged = grep { !$excluded{ $_->{name} } } @{ $t->{columns} };
	$rule{columns} = [ map { $_->{name} } @merged ];
	$rule{time} = $t->{time} if defined $t->{time} && !$excluded{ $t->{time} } && ($t->{time} ne 'touched' || chance(0.8));
	# a column that is excluded may differ where the rest of the row is the same
	$rule{condition} = condition(%excluded && chance(0.5) ? grep { $excluded{ $_->{name} } } @{ $t->{columns} } : @{ $t->{columns} }) if chance(%excluded ? 0.4 : 0.2);
	return \%rule;
}

# Some columns that a row can do without, and those that are made from them; of
# what others refer to, all or nothing.
sub draw_excluded
{
	my ($t, $all) = @_;
	my %out = map { $_->{name} => 1 } grep { (!$_->{not_null} || defined $_->{default}) && chance(0.3) } @{ $t->{columns} };

	$out{ $_->{name} } = 1 foreach grep { $_->{made} && $out{ $_->{made} } } @{ $t->{columns} };
	foreach my $reference (grep { $_->{parent} == $t } map { @{ $_->{references} } } @$all)
	{
		my @columns = @{ $reference->{referenced} };
		delete @out{@columns} if grep { !$out{$_} } @columns;
	}
	return [ sort keys %out ];
}

=item condition(@columns)

Draws a condition about a row, as SQL, and a sub that gets the row and says
whether it is true: 1, 0 or undef.

=cut

sub condition
{
	my @columns = grep { $_->{type} ne 'public.pair' } @_;	# a row with a null is neither

	return undef if !@columns;
	my ($one, $other) = (simple(pick(@columns)), simple(pick(@columns)));

	return $one if chance(0.5);
	return [ "NOT ($one->[0])", sub { my $is = $one->[1]->(@_); defined $is ? !$is || 0 : undef } ] if chance(0.2);
	return [ "$one->[0] AND $other->[0]", sub { all($one->[1]->(@_), $other->[1]->(@_)) } ] if chance(0.5);
	return [ "$one->[0] OR $other->[0]", sub { my $not = all(map { defined $_ ? !$_ || 0 : undef } $one->[1]->(@_), $other->[1]->(@_)); defined $not ? !$not || 0 : undef } ];
}

sub all
{
	my @is = @_;

	return 0 if grep { defined $_ && !$_ } @is;
	return (grep { !defined $_ } @is) ? undef : 1;
}

# A condition about one column.
sub simple
{
	my ($column) = @_;
	my ($name, $type) = @$column{qw(name type)};
	my $sql = ident($name);

	if ($type =~ /^(integer|bigint|numeric)$/ && chance(0.8))
	{
		my $limit = int(rand(6));
		return [ "$sql > $limit", sub { my $v = $_[0]{$name}; !defined $v ? undef : $v =~ /^(NaN|Infinity)$/ || $v > $limit || 0 } ];
	}
	return [ "t.$sql", sub { my $v = $_[0]{$name}; defined $v ? $v eq 't' || 0 : undef } ] if $type eq 'boolean';
	if ($type eq 'text' && chance(0.8))
	{
		my @of = map { pick('a', "it's", '$1', 'back\\slash', "two\nlines", 'w1', 'w2', 'w3', '') } 1 .. 4;
		return [ "$sql IN (" . join(', ', map { literal('text', $_) } @of) . ')',
			sub { my $v = $_[0]{$name}; defined $v ? !!(grep { $v eq $_ } @of) || 0 : undef } ];
	}
	return [ "$sql IS NOT NULL", sub { defined $_[0]{$name} || 0 } ] if chance(0.7);
	return [ "$sql IS NULL", sub { !defined $_[0]{$name} || 0 } ];
}

=back

=cut

1;
