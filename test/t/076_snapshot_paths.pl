# Where snapshots may be written: below steep_repl.snapshot_directory, anywhere
# else by the file roles only, and never among the server's files.
use SteepTest;
use SteepTest::Snapshot;

my $base = PostgreSQL::Test::Utils::tempdir;
mkdir "$base/$_" foreach qw(allowed elsewhere space);
symlink "$base/elsewhere", "$base/link";
symlink "$base/elsewhere", "$base/allowed/link";
symlink "$base/allowed", "$base/reached";
my $node = start_node('a', conf => "steep_repl.snapshot_directory = '$base/reached'\n");
my $data = $node->data_dir;

sql($node, "CREATE TABLESPACE space LOCATION '$base/space'");
sql($node, 'CREATE TABLE t AS SELECT 1 AS x; GRANT SELECT ON t TO merger; CREATE ROLE writer LOGIN PASSWORD ' . quote(secret()) . ' IN ROLE merger, pg_write_server_files');
sql($node, "GRANT USAGE ON SCHEMA steep_repl TO writer");

sub refused
{
	my ($role, $path, $error, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(error_of($node, 'SELECT steep_repl.start_snapshot(' . quote($path) . ')', $role), $error, "$role: $name");
	return;
}

# A role without privileges on files.
is(run_snapshot($node, "$base/reached/one", role => 'merger')->{status}, 'complete', 'below the directory of snapshots');
ok(-e "$base/allowed/one/manifest.json", 'which may be reached through a symbolic link');
is(run_snapshot($node, 'two', role => 'merger')->{path}, "$base/reached/two", 'a relative path is below it');
my $denied = qr/permission denied for directory ".*pg_write_server_files/s;
refused('merger', "$base/elsewhere/x", $denied, 'not elsewhere');
refused('merger', "$base/reachedx", $denied, 'not beside it');
refused('merger', "$base/reached/../elsewhere/x", qr/"\.\."|\.\./, 'not by climbing');
refused('merger', '../elsewhere/x', qr/\.\./, 'nor by climbing from it');
refused('merger', "$base/reached/link/x", qr/symbolic link/, 'not through a symbolic link');
refused('merger', "$base/reached/link", qr/./, 'not in place of one');
refused('merger', "$base/reached", qr/./, 'not itself');
refused('merger', "$base/reached/one", qr/exists/, 'not what exists');
refused('merger', "$base/reached/no/x", qr/./, 'not below what does not exist');

# One with them.
is(run_snapshot($node, "$base/elsewhere/one", role => 'writer')->{status}, 'complete', 'pg_write_server_files may go elsewhere');
refused('writer', "$base/elsewhere/one", qr{could not create directory "\Q$base\E/elsewhere/one": File exists}, 'not what exists');
refused('writer', "$base/link/x", qr/symbolic link/, 'not through a symbolic link');
refused('writer', "$base/elsewhere/../x", qr/\.\./, 'not by climbing');
refused('writer', "$data/x", qr/./, 'not among the data');
refused('writer', "$data/base/x", qr/./, 'not deep in the data');
refused('writer', "$base/space/x", qr/./, 'not in a tablespace');
refused('admin', "$data/x", qr/./, 'and not by a superuser');

# A right that is lost meanwhile.
my $point = hold_point($node, 'begin plan');
my $id = submit_snapshot($node, "$base/elsewhere/two", role => 'writer');
$point->wait_reached;
sql($node, 'REVOKE pg_write_server_files FROM writer');
$point->release;
my $row = wait_for_snapshot($node, $id);
is($row->{status}, 'failed', 'a right that is lost meanwhile');
like($row->{error_message}, $denied, 'is missed');
ok(is_no_snapshot("$base/elsewhere/two"), 'and nothing is left');

ok(!-e "$data/x" && !-e "$base/elsewhere/x" && !-e "$base/x" && !-e "$base/space/x", 'nothing was made where it may not be');
is(join(' ', sort map { s/.*\///r } glob "$base/allowed/*"), 'link one two', 'and nothing is left where it may');

sql($node, q{ALTER SYSTEM SET steep_repl.snapshot_directory = ''});
$node->reload;
$node->poll_query_until('postgres', 'SHOW steep_repl.snapshot_directory', '') or die;
refused('merger', "$base/reached/three", $denied, 'nowhere without a directory of snapshots');
refused('admin', 'three', qr/path "three" is not absolute/, 'nor by a relative path');

done_testing();
