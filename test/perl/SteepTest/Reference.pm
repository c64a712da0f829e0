
=pod

=head1 NAME

SteepTest::Reference - a merge of two hashes of rows, to judge the real one by

Knows nothing of a database. A state is, by table and by the text that stands
for a key, a row: a hash of texts by column. What is decided is a list of

    table, key, category, resolution, resolved_by, state,
    local, remote (the rows before), local_after, remote_after

=over

=cut

package SteepTest::Reference;

use strict;
use warnings;

use Exporter 'import';

use SteepTest::Values qw(fold newer);

our @EXPORT_OK = qw(key_of plan resolve apply_plan plan_revert broken counts summary writes differs differences);

=item key_of($table, $row)

Returns the text that stands for the key of a row.

=cut

sub key_of
{
	my ($t, $row) = @_;

	return tuple($t, $t->{key}, $row);
}

# A text that is the same for equal values of these columns; undef for a null.
sub tuple
{
	my ($t, $columns, $row) = @_;
	my %type = map { $_->{name} => $_->{type} } @{ $t->{columns} };

	return undef if grep { !defined $row->{$_} } @$columns;
	return join "\x01", map { fold($type{$_}, $row->{$_}) } @$columns;
}

=item differs($columns, $row, $other)

Do rows, of which either may be none, differ in some columns?

=cut

sub differs
{
	my ($columns, $one, $other) = @_;

	return !!$one ne !!$other if !$one || !$other;
	return scalar grep { defined $one->{$_} ? !defined $other->{$_} || $one->{$_} ne $other->{$_} : defined $other->{$_} } @$columns;
}

=item plan($merge, $local, $remote)

Returns what is decided, and the number of rows that are equal. The merge is
what draw_options returned, with the tables by name as "shapes" and, if the
commit's time decides, that of each row as "times".

=cut

sub plan
{
	my ($merge, $local, $remote) = @_;
	my @decisions;
	my $match = 0;

	foreach my $name (@{ $merge->{tables} })
	{
		my $rule = $merge->{rules}{$name};
		my ($here, $there) = ($local->{$name}, $remote->{$name});
		my %keys = map { $_ => 1 } grep { takes_part($rule, $here->{$_}) || takes_part($rule, $there->{$_}) } keys %$here, keys %$there;

		foreach my $key (sort keys %keys)
		{
			if (!differs($rule->{columns}, $here->{$key}, $there->{$key}))
			{
				$match++;
				next;
			}
			push @decisions, decide($merge, $name, $key, $here->{$key}, $there->{$key});
		}
	}
	return (\@decisions, $match);
}

sub takes_part
{
	my ($rule, $row) = @_;

	return 0 if !$row;
	return !$rule->{condition} || $rule->{condition}[1]->($row);
}

