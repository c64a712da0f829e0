# The options of a merge: what it may do and where, how much at most, with
# triggers or without, and as a whole or row by row.
use SteepTest;

my ($node, $peer) = start_pair(conf => "fsync = off\n");
my $before = state_of($node, $peer);
my ($row, $id, $images);
my %socket = (peer => 'host=' . $peer->host . ' port=' . $peer->port . ' dbname=postgres');

sub rows
{
	my ($where, $table, $columns) = @_;

	return sql($where, 'SELECT coalesce(string_agg(concat_ws(\':\', id, ' . ($columns // 'x') . "), ' ' ORDER BY id), '') FROM $table");
}

sub merge
{
	my ($tables, %o) = @_;

	return run_merge($node, $peer, $tables, %socket, strategy => $o{strategy} // 'prefer-local', options => options(%{ $o{options} // {} }), dry_run => $o{dry_run});
}

# Rows 1-3 here only, 4-7 in conflict, 8-9 on the peer only, 10 the same; of
# the conflicts 4 and 5 are newer here.
sub diverge
{
	my ($table) = @_;

	both($node, $peer, "TRUNCATE $table");
	sql($node, "INSERT INTO $table SELECT i, 'h', CASE WHEN i < 6 THEN 2 ELSE 1 END FROM generate_series(1, 7) i");
	sql($peer, "INSERT INTO $table SELECT i, 'p', CASE WHEN i < 6 THEN 1 ELSE 2 END FROM generate_series(4, 9) i");
	both($node, $peer, "INSERT INTO $table VALUES (10, 's', 0)");
	return;
}

# What may be done, on which node.
my %winners = (tl => 'hhhh', tr => 'pppp', tt => 'hhpp');
both($node, $peer, "CREATE TABLE $_ (id int PRIMARY KEY, x text, version int)") foreach keys %winners;
foreach my $actions ([], ['insert'], ['update'])
{
	foreach my $direction ('both', 'to-local', 'to-remote')
	{
		my ($inserts, $updates) = map { my $action = $_; scalar(!@$actions || grep { $_ eq $action } @$actions) } 'insert', 'update';
		my ($local, $remote) = ($direction ne 'to-remote', $direction ne 'to-local');
		my $name = "$direction, " . (@$actions ? "@$actions only" : 'all');
		my ($applied_local, $applied_remote) = (0, 0);
		my %expected;

		foreach my $table (sort keys %winners)
		{
			my @here = (map({ "$_:h" } 1 .. 3), map { my $w = substr $winners{$table}, $_ - 4, 1; "$_:" . ($w eq 'p' && $updates && $local ? ++$applied_local && 'p' : 'h') } 4 .. 7);
			my @there = (map { my $w = substr $winners{$table}, $_ - 4, 1; "$_:" . ($w eq 'h' && $updates && $remote ? ++$applied_remote && 'h' : 'p') } 4 .. 7);
			$applied_remote += 3, unshift @there, map { "$_:h" } 1 .. 3 if $inserts && $remote;
			$applied_local += 2, push @here, map { "$_:p" } 8, 9 if $inserts && $local;
			$expected{$table} = join(' ', @here, '10:s') . ' / ' . join(' ', @there, '8:p', '9:p', '10:s');
			diverge($table);
		}
		$row = merge([ sort keys %winners ], options => { direction => $direction, @$actions ? (actions => $actions) : (), modified_column => 'version',
			strategies => { tl => 'prefer-local', tr => 'prefer-remote', tt => 'last-modified' } });
		is_merged($row, "9|6|3|12|$applied_local|$applied_remote", "$name: counts");
		is(join("\n", map { "$_ " . rows($node, $_) . ' / ' . rows($peer, $_) } sort keys %winners), join("\n", map { "$_ $expected{$_}" } sort keys %winners), "$name: rows");
		is(sql($node, "SELECT count(*) FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND resolution <> 'skip'"),
			$applied_local + $applied_remote, "$name: the rest is skipped");
	}
}

# How many rows may change, at most.
both($node, $peer, 'CREATE TABLE t (id int PRIMARY KEY, x text, version int); CREATE TABLE few (LIKE t INCLUDING ALL); INSERT INTO few SELECT i, 1, 1 FROM generate_series(1, 100) i');
foreach my $case (
	[ { max_changes => 8 }, qr/^merge would change 9 rows\nDETAIL:  The option max_changes is 8\. Nothing was written; the plan is kept\.\nHINT:  .*merge_summary\('ID'\).*apply_merge\('ID'\)/, '' ],
	[ { max_changes => 0, atomicity => 'batch' }, qr/^merge would change 9 rows\nDETAIL:  The option max_changes is 0\./, 'batch: ' ],
	[ { max_change_percent => '89.9' }, qr/^merge would change 9 of 10 rows of table "public.t"\nDETAIL:  The option max_change_percent is 89\.9\./, '' ],
	[ { max_change_percent => '0.5', atomicity => 'batch' }, qr/^merge would change 9 of 10 rows of table "public.t"\n/, 'batch: ' ])
{
	my ($options, $error, $kind) = @$case;
	my ($option) = grep { /max/ } keys %$options;

	diverge('t');
	$row = merge_fails($node, $peer, [ 'few', 't' ], qr/./, "$kind$option", %socket, options => options(%$options));
	like($row->{error_message} =~ s/$row->{merge_id}/ID/gr, $error, "$kind$option: and says how much and what to do");
	is(sql($node, "SELECT string_agg(concat(table_name, ' ', state, ' ', count), ', ' ORDER BY category) FROM steep_repl.merge_summary('$row->{merge_id}')"),
		'public.t planned 4, public.t planned 3, public.t planned 2', "$kind$option: the plan is kept");
	is(sql($peer, "SELECT count(*) FROM steep_repl.merge_markers WHERE merge_id = '$row->{merge_id}'"), '0', "$kind$option: the peer has not begun");
	is_merged(resume($node, 'apply_merge', $row->{merge_id}), '3|2|101|4|2|7', "$kind$option: apply_merge applies it nevertheless");
	is_equal_table($node, $peer, 'public.t', ['id'], "$kind$option: both nodes are equal");
}
foreach my $options ({ max_changes => 9 }, { max_change_percent => 90 }, { max_changes => 2, direction => 'to-local' })
{
	diverge('t');
	is(merge(['t'], options => $options)->{status}, 'complete', 'within the limit of ' . options(%$options));
}
diverge('t');
is_merged(merge(['t'], dry_run => 1, options => { max_changes => 1 }), '3|2|1|4|0|0', 'a dry run is not limited');
sql($node, 'UPDATE few SET x = 2 WHERE id = 1');
is(merge([ 'few', 't' ], options => { max_changes => 9 })->{status}, 'failed', 'all tables count together');
is(merge(['few'], options => { max_changes => 1, max_change_percent => 1 })->{status}, 'complete', 'each table has its percentage');
is_merged(merge(['few'], options => { max_changes => 0, max_change_percent => 0 }), '0|0|100|0|0|0', 'what changes nothing is within any limit');

# Triggers.
both($node, $peer, q{
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log (what) VALUES (TG_WHEN || ' ' || TG_OP || ' ' || NEW.id); RETURN NULL; END $$;
CREATE FUNCTION alter_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 OR NEW.id = 8 THEN NEW.x = upper(NEW.x); END IF; RETURN NEW; END $$;
CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 5 THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 6 THEN RAISE 'row % is not welcome', NEW.id USING ERRCODE = TG_ARGV[0]; END IF; RETURN NEW; END $$;
CREATE TABLE child (id int PRIMARY KEY, x text, version int, parent int REFERENCES few);
CREATE TRIGGER log AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION log();
});
my $log = sub { sql($_[0], q{SELECT coalesce(string_agg(what, ', ' ORDER BY id), '') FROM log}) };
diverge('t');
both($node, $peer, 'TRUNCATE log');
is_merged(merge(['t']), '3|2|1|4|2|7', 'triggers do not fire');
is($log->($node) . $log->($peer), '', 'triggers do not fire: nothing is logged');
diverge('t');
both($node, $peer, 'TRUNCATE log');
is_merged(merge(['t'], options => { fire_triggers => 'true' }), '3|2|1|4|2|7', 'triggers fire');
is($log->($node), 'AFTER INSERT 8, AFTER INSERT 9', 'triggers fire: here');
is($log->($peer), join(', ', (map { "AFTER INSERT $_" } 1 .. 3), (map { "AFTER UPDATE $_" } 4 .. 7)), 'triggers fire: on the peer');
is_equal_table($node, $peer, 'public.t', ['id'], 'triggers fire: both nodes are equal');
diverge('t');
both($node, $peer, 'TRUNCATE log; ALTER TABLE t ENABLE REPLICA TRIGGER log');
is_merged(merge(['t']), '3|2|1|4|2|7', 'a replica trigger');
is($log->($node), 'AFTER INSERT 8, AFTER INSERT 9', 'a replica trigger fires');
both($node, $peer, 'ALTER TABLE t DISABLE TRIGGER log');

# Those that write something else.
foreach my $case (
	[ $node, 'CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION alter_row()', qr/^rows of table "public.t" are not what was written here\nDETAIL:  Row \{"id": "8"\} of table "public.t" cannot be written here\. 0 of 1 rows are, after trigger z\.\nHINT:.*triggers/ ],
	[ $peer, 'CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION alter_row()', qr/^rows of table "public.t" are not what was written on the peer\nDETAIL:  Row \{"id": "2"\} of table "public.t" cannot be written on the peer\. 0 of 1/ ],
	[ $peer, 'CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION drop_row()', qr/^rows of table "public.t" are not what was written on the peer\nDETAIL:  Row \{"id": "5"\} .* on the peer\. 0 of 1 rows are, after trigger z\./ ],
	[ $node, 'CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION drop_row()', qr/^rows of table "public.t" are not what was written here\nDETAIL:  Row \{"id": "5"\} /, 'prefer-remote' ],
	[ $peer, q{CREATE TRIGGER z AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION raise('P0001')}, qr/^row 6 is not welcome\nDETAIL:  Row \{"id": "6"\} of table "public.t" cannot be written on the peer\.\nCONTEXT:  step "update rows of public.t"/s ],
	[ $peer, q{CREATE CONSTRAINT TRIGGER z AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise('P0001')}, qr/^row 6 is not welcome.*CONTEXT:  step "check deferred constraints"/s ],
	[ $node, q{CREATE CONSTRAINT TRIGGER z AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise('P0001')}, qr/^row 6 is not welcome/, 'prefer-remote' ])
{
	my ($where, $trigger, $error, $strategy) = @$case;
	my $name = ($where == $node ? 'here: ' : 'on the peer: ') . $trigger =~ s/CREATE (.*) z (.* ON t ).*FUNCTION/$1 $2/r;

	diverge('t');
	sql($where, $trigger);
	merge_fails($node, $peer, ['t'], $error, $name, %socket, strategy => $strategy // 'prefer-local', options => options(fire_triggers => 'true'));
	sql($where, 'DROP TRIGGER z ON t');
}

# Those that always fire are found at once.
foreach my $case ([ $peer, 'INSERT', 'alter_row', 2 ], [ $peer, 'UPDATE', 'drop_row', 5 ], [ $node, 'UPDATE', 'drop_row', 5, 'prefer-remote' ], [ $node, 'UPDATE', "raise('22000')", 6, 'prefer-remote' ])
{
	my ($where, $event, $function, $key, $strategy) = @$case;
	my $place = $where == $node ? 'here' : 'on the peer';

	diverge('t');
	sql($where, 'CREATE TRIGGER "Z" BEFORE ' . "$event ON t FOR EACH ROW EXECUTE FUNCTION " . ($function =~ /\(/ ? $function : "$function()") . '; ALTER TABLE t ENABLE ALWAYS TRIGGER "Z"');
	$row = merge_fails($node, $peer, ['t'], qr/\nDETAIL:  Row \{"id": "$key"\} of table "public.t" cannot be written $place\./, "always $place: $event, $function", %socket, strategy => $strategy // 'prefer-local');
	like($row->{error_message}, qr/0 of 1 rows are, after trigger "Z"\./, "always $place: $event, $function: the trigger is named") unless $function =~ /raise/;
	is(sql($node, "SELECT max(s.attempt) FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id WHERE q.merge_id = '$row->{merge_id}'"), '1', "always $place: $event, $function: at the first attempt");
	sql($where, 'DROP TRIGGER "Z" ON t');
}

# Foreign keys are triggers.
both($node, $peer, 'DELETE FROM few WHERE id = 100');
sql($node, q{INSERT INTO few VALUES (100, 'h', 1); INSERT INTO child VALUES (1, 'h', 1, 99), (2, 'h', 1, 100)});
merge_fails($node, $peer, ['child'], qr/^insert or update on table "child" violates foreign key constraint.*DETAIL:  Key \(parent\)=\(100\) is not present/s,
	'foreign keys that fire', %socket, options => options(fire_triggers => 'true'));
is_merged(merge([ 'child', 'few' ], options => { fire_triggers => 'true' }), '3|0|99|0|0|3', 'foreign keys that fire find the parents');

# As a whole, or not at all; in batches, all but what is refused.  Of 40 rows
# the peer refuses 13 and 14 (check), 21 (unique), 6 (trigger) and this node 32.
both($node, $peer, 'CREATE TABLE b (id int PRIMARY KEY, x text, u int UNIQUE)');
my %refusal = (
	13 => [ $peer, 'ALTER TABLE b ADD CONSTRAINT lucky CHECK (id NOT IN (13, 14))', 'ALTER TABLE b DROP CONSTRAINT lucky',
		qr/^new row for relation "b" violates check constraint "lucky"(?:\nDETAIL: |:) Failing row contains \(13, h, 13\)\./ ],
	21 => [ $peer, q{INSERT INTO b VALUES (1000, 'p', 21)}, 'DELETE FROM b WHERE id = 1000',
		qr/^duplicate key value violates unique constraint "b_u_key"(?:\nDETAIL: |:) Key \(u\)=\(21\) already exists\./ ],
	6 => [ $peer, q{CREATE TRIGGER z BEFORE INSERT OR UPDATE ON b FOR EACH ROW EXECUTE FUNCTION raise('23514'); ALTER TABLE b ENABLE ALWAYS TRIGGER z},
		'DROP TRIGGER z ON b', qr/^row 6 is not welcome/ ],
	32 => [ $node, 'ALTER TABLE b ADD CONSTRAINT odd CHECK (id <> 32)', 'ALTER TABLE b DROP CONSTRAINT odd',
		qr/^new row for relation "b" violates check constraint "odd"(?:\nDETAIL: |:) Failing row contains \(32, p, 32\)\./ ]);
sub refuse
{
	my ($which, @rows) = @_;

	sql($refusal{$_}[0], $refusal{$_}[$which]) foreach @rows;
	return;
}
sub diverge_b
{
	both($node, $peer, 'TRUNCATE b');
	sql($node, q{INSERT INTO b SELECT i, 'h', i FROM generate_series(1, 30) i});
	sql($peer, q{INSERT INTO b SELECT i, 'p', i FROM generate_series(1, 10) i UNION ALL SELECT i, 'p', i FROM generate_series(31, 40) i});
	return;
}
foreach my $which (sort { $a <=> $b } keys %refusal)
{
	diverge_b();
	refuse(1, $which);
	$row = merge_fails($node, $peer, ['b'], $refusal{$which}[3], "row $which is refused", %socket);
	like($row->{error_message}, qr/^CONTEXT:  step "\w+ rows of public.b"/m, "row $which is refused: and names the table");
	is(sql($node, "SELECT count(*) FILTER (WHERE state = 'planned') FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}'"), 40 + ($which == 21), 'the plan is kept');
	refuse(2, $which);
	is(resume($node, 'apply_merge', $row->{merge_id})->{status}, 'complete', 'and can be applied when the reason has gone') if $which == 13;
}
foreach my $size (4, 100)
{
	diverge_b();
	refuse(1, keys %refusal);
	$row = merge(['b'], options => { atomicity => 'batch', batch_size => $size });
	is(join('|', @$row{qw(status failed applied_local applied_remote stale changed_since error_message)}), 'failed|6|9|26|0|0|6 rows could not be written; merge_decisions says why',
		"batches of $size: all but what is refused");
	my %failed = map { split /\|/, $_, 2 } split /\n/, sql($node, "SELECT key ->> 'id', error_message FROM steep_repl.merge_decisions WHERE merge_id = '$row->{merge_id}' AND state = 'failed'");
	is(join(' ', sort { $a <=> $b } keys %failed), '6 13 14 21 32 1000', "batches of $size: these rows failed");
	like($failed{$_}, $refusal{$_}[3], "batches of $size: row $_ failed for its reason") foreach sort { $a <=> $b } keys %refusal;
	my $differ = compare_tables($node, $peer, 'public.b', ['id'])->{rows};
	is(join(' ', sort { $a <=> $b } keys %$differ), '6 13 14 21 32 1000', "batches of $size: all others are equal");
	refuse(2, keys %refusal);
	$row = resume($node, 'apply_merge', $row->{merge_id});
	is(join('|', @$row{qw(status failed applied_local applied_remote stale error_message)}), 'complete|0|10|30|1|', "batches of $size: what failed is tried again");
	is_equal_table($node, $peer, 'public.b', ['id'], "batches of $size: both nodes are equal");
}

# An error that is not about rows ends it, with what is done until then.
diverge_b();
sql($peer, q{CREATE TRIGGER z BEFORE INSERT OR UPDATE ON b FOR EACH ROW EXECUTE FUNCTION raise('42501'); ALTER TABLE b ENABLE ALWAYS TRIGGER z});
$row = merge(['b'], options => { atomicity => 'batch', batch_size => 3 });
like("$row->{status}: $row->{error_message}", qr/^failed: row 6 is not welcome/, 'a right that is missing');
is(join('|', @$row{qw(applied_local applied_remote failed)}), '0|3|0', 'a right that is missing: batches before it are kept');
my $marked = "SELECT count(*) FROM steep_repl.merge_markers WHERE merge_id = '$row->{merge_id}'";
is(sql($peer, $marked), '1', 'a right that is missing: and marked');
is(merge(['few'])->{status} . sql($peer, $marked), 'complete0', 'the next merge has the marks forgotten');
sql($peer, 'DROP TRIGGER z ON b');
is(resume($node, 'apply_merge', $row->{merge_id})->{status}, 'complete', 'a right that is missing: the rest later');
is_equal_table($node, $peer, 'public.b', ['id'], 'a right that is missing: both nodes are equal');

# A state of the trigger's own.
diverge_b();
sql($peer, q{CREATE TRIGGER z BEFORE INSERT OR UPDATE ON b FOR EACH ROW EXECUTE FUNCTION raise('MY001'); ALTER TABLE b ENABLE ALWAYS TRIGGER z});
$row = merge(['b'], options => { atomicity => 'batch' });
is(join('|', @$row{qw(status failed applied_local applied_remote)}), 'failed|1|10|29', "a trigger's own state is about its row");
sql($peer, 'DROP TRIGGER z ON b');

# Children of a row that is refused are refused; rows that move are planned anew.
both($node, $peer, 'TRUNCATE few, child');
sql($peer, 'ALTER TABLE few ADD CONSTRAINT lucky CHECK (id <> 2)');
sql($node, q{INSERT INTO few VALUES (1, 'h', 1), (2, 'h', 1), (3, 'h', 1); INSERT INTO child SELECT i, 'h', 1, (i + 1) / 2 FROM generate_series(1, 6) i});
my $point = hold_point($node, 'merge-before-marker');
$id = submit_merge($node, $peer, [ 'child', 'few' ], %socket, options => options(atomicity => 'batch', batch_size => 2));
$point->wait_reached;
sql($node, q{UPDATE few SET x = 'app' WHERE id = 3});
sql($peer, q{INSERT INTO few VALUES (1, 'app', 1)});
$point->release;
$row = wait_for_merge($node, $id);
is(join('|', @$row{qw(status failed stale applied_local applied_remote)}), 'failed|3|0|0|6', 'batches of two tables');
is(rows($peer, 'few') . ' / ' . rows($peer, 'child', 'parent'), '1:h 3:app / 1:1 2:1 5:3 6:3', 'batches of two tables: children of a refused row are refused');
like(sql($node, "SELECT error_message FROM steep_repl.merge_decisions WHERE merge_id = '$id' AND table_name = 'public.child' AND state = 'failed' ORDER BY seq LIMIT 1"),
	qr/^merged row of table "public.child" would have no parent on the peer: Foreign key "child_parent_fkey": no row of table "public.few" has \(2\)\./, 'and say so');

# A row of many, in a table after others.
both($node, $peer, 'TRUNCATE few, child; ALTER TABLE few DROP CONSTRAINT IF EXISTS lucky');
diverge('t');
sql($node, q{INSERT INTO few SELECT i, 'h', 1 FROM generate_series(1, 300) i; UPDATE t SET id = 106 WHERE id = 6; UPDATE t SET id = 6 WHERE id = 7});
sql($peer, q{CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION raise('MY001'); ALTER TABLE t ENABLE ALWAYS TRIGGER z});
$row = merge_fails($node, $peer, [ 'few', 't' ], qr/^row 6 is not welcome\nDETAIL:  Row \{"id": "6"\} of table "public.t" cannot be written on the peer\.\nCONTEXT/, 'a row of many', %socket, options => options(batch_size => 40));
sql($peer, 'DROP TRIGGER z ON t');
is(resume($node, 'apply_merge', $row->{merge_id})->{status}, 'complete', 'a row of many: is written when the reason has gone');

is_unleaked($before, 'nothing is left behind');
done_testing();
