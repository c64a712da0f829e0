# A snapshot that is not as it was written is refused before a row is loaded;
# one that is applied is loaded exactly once, whatever dies meanwhile.
use SteepTest;
use SteepTest::Snapshot;
use Digest::SHA qw(sha256_hex);

my $node = start_node('a', conf => "restart_after_crash = on\nsteep_repl.max_workers = 2\n");
my $base = PostgreSQL::Test::Utils::tempdir;
my ($id, $row, $point, $n);

sql($node, <<'EOC');
CREATE TABLE big (id int PRIMARY KEY, x text);
INSERT INTO big SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, 60000) i;
CREATE INDEX ON big (x);
CREATE TABLE other (id int REFERENCES big);
INSERT INTO other SELECT i FROM generate_series(1, 100) i;
CREATE DATABASE copy TEMPLATE template0;
EOC
sql($node, 'CREATE EXTENSION steep_repl CASCADE', 'copy');
my $before = state_of($node);
is(run_snapshot($node, "$base/good", compression => 'zstd', parallel => 2)->{status}, 'complete', 'the snapshot');
my $manifest = read_manifest("$base/good");
my ($big) = grep { $_->{name} eq 'big' } @{ $manifest->{tables} };
my $chunk = $big->{chunks}[0];
cmp_ok(@{ $big->{chunks} }, '>', 1, 'has several files of a table');

sub copied
{
	my $path = "$base/" . ++$n;

	system_or_bail('cp', '-a', "$base/good", $path);
	return $path;
}

sub spew
{
	my ($file, $text) = @_;

	unlink $file;
	append_to_file($file, $text);
	return;
}

sub error_there
{
	my ($query) = @_;
	my ($rc, undef, $stderr) = $node->psql('copy', $query);

	return $rc ? $stderr : '';
}

sub tables_there
{
	return sql($node, q{SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace}, 'copy');
}

# Damages a copy; both ways to look at it must notice, and nothing is made.
sub damaged
{
	my ($name, $error, $damage, $only_apply) = @_;
	my $path = copied();
	my $problem;

	$damage->($path);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$problem = $only_apply ? '' : sql($node, "SELECT file || ': ' || problem FROM steep_repl.verify_snapshot('$path')", 'copy');
	like($problem, $error, "$name: verified") unless $only_apply;
	my $stderr = error_there("SELECT steep_repl.start_apply('$path')");
	if (!$stderr)
	{
		$id = sql($node, q{SELECT max(snapshot_id) FROM (SELECT snapshot_id FROM steep_repl.snapshots ORDER BY created_at DESC LIMIT 1) s}, 'copy');
		$row = wait_for_snapshot($node, $id, 'copy');
		is($row->{status}, 'failed', "$name: the apply fails");
		$stderr = $row->{error_message};
	}
	like($stderr, $error, "$name: the error says why");
	is(tables_there(), 0, "$name: nothing is created");
	system_or_bail('rm', '-rf', $path);
	return;
}

sub change_file
{
	my ($path, $file, $change) = @_;
	my $bytes = slurp_file("$path/$file");

	$change->() for $bytes;
	spew("$path/$file", $bytes);
	return $bytes;
}