sub decide
{
	my ($merge, $name, $key, $here, $there) = @_;
	my ($rule, $options) = ($merge->{rules}{$name}, $merge->{options});
	my $category = !$there ? 'local_only' : !$here ? 'remote_only' : 'conflict';
	my $by = $rule->{strategy};
	my $winner = $category eq 'local_only' ? 'local' : 'remote';
	my $allowed;

	($winner, $by) = choose($merge, $name, $key, $here, $there) if $category eq 'conflict';
	$allowed = grep { $_ eq ($category eq 'conflict' ? 'update' : 'insert') } @{ $options->{actions} // [ 'insert', 'update' ] };
	$allowed &&= ($options->{direction} // 'both') =~ ($winner eq 'local' ? qr/both|to-remote/ : qr/both|to-local/) if defined $winner;
	$winner = 'skip' if !$allowed;
	return {
		table => $name, key => $key, category => $category, resolution => $winner, resolved_by => $by,
		state => defined $winner ? 'planned' : 'pending', doubt => $by =~ /: (.*)/ ? $1 : '', local => $here, remote => $there,
		columns => $rule->{columns}, shown => $here // $there, effect($merge, $name, $winner, $here, $there) };
}

# Who wins a conflict, undef for a person to say, and who says so.
sub choose
{
	my ($merge, $name, $key, $here, $there) = @_;
	my $rule = $merge->{rules}{$name};
	my $tie = $merge->{options}{tie} // 'local';
	my $newer;

	return ($1, $rule->{strategy}) if $rule->{strategy} =~ /^prefer-(.*)/;
	return (undef, 'manual') if $rule->{strategy} eq 'manual';
	if (defined $rule->{time})
	{
		my ($column) = grep { $_->{name} eq $rule->{time} } @{ $merge->{shapes}{$name}{columns} };
		$newer = newer($column->{type}, $here->{ $rule->{time} }, $there->{ $rule->{time} });
	}
	else
	{
		$newer = newer('numeric', map { $_->{$name}{$key} } @{ $merge->{times} });
	}
	return ($newer > 0 ? 'local' : 'remote', 'last-modified') if $newer;
	return ($tie eq 'manual' ? undef : $tie, 'last-modified: ' . (defined $newer ? 'tie' : 'unknown'));
}

# What a resolution makes of both rows.
sub effect
{
	my ($merge, $name, $how, $here, $there, $custom) = @_;
	my %after = (local_after => $here, remote_after => $there);

	$how //= '';
	$after{local_after} = lay($merge, $name, $there, $here) if $how eq 'remote';
	$after{remote_after} = lay($merge, $name, $here, $there) if $how eq 'local';
	%after = (local_after => lay($merge, $name, $custom, $here), remote_after => lay($merge, $name, $custom, $there)) if $how eq 'custom';
	return %after;
}

# Write a row over another, or into nothing: columns that are not merged stay
# as they are, or get their default; what is made from others is made anew.
sub lay
{
	my ($merge, $name, $row, $over) = @_;
	my @columns = @{ $merge->{shapes}{$name}{columns} };
	my %new = $over ? %$over : map { $_->{name} => $_->{printed} } @columns;

	$new{$_} = $row->{$_} foreach @{ $merge->{rules}{$name}{columns} };
	$new{ $_->{name} } = defined $new{ $_->{made} } ? $new{ $_->{made} } . '!' : undef foreach grep { $_->{made} } @columns;
	return \%new;
}

=item resolve($merge, $decision, $how, $by, $row)

Decides a conflict: $row is the custom one, as a whole.

=cut

sub resolve
{
	my ($merge, $d, $how, $by, $row) = @_;

	@$d{qw(resolution resolved_by state)} = ($how, $by, 'planned');
	%$d = (%$d, effect($merge, $d->{table}, $how, $d->{local}, $d->{remote}, $row));
	return;
}

=item apply_plan($decisions, $local, $remote, $failed)

Returns both states after what is planned is applied, but for decisions that
$failed says yes to.

=cut

sub apply_plan
{
	my ($decisions, $local, $remote, $failed) = @_;
	my @after = map { my $state = $_; +{ map { $_ => { %{ $state->{$_} } } } keys %$state } } $local, $remote;

	foreach my $d (grep { $_->{state} eq 'planned' && !$failed->($_) } @$decisions)
	{
		foreach my $side (0, 1)
		{
			my $row = $d->{ $side ? 'remote_after' : 'local_after' };

			if ($row) { $after[$side]{ $d->{table} }{ $d->{key} } = $row; }
			else { delete $after[$side]{ $d->{table} }{ $d->{key} }; }
		}
	}
	return @after;
}

=item plan_revert($decisions)

Returns what is decided to undo those that are applied.

=cut

sub plan_revert
{
	my ($decisions) = @_;

	return [
		map {
			+{ %$_, resolution => 'custom', resolved_by => 'revert', doubt => '', state => 'planned', of => $_,
				local => $_->{local_after}, remote => $_->{remote_after}, local_after => $_->{local}, remote_after => $_->{remote} }
		} grep { $_->{state} eq 'applied' && (writes($_, 'local') || writes($_, 'remote')) } @$decisions ];
}

# Is a row to be written on one side?
sub writes
{
	my ($d, $side) = @_;

	return differs($d->{columns}, $d->{$side}, $d->{"${side}_after"});
}

=item broken($tables, $state)

Lists the constraints that a state breaks.

=cut

sub broken
{
	my ($tables, $state) = @_;
	my @broken;

	foreach my $t (@$tables)
	{
		foreach my $unique (@{ $t->{uniques} })
		{
			my %seen;
			foreach my $tuple (grep { defined } map { excluding($t, $unique, $_) } values %{ $state->{ $t->{name} } })
			{
				push @broken, "$t->{name}: not unique: $tuple" if $unique->{kind} eq 'apart' ? grep { overlap($_, $tuple) } keys %seen : $seen{$tuple};
				$seen{$tuple} = 1;
			}
		}
		push @broken, map { orphans($t, $_, $state) } @{ $t->{references} };
	}
	return @broken;
}

# What no other row may have, as a text; undef if others may have what they like.
sub excluding
{
	my ($t, $unique, $row) = @_;
	my $tuple = tuple($t, $unique->{columns}, $row);

	return join "\x01", map { defined $row->{$_} ? 'v' . tuple($t, [$_], $row) : 'n' } @{ $unique->{columns} } if $unique->{same_nulls} && !defined $tuple;
	return undef if !defined $tuple || $unique->{kind} eq 'even' && $tuple % 2;
	return $unique->{kind} eq 'lower' ? lc $tuple : $tuple;
}

# Do two ranges of integers overlap?
sub overlap
{
	my ($from, $to, $other_from, $other_to) = map { /^\[(\d+),(\d+)\)$/ } @_;

	return $from < $other_to && $other_from < $to;
}

sub orphans
{
	my ($t, $reference, $state) = @_;
	my $parent = $reference->{parent};
	my %there = map { $_ => 1 } grep { defined } map { tuple($parent, $reference->{referenced}, $_) } values %{ $state->{ $parent->{name} } };
	my @orphans;

	foreach my $row (values %{ $state->{ $t->{name} } })
	{
		my $nulls = grep { !defined $row->{$_} } @{ $reference->{columns} };

		push @orphans, "$t->{name}: half a reference" if $reference->{full} && $nulls && $nulls < @{ $reference->{columns} };
		push @orphans, "$t->{name}: no parent" if !$nulls && !$there{ tuple($t, $reference->{columns}, $row) };
	}
	return @orphans;
}

=item counts($decisions), summary($decisions)

Return what merge_audit_log and merge_summary() count.

=cut

sub counts
{
	my ($decisions) = @_;
	my %n = map { $_ => 0 } qw(local_only_count remote_only_count conflict_count applied_local applied_remote stale failed ties unknown_times);

	foreach my $d (@$decisions)
	{
		$n{"$d->{category}_count"}++;
		$n{failed}++ if $d->{state} eq 'failed';
		$n{ties}++ if $d->{doubt} eq 'tie';
		$n{unknown_times}++ if $d->{doubt} eq 'unknown';
		next if $d->{state} ne 'applied' && $d->{state} ne 'reverted';
		$n{applied_local}++ if writes($d, 'local');
		$n{applied_remote}++ if writes($d, 'remote');
	}
	return \%n;
}

sub summary
{
	my ($decisions) = @_;
	my %n;

	$n{ join '|', @$_{qw(table category)}, $_->{resolution} // '', $_->{state} }++ foreach @$decisions;
	return [ sort map { "$_|$n{$_}" } keys %n ];
}

=item differences($got, $want)

Lists where two structures differ, as texts.

=cut

sub differences
{
	my ($got, $want, @path) = @_;

	if (ref $got eq 'HASH' && ref $want eq 'HASH')
	{
		my %all = (%$got, %$want);
		return map { differences($got->{$_}, $want->{$_}, @path, $_) } sort keys %all;
	}
	if (ref $got eq 'ARRAY' && ref $want eq 'ARRAY')
	{
		return map { differences($got->[$_], $want->[$_], @path, $_) } 0 .. (@$got > @$want ? $#$got : $#$want);
	}
	return () if !defined $got && !defined $want;
	return () if !ref $got && !ref $want && defined $got && defined $want && $got eq $want;
	return join(' > ', @path) . ': got ' . show($got) . ', not ' . show($want);
}

sub show
{
	my ($value) = @_;

	return ref $value eq 'HASH' ? '{' . join(', ', map { "$_: " . show($value->{$_}) } sort keys %$value) . '}' : $value // 'undef';
}

=back

=cut

1;
