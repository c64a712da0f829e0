
=pod

=head1 NAME

SteepTest::Draw - random tables, and rows of two nodes

=over

=cut

package SteepTest::Draw;

use strict;
use warnings;

use Exporter 'import';

use SteepTest::Values qw(pick shuffle chance ident literal draw_value draw_key draw_wide draw_time
  plain_types key_types wide_types time_types);

our @EXPORT_OK = qw(draw_tables create_tables draw_rows);

my @tables = ('t', 'T 1', 'o"o', 't.x', "it's", '$1');
my @columns = ('a', 'B', 'c d', 'e"f', 'select', "it's", '$1', 'x.y', 'k1', 'n', 'digest', 'w', 't', 'r', 'p', 'key1', 'image', 'o', 'v', 'resolution');

=item draw_tables()

Returns tables, each a hash of

    name        as in SQL
    columns     [{name, type, not_null, default, identity, made}, ...]
    key         names of columns
    shape       primary, unique, none, deferrable or partitioned
    uniques     [{columns, kind, same_nulls, deferrable}, ...] besides the key
    references  [{columns, parent, referenced, full, action}, ...]
    time        name of the column that says which row is newer

A column is made (generated always) from another, whose name made is, by
appending an exclamation mark. What is unique is the plain values, the lower
case of a text, even numbers only, or ranges, which must not overlap ("apart").

=cut

sub draw_tables
{
	my $n = pick(1, 1, 2, 2, 3, 4);
	my @drawn;

	foreach my $name ((shuffle(@tables))[ 0 .. $n - 1 ])
	{
		push @drawn, draw_table('public.' . ident($name), @drawn);
	}
	foreach my $t (@drawn)
	{
		draw_reference($t, $t) if chance(0.1);
		draw_reference($t, pick(@drawn)) if chance(0.1);
	}
	return @drawn;
}