# Makes the manifest agree with a file that was changed.
sub adopt
{
	my ($path, $file, $bytes) = @_;

	edit_manifest($path, sub {
		my $size = length $bytes;
		my $sum = sha256_hex($bytes);
		my $changed = s/("\Q$file\E".*?"file_bytes": )\d+(.*?"sha256": ")[0-9a-f]+/$1$size$2$sum/s
		  || s/("\Q${\ ($file =~ s{.*\/}{}r) }\E": \{.*?"bytes": )\d+(.*?"sha256": ")[0-9a-f]+/$1$size$2$sum/s;
		die "no $file in $_" unless $changed;
	});
	return;
}

damaged('a flipped bit', qr/\Q$chunk->{file}\E/, sub { change_file($_[0], $chunk->{file}, sub { substr($_, length($_) / 2, 1) ^= "\x10" }) });
damaged('a truncated file', qr/\Q$chunk->{file}\E/, sub { truncate "$_[0]/$chunk->{file}", 1000 });
damaged('a missing file', qr/\Q$chunk->{file}\E/, sub { unlink "$_[0]/$chunk->{file}" });
damaged('a schema file that was changed', qr/post-data\.sql/, sub { change_file($_[0], 'schema/post-data.sql', sub { s/big/bug/ }) });
damaged('a missing manifest', qr/manifest\.json/, sub { unlink "$_[0]/manifest.json" });
damaged('an edited manifest', qr/manifest\.json/, sub { change_file($_[0], 'manifest.json', sub { s/"name": "other"/"name": "another"/ }) });
damaged('a path that climbs', qr/manifest\.json/, sub { my $p = shift; edit_manifest($p, sub { s{"data/1\.1\.copy\.zst"}{"../1.1.copy.zst"} or die }) });
damaged('an absolute path', qr/manifest\.json/, sub { my $p = shift; edit_manifest($p, sub { s{"data/1\.1\.copy\.zst"}{"/etc/passwd"} or die }) });
foreach my $name (qw(pg_catalog.pg_db_role_setting information_schema.sql_parts steep_repl.nodes pg_temp.t))
{
	damaged("rows for $name", qr/"\Q$name\E" belongs to the system/, sub { edit_manifest($_[0], sub { my ($schema, $table) = split /\./, $name; s/"schema": "public",(\s+)"name": "other"/"schema": "$schema",$1"name": "$table"/ or die }) }, 1);
}
damaged('a value for a sequence of the system', qr/"steep_repl\.s" belongs to the system/,
	sub { edit_manifest($_[0], sub { s/"sequences": \[\]/"sequences": [{"schema": "steep_repl", "name": "s", "last_value": "1", "is_called": true}]/ or die }) }, 1);
damaged('a symbolic link', qr/\Q$chunk->{file}\E/, sub { rename "$_[0]/$chunk->{file}", "$_[0]/moved"; symlink "$_[0]/moved", "$_[0]/$chunk->{file}" });
damaged('a bomb', qr/\Q$chunk->{file}\E/, sub {
	my ($path) = @_;
	my $bytes = `head -c 300000000 /dev/zero | zstd -q -c`;

	spew("$path/$chunk->{file}", $bytes);
	adopt($path, $chunk->{file}, $bytes);
	edit_manifest($path, sub { my $total = 0; $total += $1 while /"file_bytes": (\d+), "sha/g; s/("total".*?"file_bytes": )\d+/$1$total/s });
});
foreach my $statement (
	'ALTER ROLE CURRENT_USER SUPERUSER', 'SELECT 1', 'DO $$BEGIN END$$', 'COMMENT ON FUNCTION now() IS NULL', 'COMMENT ON LARGE OBJECT 1 IS NULL',
	'GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC', 'GRANT EXECUTE ON FUNCTION now() TO PUBLIC', 'CREATE SCHEMA AUTHORIZATION CURRENT_USER',
	'CREATE SCHEMA s CREATE TABLE t ()', 'CREATE STATISTICS s ON x FROM f()', 'ALTER VIEW v OWNER TO CURRENT_USER', 'COPY big FROM STDIN', 'DROP TABLE big')
{
	damaged("a statement that no snapshot has, $statement", qr/pre-data\.sql" has a statement that no snapshot has|syntax error/, sub {
		my ($path) = @_;

		adopt($path, 'schema/pre-data.sql', change_file($path, 'schema/pre-data.sql', sub { $_ .= "$statement;\n" }));
	}, 1);
}

# Whoever recomputes all checksums is found out by counts and digests, after
# rows were loaded.
my $path = copied();
edit_manifest($path, sub { s/("name": "other".*?"digest": ")(.)/$1 . ($2 eq '0' ? '1' : '0')/se or die });
like(run_apply($node, $path, dbname => 'copy')->{error_message}, qr/rows of table "public\.other" differ from the snapshot's.*NOTE:  What was loaded stays/s, 'another digest');
is(sql($node, 'SELECT count(*) FROM other', 'copy'), 100, 'what was loaded stays');
sql($node, 'DROP TABLE other, big', 'copy');
is(run_apply($node, $path, dbname => 'copy', verify => 'false')->{status}, 'complete', 'unless it is not to be looked at');

sub start_anew
{
	sql($node, 'DROP TABLE IF EXISTS other, big', 'copy');
	return submit_apply($node, "$base/good", dbname => 'copy', parallel => $_[0] // 2);
}

sub is_whole
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$row = wait_for_snapshot($node, $id, 'copy');
	is($row->{status}, 'complete', "$name: complete") or diag $row->{error_message};
	my $rows = q{SELECT count(*), count(DISTINCT id), sum(hashtext(x)) FROM big UNION ALL SELECT count(*), 0, sum(id) FROM other ORDER BY 1};
	is(sql($node, $rows, 'copy'), sql($node, $rows), "$name: each row once");
	is(sql($node, q{SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f') AND conrelid = ANY ('{big,other}'::regclass[])}, 'copy'), 2, "$name: with its constraints");
	return;
}

# kill -9, SIGTERM and an immediate restart.
foreach my $name ('done plan', 'done schema', 'apply-load', 'done load', 'done index', 'done digest')
{
	$point = hold_point($node, $name, 'copy');
	$id = start_anew();
	$point->wait_reached;
	my $offset = -s $node->logfile;
	my $pid = $point->waiter;
	kill 'KILL', $pid;
	wait_until(sub { !kill 0, $pid }, 'the worker to be gone');
	$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
	is_whole("$name: kill -9");
}
$point = hold_point($node, 'apply-load', 'copy');
$id = start_anew();
$point->wait_reached;
my $pid = $point->waiter;
$point->release;
sql($node, "SELECT pg_terminate_backend($pid)");
is_whole('SIGTERM');
$point = hold_point($node, 'done load', 'copy');
$id = start_anew(1);
$point->wait_reached;
$node->stop('immediate');
$node->start;
is_whole('an immediate restart');

# Two at once: one has the tables.
$point = hold_point($node, 'done schema', 'copy');
$id = start_anew();
$point->wait_reached;
my $second = submit_apply($node, "$base/good", dbname => 'copy', options => '{"force": true}');
like(wait_for_snapshot($node, $second, 'copy')->{error_message}, qr/table "public\.big" is being loaded by "$id"/, 'the second is told');
$point->release;
is_whole('the first of two');

# A row that changes before the last look.
$point = hold_point($node, 'begin check', 'copy');
$id = start_anew();
$point->wait_reached;
sql($node, q{UPDATE big SET x = 'y' WHERE id = 5}, 'copy');
$point->release;
like(wait_for_snapshot($node, $id, 'copy')->{error_message}, qr/rows of table "public\.big" differ from the snapshot's/, 'a changed row of a large table is noticed');

# Tables that change between the look at them and the load.
foreach my $case (
	[ 'DROP TABLE big CASCADE', qr/relation "public\.big" does not exist/ ],
	[ 'ALTER TABLE big DROP x', qr/column "x" of relation "big" does not exist/ ],
	[ 'ALTER TABLE big RENAME x TO y', qr/column "x" of relation "big" does not exist/ ],
	[ q{INSERT INTO big VALUES (-1, 'another')}, qr/table "public\.big" has 60001 rows instead of 60000/ ],
	[ 'ALTER TABLE big ALTER x TYPE varchar(5)', qr/value too long for type character varying\(5\)/ ],
	[ 'ALTER TABLE big ADD UNIQUE (id); ALTER TABLE big ADD y int NOT NULL', qr/null value in column "y"/ ])
{
	my ($change, $error) = @$case;

	$point = hold_point($node, 'begin load', 'copy');
	$id = start_anew(1);
	$point->wait_reached;
	sql($node, $change, 'copy');
	$point->release;
	$row = wait_for_snapshot($node, $id, 'copy');
	is($row->{status}, 'failed', "a change before the load: $change");
	like($row->{error_message}, $error, 'is noticed');
}
$point = hold_point($node, 'begin load', 'copy');
$id = start_anew(1);
$point->wait_reached;
sql($node, 'ALTER TABLE big ADD y int DEFAULT 1; ALTER TABLE big ALTER x SET STORAGE MAIN', 'copy');
$point->release;
is_whole('a change that does no harm');

# Files that change after they were looked at, and another directory in the
# place of the snapshot's.
foreach my $case (
	[ 'begin schema', 'another manifest', sub { edit_manifest($_[0], sub { s/"created_at": "2/"created_at": "3/ or die }) }, qr/another snapshot is at/ ],
	[ 'begin schema', 'another schema file', sub { change_file($_[0], 'schema/pre-data.sql', sub { s/big/bug/ }) }, qr/pre-data\.sql/ ],
	[ 'begin load', 'another file', sub { change_file($_[0], $chunk->{file}, sub { substr($_, length($_) / 2, 1) ^= "\x10" }) }, qr/\Q$chunk->{file}\E/ ],
	[ 'begin load', 'a symbolic link to the directory', sub { rename $_[0], "$_[0]-moved"; symlink "$_[0]-moved", $_[0] }, qr/symbolic link/ ],
	[ 'begin load', 'a symbolic link to the files', sub { rename "$_[0]/data", "$_[0]/moved"; symlink "$_[0]/moved", "$_[0]/data" }, qr/symbolic link/ ],
	[ 'begin load', 'a hard link', sub { link "$_[0]/$chunk->{file}", "$_[0]/linked" }, qr/\Q$chunk->{file}\E/ ])
{
	my ($at, $name, $change, $error) = @$case;
	my $swapped = copied();

	sql($node, 'DROP TABLE IF EXISTS other, big', 'copy');
	$point = hold_point($node, $at, 'copy');
	$id = submit_apply($node, $swapped, dbname => 'copy', parallel => 1);
	$point->wait_reached;
	$change->($swapped);
	$point->release;
	$row = wait_for_snapshot($node, $id, 'copy');
	is($row->{status}, 'failed', "$name in between");
	like($row->{error_message}, $error, "$name is noticed");
	is(sql($node, q{SELECT count(*) FROM big}, 'copy'), 0, "$name: nothing is loaded") if $at =~ /load/ && $name ne 'another file';
}

# Cancelled.
foreach my $name ('begin plan', 'begin verify', 'begin schema', 'apply-load', 'begin index', 'begin finish', 'begin check')
{
	$point = hold_point($node, $name, 'copy');
	$id = start_anew();
	$point->wait_reached;
	is(sql($node, "SELECT steep_repl.cancel_operation('$id')", 'copy'), 't', "cancel at $name");
	$point->release;
	$row = wait_for_snapshot($node, $id, 'copy');
	is($row->{status}, 'cancelled', "$name: cancelled");
	if ($name =~ /plan|verify|schema/)
	{
		is("$row->{error_message} " . tables_there(), ' 0', "$name: nothing is created");
	}
	else
	{
		like($row->{error_message}, qr/What was loaded stays/, "$name: the record says that rows stay");
	}
}
$id = start_anew();
is_whole('afterwards');

sql($node, q{SELECT steep_repl.prune_snapshots('0')}, 'copy');
is(sql($node, 'SELECT count(*) FROM steep_repl.snapshots', 'copy'), 0, 'the records can be pruned');
ok(-e "$base/good/manifest.json", 'the snapshot stays');
is(sql($node, "SELECT count(*) FROM steep_repl.verify_snapshot('$base/good')"), 0, 'and is sound');
is_unleaked($before, 'nothing is leaked');

done_testing();
