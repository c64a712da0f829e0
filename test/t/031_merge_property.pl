# Merges of random tables that diverged at random, by random strategies and
# with random options, do what a reference merge of the same rows in Perl says:
# to the rows of both nodes, in counts, and in each decision. Planned first and
# applied later, once more, undone, or started from the other node they do what
# they should, too.
#
# STEEP_MERGES says how many sets of tables are merged. Each has a seed of its
# own: STEEP_SEED=... STEEP_MERGES=1 repeats it.
use SteepTest;
use JSON::PP;
use List::Util qw(min);
use SteepTest::Draw qw(draw_tables create_tables draw_rows);
use SteepTest::DrawOptions qw(draw_options);
use SteepTest::Reference qw(key_of plan resolve apply_plan plan_revert broken counts summary writes differs differences);
use SteepTest::Session;
use SteepTest::Values qw(pick shuffle chance ident literal unescape);

my $seed = $ENV{STEEP_SEED} // int(rand(2**31));
my $sets = $ENV{STEEP_MERGES} // 25;
my $limit = $PostgreSQL::Test::Utils::timeout_default;
my $json = JSON::PP->new->canonical;
diag "STEEP_SEED=$seed";

my ($node, $peer) = start_pair(conf => "fsync = off\nlog_statement = none\n");
my $user = sql($node, 'SELECT current_user');
both($node, $peer, q{CREATE DATABASE app TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'});
my @sides = map { { session => SteepTest::Session->new($_, 'app'), conninfo => conninfo($_, host => $_->host, dbname => 'app', user => $user, password => undef) } } $node, $peer;
my $before = state_of($node, $peer);

$_->{session}->run(<<'EOC') foreach @sides;
CREATE EXTENSION steep_repl CASCADE;
CREATE EXTENSION citext;
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy''');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]*$');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger has fired'; END $$;
CREATE FUNCTION attempt(statements text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE statement;
		EXCEPTION WHEN integrity_constraint_violation THEN NULL;
		END;
	END LOOP;
END $$;
EOC

sub text
{
	return literal('text', $_[0]) =~ s/::text$//r;
}

# What queries return: a list of rows of each, by the names they come with.
sub query
{
	my ($side, %queries) = @_;
	my %answers = $side->{session}->answers(map { $_ => "COPY ($queries{$_}) TO STDOUT" } sort keys %queries);

	return map { my $of = $_; $of => [ map { [ map { unescape($_) } split /\t/, $_, -1 ] } @{ $answers{$of} } ] } keys %answers;
}

# Create random tables, and rows that both nodes have in common or not.
sub create
{
	my @tables = draw_tables();
	my @statements;
	my @loose = grep { $_->{shape} eq 'none' } @tables;

	$_->{session}->run(create_tables(chance(0.8), @tables)) foreach @sides;
	$_->{session}->run('ALTER DATABASE app SET steep_repl.leaf_rows = ' . pick(1, 10, 1000)) foreach @sides;
	# their key is unique without an index to say so
	$_->{session}->run(join ";\n", map { "CREATE UNIQUE INDEX guard$_ ON $loose[$_]{name} (" . join(', ', map { ident($_) } @{ $loose[$_]{key} }) . ')' } 0 .. $#loose)
	  foreach @sides;
	foreach my $column (grep { defined $_->{default} } map { @{ $_->{columns} } } @tables)
	{
		my %printed = query($sides[0], default => 'SELECT ' . literal($column->{type}, $column->{default}));
		$column->{printed} = $printed{default}[0][0];
	}
	@statements = draw_rows(2, @tables);
	foreach my $part (1, 2)
	{
		# in turns, so that either may be the last to change a row
		foreach my $n (shuffle(0, 1))
		{
			my @some = splice @{ $statements[$n] }, 0, $part == 1 ? 0.7 * @{ $statements[$n] } : @{ $statements[$n] };
			$sides[$n]{session}->run('SELECT attempt(ARRAY[' . join(",\n", map { text($_) } @some) . '])') if @some;
		}
	}
	$_->{session}->run(join ";\n", map { "DROP INDEX guard$_" } 0 .. $#loose) foreach @sides;
	foreach my $t (grep { chance(0.3) } @tables)
	{
		$_->{session}->run("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON $t->{name} FOR EACH ROW EXECUTE FUNCTION refuse()") foreach @sides;
	}
	return \@tables;
}

# The queries that read all rows of a node, and when they were changed.
sub state_queries
{
	my ($m) = @_;

	return map {
		my $columns = join ', ', map { 't.' . ident($_->{name}) } @{ $_->{columns} };
		"rows $_->{name}" => "SELECT $columns, extract(epoch FROM pg_xact_commit_timestamp(t.xmin)) FROM $_->{name} t"
	} @{ $m->{all} };
}

# Their results, by table and key.
sub read_state
{
	my ($m, %answers) = @_;
	my (%state, %times);

	foreach my $t (@{ $m->{all} })
	{
		$state{ $t->{name} } = {};
		foreach my $values (@{ $answers{"rows $t->{name}"} })
		{
			my $time = pop @$values;
			my %row = map { $_->{name} => shift @$values } @{ $t->{columns} };
			my $key = key_of($t, \%row);

			die "two rows of $t->{name} have the key $key" if $state{ $t->{name} }{$key};
			$state{ $t->{name} }{$key} = \%row;
			$times{ $t->{name} }{$key} = $time;
		}
	}
	return (\%state, \%times);
}

# Look at both nodes, and at what is on record about a merge.
sub look
{
	my ($m, $id) = @_;
	my %queries = !$id ? () : (
		audit => "SELECT to_json(a) FROM steep_repl.merge_audit_log a WHERE merge_id = '$id'",
		decisions => "SELECT to_json(d) FROM steep_repl.merge_decisions d WHERE merge_id = '$id'",
		summary => "SELECT concat_ws('|', table_name, category, coalesce(resolution, ''), state, count) FROM steep_repl.merge_summary('$id')");
	my %answers = query($m->{sides}[0], %queries, state_queries($m));
	my ($here, $here_times) = read_state($m, %answers);
	my ($there, $there_times) = read_state($m, query($m->{sides}[1], state_queries($m)));

	$m->{times} = [ $here_times, $there_times ];
	return [ $here, $there ] if !$id;
	return {
		audit => $json->decode(encode($answers{audit}[0][0])),
		decisions => read_decisions($m, $answers{decisions}),
		summary => [ sort map { $_->[0] } @{ $answers{summary} } ],
		rows => [ $here, $there ] };
}

sub encode
{
	my ($text) = @_;

	utf8::encode($text);
	return $text;
}

my @said = qw(key category resolution resolved_by state local_row remote_row local_after remote_after);

sub read_decisions
{
	my ($m, $rows) = @_;
	my %got;

	foreach my $row (map { JSON::PP->new->decode($_->[0]) } @$rows)
	{
		my $key = key_of($m->{shapes}{ $row->{table_name} }, $row->{key});

		die "two decisions on $row->{table_name} $key" if $got{"$row->{table_name} $key"};
		$got{"$row->{table_name} $key"} = { map { $_ => $row->{$_} } @said };
	}
	return \%got;
}

# The same as the reference has them.
sub wanted_decisions
{
	my ($m) = @_;
	my %want;

	foreach my $d (@{ $m->{decisions} })
	{
		my %of = (%$d, local_row => $d->{local}, remote_row => $d->{remote});

		foreach my $image (grep { $of{$_} } qw(local_row remote_row local_after remote_after))
		{
			$of{$image} = { map { $_ => $of{$image}{$_} } @{ $d->{columns} } };
		}
		$of{key} = { map { $_ => $d->{shown}{$_} } @{ $m->{shapes}{ $d->{table} }{key} } };
		$want{"$d->{table} $d->{key}"} = { map { $_ => $of{$_} } @said };
	}
	return \%want;
}

# Compare what a merge did with what the reference says.
sub compare
{
	my ($m, $status, $rows) = @_;
	my $got = $m->{got} //= look($m, $m->{id});
	my %audit = (status => $status, match_count => $m->{match}, %{ counts($m->{decisions}) });

	$audit{changed_since} = $status eq 'failed' ? $got->{audit}{changed_since} : $m->{applied} ? 0 : undef;
	$got->{audit} = { map { $_ => $got->{audit}{$_} } 'error_message', keys %audit };
	$audit{error_message} = $got->{audit}{error_message} if $status eq 'failed';
	push @{ $m->{wrong} }, map { "$m->{doing}: $_" }
	  differences($got, { audit => { error_message => undef, %audit }, decisions => wanted_decisions($m), summary => summary($m->{decisions}), rows => $rows });
	($m->{rows}, $m->{got}) = ($got->{rows});
	$m->{outcome} = 'wrong' if @{ $m->{wrong} };
	return;
}

# Call a function that starts a merge, and wait for it.
sub run
{
	my ($m, $call) = @_;
	my $session = $m->{sides}[0]{session};

	($m->{id}) = $session->run("SELECT merge_id FROM steep_repl.$call");
	$session->run("SELECT status FROM steep_repl.wait_merge('$m->{id}', $limit)");
	return;
}

sub start
{
	my ($m, $dry) = @_;

	run($m, 'start_merge(' . join(', ', text($m->{sides}[1]{conninfo}), 'ARRAY[' . join(', ', map { text($_) } @{ $m->{tables} }) . ']',
			text($m->{strategy}), $dry ? 'true' : 'false', text($json->encode($m->{options}))) . ')');
	return;
}

# Merge, or only plan to.
sub merge
{
	my ($m, $dry) = @_;

	@$m{qw(decisions match)} = plan($m, @{ $m->{rows} });
	$m->{applied} = 0;
	start($m, $dry);
	return compare($m, 'complete', $m->{rows}) if $dry;
	return conclude($m, $m->{options}{max_changes});
}

# Say what applying what is planned should do, and compare.
sub conclude
{
	my ($m, $max, $whole) = @_;
	my @planned = grep { $_->{state} eq 'planned' } @{ $m->{decisions} };
	my $changes = grep { writes($_, 'local') || writes($_, 'remote') } @planned;
	my @after = apply_plan(\@planned, @{ $m->{rows} }, sub { 0 });
	my @broken = (fixed($m, @planned), map { broken($m->{all}, $_) } @after);
	my $got = $m->{got} = look($m, $m->{id});
	my $pending = grep { $_->{state} eq 'pending' } @{ $m->{decisions} };
	my $error = $got->{audit}{error_message} // '';

	if (defined $max && $changes > $max)
	{
		push @{ $m->{wrong} }, "$m->{doing}: $error" if $error !~ /would change \d+ rows/;
		return compare($m, 'failed', $m->{rows});
	}
	return conclude_batches($m, \@planned, \@broken) if !$whole && ($m->{options}{atomicity} // '') eq 'batch';
	if (@broken || $got->{audit}{status} eq 'failed' && may_break($m))
	{
		push @{ $m->{wrong} }, "$m->{doing}: not refused, or not for @broken: $error" if $error !~ /violates|parent|break constraint|not what was written/;
		$m->{outcome} = 'refused';
		return compare($m, 'failed', $m->{rows});
	}
	$_->{state} = 'applied' foreach @planned;
	$m->{applied} = 1;
	return compare($m, $pending ? 'needs_resolution' : 'complete', \@after);
}

# A number that is always generated can be written with a row that is deleted
# and inserted, but if a column is left alone the row is updated.
sub fixed
{
	my ($m, @decisions) = @_;
	my @fixed;

	foreach my $d (grep { @{ $m->{rules}{ $_->{table} }{excluded} } } @decisions)
	{
		my @always = map { $_->{name} } grep { ($_->{identity} // '') eq 'ALWAYS' } @{ $m->{shapes}{ $d->{table} }{columns} };
		push @fixed, "$d->{table}: identity" if grep { $d->{$_} && $d->{"${_}_after"} && differs(\@always, $d->{$_}, $d->{"${_}_after"}) } 'local', 'remote';
	}
	return @fixed;
}

# Could writing row after row break what holds in the end?
sub may_break
{
	my ($m) = @_;

	return grep { @{ $m->{shapes}{$_}{uniques} } && @{ $m->{rules}{$_}{excluded} } } @{ $m->{tables} };
}

# In batches, rows that break a constraint fail; so may those that would only
# have to wait for others.
sub conclude_batches
{
	my ($m, $planned, $broken) = @_;
	my %state = map { $_ => $m->{got}{decisions}{$_}{state} // '' } keys %{ $m->{got}{decisions} };
	my $has_failed = sub { $state{"$_[0]{table} $_[0]{key}"} eq 'failed' };
	my @after = apply_plan($planned, @{ $m->{rows} }, $has_failed);
	my @failed = grep { $has_failed->($_) } @$planned;
	my $tangled = grep { @{ $_->{uniques} } } @{ $m->{all} };
	my $pending = grep { $_->{state} eq 'pending' } @{ $m->{decisions} };

	$tangled ||= grep { my $t = $_; grep { is_later($m, $_->{parent}, $t) } @{ $t->{references} } } @{ $m->{all} };
	push @{ $m->{wrong} }, "$m->{doing}: " . @failed . ' rows failed' if @failed && !@$broken && !$tangled;
	push @{ $m->{wrong} }, "$m->{doing}: no row failed, but @$broken" if !@failed && @$broken;
	push @{ $m->{wrong} }, map { "$m->{doing}: applied, but $_" } map { broken($m->{all}, $_) } @after;
	$_->{state} = $has_failed->($_) ? 'failed' : 'applied' foreach @$planned;
	$m->{applied} = 1;
	$m->{outcome} = 'partly' if @failed;
	return compare($m, @failed ? 'failed' : $pending ? 'needs_resolution' : 'complete', \@after);
}

# Is a table drawn after another, so that the two may refer to each other?
sub is_later
{
	my ($m, $t, $than) = @_;
	my %number = map { $m->{all}[$_]{name} => $_ } 0 .. $#{ $m->{all} };

	return $number{ $t->{name} } > $number{ $than->{name} };
}

# Decide some conflicts by hand, as somebody may who looks at a plan.
sub decide
{
	my ($m, $share) = @_;
	my $direction = $m->{options}{direction} // 'both';
	my $updates = grep { $_ eq 'update' } @{ $m->{options}{actions} // ['update'] };
	my @ways = ('skip', !$updates ? () : ($direction ne 'to-remote' ? 'remote' : (), $direction ne 'to-local' ? 'local' : (), $direction eq 'both' ? 'custom' : ()));
	my @open = grep { $_->{category} eq 'conflict' && $_->{state} =~ /pending|planned/ && chance($share) } @{ $m->{decisions} };
	my @calls;

	foreach my $d (@open)
	{
		my $how = pick(@ways);
		my ($custom, $row) = $how eq 'custom' ? draw_custom($m, $d) : ();
		my %shown = map { $_ => pick($d->{local}, $d->{shown})->{$_} } @{ $m->{shapes}{ $d->{table} }{key} };

		push @calls, join ', ', "SELECT 1 FROM steep_repl.resolve_conflict('$m->{id}'", text($d->{table}), text($json->encode(\%shown)), text($how),
		  ($custom ? text($json->encode($custom)) : 'NULL') . ')';
		resolve($m, $d, $how, $user, $row);
		$m->{decided} = 1;
	}
	$m->{sides}[0]{session}->run(join ";\n", @calls) if @calls;
	return;
}

# Draw a row out of values that are there: what is given, and what it makes.
sub draw_custom
{
	my ($m, $d) = @_;
	my $t = $m->{shapes}{ $d->{table} };
	my %merged = map { $_ => 1 } @{ $d->{columns} };
	my %key = map { $_ => 1 } @{ $t->{key} };
	my @seen = grep { defined } map { my $state = $_->{ $d->{table} }; map { $state->{$_} } sort keys %$state } @{ $m->{rows} };
	my %custom;

	foreach my $column (grep { $merged{ $_->{name} } && !$_->{made} } @{ $t->{columns} })
	{
		my $name = $column->{name};

		$custom{$name} = $key{$name} ? $d->{local}{$name} : pick(@seen)->{$name} if chance(0.4);
	}
	return (\%custom, { %{ $d->{local} }, %custom });
}

# Apply what is planned, in two steps if there is anything to decide.
sub apply
{
	my ($m) = @_;

	foreach my $share (0.6, 1)
	{
		decide($m, $share) if $share < 1 || grep { $_->{state} eq 'pending' } @{ $m->{decisions} };
		$_->{state} = 'planned' foreach grep { $_->{state} eq 'failed' } @{ $m->{decisions} };
		next if !grep { $_->{state} eq 'planned' } @{ $m->{decisions} };
		$m->{doing} .= ', apply';
		$m->{outcome} = '';
		run($m, "apply_merge('$m->{id}')");
		conclude($m);
		last if ($m->{outcome} // '') =~ /wrong|refused/;
	}
	return;
}

# Merge once more: nothing is left to do.
sub merge_again
{
	my ($m) = @_;
	my $rows = $m->{rows};

	$m->{doing} .= ', again';
	merge($m, 0);
	push @{ $m->{wrong} }, map { "$m->{doing}: $_" } differences($m->{rows}, $rows) if !$m->{decided};
	return;
}

# Undo the merge: each row is as it was.
sub undo
{
	my ($m, $rows) = @_;
	my $of = $m->{id};
	my $done = $m->{decisions};

	$m->{doing} .= ', undo';
	@$m{qw(decisions match applied outcome)} = (plan_revert($done), 0, 0);
	run($m, "revert_merge('$of')");
	conclude($m, undef, 1);
	push @{ $m->{wrong} }, map { "$m->{doing}: $_" } differences($m->{rows}, $rows) if !$m->{outcome};
	$_->{of}{state} = 'reverted' foreach grep { $_->{state} eq 'applied' } @{ $m->{decisions} };
	my $states = look($m, $of)->{decisions};
	push @{ $m->{wrong} }, map { "$m->{doing}: $of: $_" }
	  differences({ map { $_ => $states->{$_}{state} } keys %$states }, { map { ("$_->{table} $_->{key}" => $_->{state}) } @$done });
	return;
}

# Merge from the other node, with all that says local and remote changed over.
sub mirror
{
	my ($m) = @_;
	my %turned = (local => 'remote', remote => 'local', 'prefer-local' => 'prefer-remote', 'prefer-remote' => 'prefer-local',
		'to-local' => 'to-remote', 'to-remote' => 'to-local');
	my $turn = sub { $turned{ $_[0] // '' } // $_[0] };

	$m->{doing} .= ', from the peer';
	$m->{$_} = [ reverse @{ $m->{$_} } ] foreach qw(sides rows times);
	$m->{strategy} = $turn->($m->{strategy});
	$_->{strategy} = $turn->($_->{strategy}) foreach values %{ $m->{rules} };
	$m->{options}{tie} = $turn->($m->{options}{tie} // 'local');
	$m->{options}{direction} = $turn->($m->{options}{direction} // 'both');
	$_ = $turn->($_) foreach values %{ $m->{options}{strategies} // {} };
	merge($m, 0);
	return;
}

# Take one set of tables through all that.
sub try_set
{
	my ($m) = @_;
	my $dry = chance(0.4);
	my $before = $m->{rows} = look($m);

	$m->{doing} = 'plan' if $dry;
	merge($m, $dry);
	apply($m) if $dry || grep { $_->{state} eq 'pending' } @{ $m->{decisions} };
	return if ($m->{outcome} // '') =~ /wrong|refused/;
	return merge_again($m) if !$m->{outcome} && chance(0.3);
	return if chance(0.3) || !@{ plan_revert($m->{decisions}) };

	my $after = $m->{rows};
	my $partly = $m->{outcome};
	undo($m, $before);
	return if $m->{outcome};
	return undo($m, $after) if chance(0.3);
	return merge($m, 0) if chance(0.3);
	mirror($m);
	push @{ $m->{wrong} }, map { "$m->{doing}: $_" } differences($m->{rows}, [ reverse @$after ])
	  if !$partly && !$m->{outcome} && !$m->{decided} && !grep { $_->{strategy} eq 'last-modified' && !defined $_->{time} } values %{ $m->{rules} };
	return;
}

foreach my $i (0 .. $sets - 1)
{
	my $own = $seed + $i;
	srand($own);
	my $tables = create();
	my $m = { %{ draw_options(@$tables) }, all => $tables, shapes => { map { $_->{name} => $_ } @$tables }, sides => [@sides], wrong => [], doing => 'merge' };
	my $shapes = join ', ', map { "$_->{shape} (" . join(' ', map { $_->{type} } @{ $_->{columns} }[ 0 .. $#{ $_->{key} } ]) . ')' } @$tables;

	eval { try_set($m); 1 } or push @{ $m->{wrong} }, "$m->{doing}: $@";
	ok(!@{ $m->{wrong} }, encode("$i: $m->{doing}: $shapes"))
	  || diag encode(join "\n", map { substr $_, 0, 1000 } "STEEP_SEED=$own STEEP_MERGES=1", "$m->{strategy} " . $json->encode($m->{options}), @{ $m->{wrong} }[ 0 .. min($#{ $m->{wrong} }, 12) ]);
	$_->{session}->run('DROP TABLE ' . join(', ', map { $_->{name} } @$tables) . ' CASCADE') foreach @sides;
}
$_->{session}->run('ALTER DATABASE app RESET ALL') foreach @sides;
$_->{session}->end foreach @sides;
is_unleaked($before, 'nothing is left behind');
done_testing();