sub draw_table
{
	my ($name, @others) = @_;
	my @names = shuffle(@columns);
	my $t = { name => $name, shape => pick(('primary') x 5, 'unique', 'none', 'deferrable', 'partitioned'), uniques => [], references => [], drawn => [] };
	my ($parent) = shuffle(grep { $_->{shape} =~ /^(primary|unique|partitioned)$/ } @others);
	my @types = $parent && chance(0.15) ? map { $_->{type} } key_columns($parent) : map { pick(key_types()) } 1 .. pick(1, 1, 2);

	$t->{columns} = [ map { { name => shift @names, type => $_, not_null => 1 } } @types ];
	$t->{key} = [ map { $_->{name} } @{ $t->{columns} } ];
	push @{ $t->{columns} }, map { { name => shift @names, type => pick(plain_types()), not_null => chance(0.1) } } 1 .. rand(5);
	draw_specials($t, \@names);
	draw_uniques($t, \@names) if $t->{shape} ne 'partitioned';
	return $t if !$parent;
	if (@types == @{ $parent->{key} } && !grep { $types[$_] ne (key_columns($parent))[$_]{type} } 0 .. $#types)
	{
		push @{ $t->{references} }, { columns => $t->{key}, parent => $parent, referenced => $parent->{key}, keyed => 1, action => '' };
	}
	elsif (chance(0.7))
	{
		draw_reference($t, $parent);
	}
	return $t;
}

sub key_columns
{
	my ($t) = @_;

	return map { my $name = $_; grep { $_->{name} eq $name } @{ $t->{columns} } } @{ $t->{key} };
}

# Columns that have a default, are made from others, number rows, or tell time.
sub draw_specials
{
	my ($t, $names) = @_;
	my ($text) = grep { $_->{type} eq 'text' } @{ $t->{columns} };

	foreach my $column (@{ $t->{columns} }[ @{ $t->{key} } .. $#{ $t->{columns} } ])
	{
		$column->{default} = draw_value($column->{type}) if chance(0.2);
	}
	push @{ $t->{columns} }, { name => shift @$names, type => 'text', made => $text->{name} } if $text && chance(0.3);
	push @{ $t->{columns} }, { name => shift @$names, type => 'integer', not_null => 1, identity => pick('ALWAYS', 'BY DEFAULT') } if chance(0.1);
	push @{ $t->{columns} }, map { { name => "wide$_", type => 'integer' } } 1 .. 95 if chance(0.02);
	return if chance(0.4);
	$t->{time} = pick('updated_at', 'modified_at', 'last_modified', 'touched');
	push @{ $t->{columns} }, { name => $t->{time}, type => pick(time_types()), tells => 1 };
	return;
}

sub draw_uniques
{
	my ($t, $names) = @_;

	while (chance(0.25))
	{
		my $kind = pick(('plain') x 5, 'lower', 'even', 'apart');
		my @types = $kind eq 'plain' ? map { pick(wide_types()) } 1 .. pick(1, 1, 2) : { lower => 'text', even => 'integer', apart => 'int4range' }->{$kind};
		my @own = map { { name => shift @$names, type => $_, wide => 1 } } @types;

		push @{ $t->{columns} }, @own;
		push @{ $t->{uniques} },
		  { columns => [ map { $_->{name} } @own ], kind => $kind, same_nulls => $kind eq 'plain' && chance(0.1), deferrable => $kind =~ /plain|apart/ && chance(0.2) };
	}
	return;
}

# Let a table refer to the key of another, or to what else is unique there.
sub draw_reference
{
	my ($t, $parent) = @_;
	my @unique = map { $_->{columns} } grep { $_->{kind} eq 'plain' && !$_->{deferrable} } @{ $parent->{uniques} };
	my $n = @{ $t->{references} };
	my ($referenced, @own);

	push @unique, $parent->{key} if $parent->{shape} =~ /^(primary|unique|partitioned)$/;
	return if !@unique || $parent->{shape} eq 'partitioned' && $parent == $t;
	$referenced = pick(@unique);
	foreach my $i (0 .. $#$referenced)
	{
		my ($column) = grep { $_->{name} eq $referenced->[$i] } @{ $parent->{columns} };
		push @own, { name => "parent$n.$i", type => $column->{type} };
	}
	push @{ $t->{columns} }, @own;
	push @{ $t->{references} },
	  { columns => [ map { $_->{name} } @own ], parent => $parent, referenced => $referenced, full => chance(0.2),
		action => pick('', '', 'ON DELETE CASCADE ON UPDATE CASCADE', 'ON DELETE SET NULL', 'DEFERRABLE INITIALLY DEFERRED') };
	return;
}

=item create_tables($partitioned, @tables)

Returns SQL that creates the tables, with columns in some order and dropped
ones in between; those that can be are partitioned if the first argument says so.

=cut

sub create_tables
{
	my ($partitioned, @all) = @_;
	my $n = 0;

	return join ";\n", (map { create_table($_, $partitioned, $n++) } @all), map { add_references($_) } @all;
}

sub create_table
{
	my ($t, $partitioned, $number) = @_;
	my $shape = $t->{shape} eq 'partitioned' && !$partitioned ? 'primary' : $t->{shape};
	my @dropped = map { "gone$_ integer" } 1 .. rand(3);
	my %clause = (primary => 'PRIMARY KEY', unique => 'UNIQUE', deferrable => 'DEFERRABLE', partitioned => 'PRIMARY KEY', none => '');
	my @constraints = $shape eq 'none' ? () : $shape eq 'deferrable' ? 'PRIMARY KEY (' . list($t->{key}) . ') DEFERRABLE' : "$clause{$shape} (" . list($t->{key}) . ')';
	my $sql;

	push @constraints, map { unique_constraint($_) } @{ $t->{uniques} };
	$sql = "CREATE TABLE $t->{name} (" . join(', ', shuffle((map { define($_) } @{ $t->{columns} }), @dropped), @constraints) . ')';
	if ($shape eq 'partitioned')
	{
		$sql .= ' PARTITION BY HASH (' . ident($t->{key}[0]) . ')';
		$sql .= ";\nCREATE TABLE public.part_${number}_$_ PARTITION OF $t->{name} FOR VALUES WITH (MODULUS 2, REMAINDER $_)" foreach 0, 1;
	}
	return join ";\n", $sql, (map { "ALTER TABLE $t->{name} DROP COLUMN " . (split / /)[0] } @dropped), map { unique_index($t, $_) } @{ $t->{uniques} };
}

sub unique_constraint
{
	my ($unique) = @_;
	my $columns = list($unique->{columns});
	my $deferrable = $unique->{deferrable} ? ' DEFERRABLE' : '';

	return 'UNIQUE ' . ($unique->{same_nulls} ? 'NULLS NOT DISTINCT ' : '') . "($columns)$deferrable" if $unique->{kind} eq 'plain';
	return $unique->{kind} eq 'apart' ? "EXCLUDE USING gist ($columns WITH &&)$deferrable" : ();
}

sub unique_index
{
	my ($t, $unique) = @_;
	my $columns = list($unique->{columns});

	return "CREATE UNIQUE INDEX ON $t->{name} (lower($columns))" if $unique->{kind} eq 'lower';
	return $unique->{kind} eq 'even' ? "CREATE UNIQUE INDEX ON $t->{name} ($columns) WHERE $columns % 2 = 0" : ();
}

sub list
{
	return join ', ', map { ident($_) } @{ $_[0] };
}

sub define
{
	my ($column) = @_;
	my $sql = ident($column->{name}) . " $column->{type}";

	$sql .= ' NOT NULL' if $column->{not_null};
	$sql .= ' DEFAULT ' . literal($column->{type}, $column->{default}) if defined $column->{default};
	$sql .= ' GENERATED ALWAYS AS (' . ident($column->{made}) . " || '!') STORED" if $column->{made};
	$sql .= " GENERATED $column->{identity} AS IDENTITY" if $column->{identity};
	return $sql;
}

sub add_references
{
	my ($t) = @_;
	my $n = 0;

	return map {
		"ALTER TABLE $t->{name} ADD CONSTRAINT reference" . $n++ . ' FOREIGN KEY (' . list($_->{columns}) . ") REFERENCES $_->{parent}{name} (" . list($_->{referenced}) . ')'
		  . ($_->{full} ? ' MATCH FULL' : '') . " $_->{action}"
	} @{ $t->{references} };
}

=item draw_rows($nodes, @tables)

Returns lists of statements by which as many nodes get rows: first the same,
then each its own. Statements that would break a constraint fail.

=cut

sub draw_rows
{
	my ($nodes, @all) = @_;
	my @lists = map { [] } 1 .. $nodes;
	my $rows = pick(0, 4, 12, 12, 25, 25, 60);

	foreach my $t (@all)
	{
		foreach (1 .. $rows)
		{
			my $insert = insert($t);
			push @$_, $insert foreach @lists;
		}
	}
	foreach my $t (@all)
	{
		foreach my $list (@lists)
		{
			push @$list, map { insert($t) } 1 .. rand($rows);
			push @$list, map { change($t) } 1 .. rand($rows) if $rows;
		}
		next if !$rows;
		foreach (1 .. rand(3))
		{
			my $change = change($t);
			push @$_, $change foreach @lists;
		}
	}
	return @lists;
}

# Values of a new row, by column; of those to be inserted.
sub draw_row
{
	my ($t) = @_;
	my %row;
	my %key = map { $_ => 1 } @{ $t->{key} };

	foreach my $column (grep { !$_->{made} } @{ $t->{columns} })
	{
		my ($name, $type) = @$column{qw(name type)};

		$row{$name} =
		    $key{$name} ? draw_key($type)
		  : $column->{identity} ? int(rand(50))
		  : !$column->{not_null} && chance(0.15) ? undef
		  : $column->{tells} ? draw_time($type)
		  : $column->{wide} ? draw_wide($type)
		  : draw_value($type);
	}
	draw_parent($_, \%row) foreach @{ $t->{references} };
	return \%row;
}

# Let a row refer to some row that was drawn, or to none.
sub draw_parent
{
	my ($reference, $row) = @_;
	my $parent = pick(@{ $reference->{parent}{drawn} });
	my @columns = @{ $reference->{columns} };

	return if !$parent && $reference->{keyed};
	$parent = undef if !$reference->{keyed} && chance(0.2);
	$row->{ $columns[$_] } = $parent ? $parent->{ $reference->{referenced}[$_] } : undef foreach 0 .. $#columns;
	$row->{ pick(@columns) } = undef if !$reference->{keyed} && chance(0.05);
	return;
}

sub insert
{
	my ($t) = @_;
	my $row = draw_row($t);
	my %type = types($t);
	my @names = sort keys %$row;

	push @{ $t->{drawn} }, $row;
	return "INSERT INTO $t->{name} (" . list(\@names) . ') OVERRIDING SYSTEM VALUE VALUES (' . join(', ', map { literal($type{$_}, $row->{$_}) } @names) . ')';
}

sub types
{
	return map { $_->{name} => $_->{type} } @{ $_[0]{columns} };
}

# Update or delete a row that was drawn, or let two swap what is unique.
sub change
{
	my ($t) = @_;
	my %type = types($t);
	my $row = pick(@{ $t->{drawn} });
	my $new = draw_row($t);
	my %fixed = map { $_->{name} => 1 } grep { $_->{identity} } @{ $t->{columns} };
	my @names = grep { !$fixed{$_} && chance(0.4) } sort keys %$new;
	my $where = is_key($t, $row);

	return "DELETE FROM $t->{name} WHERE $where" if chance(0.1);
	return swap($t, $row, pick(@{ $t->{drawn} })) if @{ $t->{uniques} } && chance(0.3);
	my %key = map { $_ => 1 } @{ $t->{key} };
	@names = grep { !$key{$_} } @names if chance(0.95);
	return 'SELECT' if !@names;
	return "UPDATE $t->{name} SET " . join(', ', map { ident($_) . ' = ' . literal($type{$_}, $new->{$_}) } @names) . " WHERE $where";
}

sub is_key
{
	my ($t, $row) = @_;
	my %type = types($t);

	return join ' AND ', map { ident($_) . ' = ' . literal($type{$_}, $row->{$_}) } @{ $t->{key} };
}

sub swap
{
	my ($t, $one, $other) = @_;
	my $columns = pick(@{ $t->{uniques} })->{columns};
	my ($first, $second) = (is_key($t, $one), is_key($t, $other));
	my $same = join ', ', map { 'n.' . ident($_) } @$columns;
	my $null = join ', ', map { ident($_) . ' = NULL' } @$columns;

	# one statement would break an index that checks row by row
	return <<"EOC";
DO \$do\$
DECLARE one $t->{name}; other $t->{name};
BEGIN
SELECT * INTO one FROM $t->{name} WHERE $first;
SELECT * INTO other FROM $t->{name} WHERE $second;
IF one::text <> other::text THEN
UPDATE $t->{name} SET $null WHERE $first;
UPDATE $t->{name} SET @{[ join ', ', map { ident($_) . ' = one.' . ident($_) } @$columns ]} WHERE $second;
UPDATE $t->{name} SET @{[ join ', ', map { ident($_) . ' = other.' . ident($_) } @$columns ]} WHERE $first;
END IF;
END \$do\$
EOC
}

=back

=cut

1;
