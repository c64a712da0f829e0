# The files of a snapshot, without a server: what is written opens with the
# usual tools, whatever happens to a file afterwards is noticed, no path leads
# out of the directory, and no file is half there.
use SteepTest::Namespace qw(mount);
use SteepTest;
use Digest::SHA qw(sha256_hex);

# In memory, since all that is written is also made durable.
my $base = PostgreSQL::Test::Utils::tempdir;
mount_small($base, 100);
my $program = './test/files/snapfile';
my %tool = (none => 'cat', gzip => 'gzip -dc', lz4 => 'lz4 -dc', zstd => 'zstd -dc');
my %suffix = (none => '', gzip => '.gz', lz4 => '.lz4', zstd => '.zst');

system_or_bail('make', '-s', 'with_llvm=no', $program);

# What the program prints, and whether it has ended well.
sub snapfile
{
	my ($command, $path, @arguments) = @_;
	my ($stdout, $stderr);
	my $ok = IPC::Run::run([ $program, $command, $base, $path, @arguments ], '<', \'', '>', \$stdout, '2>', \$stderr);

	chomp $stdout;
	return wantarray ? ($stdout, $ok, $stderr) : $stdout;
}

# Puts what a shell command prints into a file.
sub put
{
	my ($source, $path, $name, $spec) = @_;

	return split ' ', `$source | $program put $base $path $name $spec`;
}

# Gets a file back; what is wrong with it, or its SHA-256.
sub get
{
	my ($path, $name, @totals) = @_;
	my ($problem, $ok, $bytes) = snapfile('get', $path, $name, @totals);

	return $ok ? sha256_hex($bytes) : $problem;
}

sub spew
{
	my ($file, $text) = @_;

	unlink "$base/$file";
	append_to_file("$base/$file", $text);
	return;
}

# Compressions are asked for by name and level.
foreach my $case (
	[ none => 'none' ], [ gzip => 'gzip:6' ], [ lz4 => 'lz4:1' ], [ zstd => 'zstd:1' ],
	[ 'zstd:19' => 'zstd:19' ], [ 'gzip:9' => 'gzip:9' ],
	[ 'zstd:20' => 'argument: invalid compression level in "zstd:20"' ],
	[ 'none:1' => 'argument: invalid compression level in "none:1"' ],
	[ 'lz4:' => 'argument: invalid compression level in "lz4:"' ],
	[ "br\x01" => 'argument: unknown compression "br\x01"' ],
	[ '' => 'argument: unknown compression ""' ])
{
	my ($stdout) = run_command([ $program, 'compression', $case->[0] ]);
	is($stdout, $case->[1], "compression \"$case->[0]\" is read");
}

# Round trips of files, of no byte, of few and of many.
snapfile('create', 'trip');
my $number = 0;
foreach my $method (sort keys %tool)
{
	foreach my $source (':', 'echo x', 'seq 1 300000', 'head -c 3000000 /dev/urandom')
	{
		my $copy = "$base/copy";
		my $name = 'data/' . ++$number . ".1.copy$suffix{$method}";
		my @totals = put("$source | tee $copy", 'trip', $name, $method);
		my $sha = sha256_hex(slurp_file($copy));

		is(sha256_hex(`$tool{$method} < $base/trip/$name`), $sha, "$tool{$method} opens what \"$source\" gave");
		is(get('trip', $name, @totals), $sha, '... and so does the reader');
		is("@totals[0, 1]", join(' ', -s $copy, -s "$base/trip/$name"), '... its bytes are counted');
		is($totals[2], sha256_hex(slurp_file("$base/trip/$name")), '... its SHA-256 is right');
	}
}

# Whatever is damaged is noticed: each byte, each length.
foreach my $method (sort keys %tool)
{
	snapfile('sample', "damage-$method", $method);
	is(snapfile('verify', "damage-$method"), '', "a snapshot with $method is sound");
	is(snapfile('damage', "damage-$method", "$base/damage-$method"), '0 unnoticed', '... all damage is noticed');
	is(snapfile('verify', "damage-$method"), '', '... and mended');
}

# A file that unpacks to more than the manifest says is stopped there.
my $bomb = 'data/99.1.copy.zst';
my @totals = put('head -c 1G /dev/zero', 'trip', $bomb, 'zstd');
cmp_ok($totals[1], '<', 40_000, 'a bomb is small');
foreach my $size (0, 1, 99_999)
{
	my ($problem, $ok, $bytes) = snapfile('get', 'trip', $bomb, $size, @totals[1, 2]);

	is($problem, qq{corrupt: file "$bomb" unpacks to more than $size bytes}, "it is stopped at $size bytes");
	is(length $bytes, $size, '... and none more is given');
}

# What the reader says about files that are wrong in themselves.
sub is_refused
{
	my ($maker, $problem, $raw, $what) = @_;
	my $name = 'data/98.1.copy.zst';

	system_or_bail('sh', '-c', "$maker > $base/trip/$name");
	is( get('trip', $name, $raw, -s "$base/trip/$name", sha256_hex(slurp_file("$base/trip/$name"))),
		qq{corrupt: file "$name" $problem},
		"$what is refused");
	unlink "$base/trip/$name";
	return;
}

is_refused('(echo x | zstd; echo y | zstd)', 'has bytes after its end', 2, 'a second frame');
is_refused('(echo x | zstd; echo)', 'has bytes after its end', 2, 'what follows the end');
is_refused('seq 100000 | zstd --long=27 --ultra -22', 'does not unpack: Frame requires too much memory for decoding',
	588895, 'a window of 128 MB');
is_refused('seq 100 | zstd', 'unpacks to 292 bytes instead of 293', 293, 'a raw size that is too large');
is_refused('seq 100 | gzip', 'does not unpack: Unknown frame descriptor', 292, 'what is not zstd');

# Names that are no names of ours.
foreach my $name (
	qw(../x /etc/passwd data/1.1.copy/../x data/0.1.copy data/01.1.copy data/1.copy data/1.1.copy.bz2
	data/1.1000000000.copy data/1.1.copyx data/-1.1.copy schema/x.sql manifest.json/ x))
{
	is(snapfile('put', 'trip', $name, 'none'), "not a name: $name", "\"$name\" is no name");
}

# Paths that are no place for a snapshot.
mkdir "$base/real";
symlink "$base/real", "$base/link";
mkdir "$base/real/sub";
spew('plain', '');
foreach my $case (
	[ '..' => 'name: invalid path ".."' ],
	[ 'real/../../x' => 'name: invalid path "real/../../x"' ],
	[ './x' => 'name: invalid path "./x"' ],
	[ '' => 'name: invalid path ""' ],
	[ '//' => qr/^name: path "\/\/" is not beneath/ ],
	[ '/etc' => qr/^name: path "\/etc" is not beneath/ ],
	[ 'x' x 256 => qr/^name: invalid path/ ],
	[ 'link/x' => qr/^name: could not open directory "link\/x"/ ],
	[ 'plain/x' => qr/^name: could not open directory "plain\/x"/ ],
	[ 'none/x' => qr/^missing: could not open directory "none\/x"/ ],
	[ 'link' => 'exists: could not create directory "link": File exists' ],
	[ 'real' => 'exists: could not create directory "real": File exists' ])
{
	like(snapfile('create', $case->[0]), ref $case->[1] ? $case->[1] : qr/^\Q$case->[1]\E$/, "no snapshot in \"$case->[0]\"");
}
like(snapfile('open', 'link'), qr/^name: could not open directory/, 'a link is not opened');
{
	local $ENV{FORBIDDEN} = "$base/link";
	like(snapfile($_->[0], $_->[1]), qr/^name: path "\Q$_->[1]\E" is inside directory/, "$_->[0] of $_->[1] is forbidden")
	  foreach [ 'create', 'real/sub/x' ], [ 'open', 'real/sub' ], [ 'open', 'real' ];
	ok((snapfile('create', 'beside'))[1], 'what is beside is not');
}
ok(!-e "$base/real/sub/x", 'nothing was made there');

# Modes.
my $mask = umask 0;
snapfile('sample', 'modes', 'none');
umask $mask;
is( join(' ', map { sprintf '%o', (stat "$base/modes/$_")[2] & 07777 } '', qw(data schema manifest.json data/1.1.copy)),
	'700 700 700 600 600', 'only the owner has rights');

# Files that are not what they seem, and files that nobody knows.
sub is_noticed
{
	my ($command, $problem) = @_;
	my $snapshot = 'odd' . ++$number;

	snapfile('sample', $snapshot, 'none');
	system_or_bail('sh', '-c', "cd $base/$snapshot && $command");
	is(snapfile('verify', $snapshot), $problem, $command);
	return;
}

is_noticed('mv data/1.1.copy x; ln -s ../x data/1.1.copy', "data/1.1.copy: is a symbolic link\nx: does not belong to the snapshot");
is_noticed('ln data/1.1.copy ../hard', 'data/1.1.copy: has more than one name');
is_noticed('rm data/1.1.copy; mkfifo data/1.1.copy', 'data/1.1.copy: is not a regular file');
is_noticed('rm data/1.1.copy; mkdir data/1.1.copy', 'data/1.1.copy: is not a regular file');
is_noticed('rm data/1.1.copy', 'data/1.1.copy: is missing');
is_noticed('rm manifest.json', 'manifest.json: is missing');
is_noticed('echo >> data/1.2.copy', 'data/1.2.copy: has 1 bytes instead of 0');
is_noticed('cp data/1.1.copy data/1.3.copy', 'data/1.3.copy: does not belong to the snapshot');
is_noticed('cp data/1.1.copy data/3.1.copy', 'data/3.1.copy: does not belong to the snapshot');
is_noticed('cp data/1.1.copy data/1.1.copy.gz', 'data/1.1.copy.gz: does not belong to the snapshot');
is_noticed("touch \"schema/\$(printf 'a\\nb')\"", 'schema/a\x0ab: does not belong to the snapshot');
is_noticed('touch data/1.1.copy.0123abcd.tmp', 'data/1.1.copy.0123abcd.tmp: was left behind by a writer');
is_noticed("sed -i 's/\"rows\": 300/\"rows\": 301/' manifest.json", 'manifest.json: was changed after it was written');

# A manifest that was edited by one who knows how to compute its SHA-256.
snapfile('sample', 'edited', 'none');
my $manifest = slurp_file("$base/edited/manifest.json");

sub is_manifest_refused
{
	my ($edit, $problem, $what) = @_;

	local $_ = $manifest;
	$edit->();
	s/^  "manifest_sha256": .*//ms;
	spew('edited/manifest.json', "$_  \"manifest_sha256\": \"" . sha256_hex($_) . "\"\n}\n");
	my $answer = snapfile('manifest', 'edited');
	like($answer, ref $problem ? $problem : qr/^corrupt: file "manifest.json" \Q$problem\E/, $what);
	return;
}

is_manifest_refused(sub { }, qr/^\{\n.*\n\}$/s, 'nothing edited, nothing refused');
is_manifest_refused(sub { s/"format": 1/"format": 2/ }, qr/^unsupported: the snapshot's format is "2"$/, 'another format');
is_manifest_refused(sub { s/"format": 1/"format": 18446744073709551617/ }, qr/^unsupported: the snapshot's format is "184467440"$/, 'a format that wraps around');
is_manifest_refused(sub { s/"lsn"/"lsm"/ }, 'is not valid in line 5: unknown field "lsm"', 'an unknown field');
is_manifest_refused(sub { s/  "database".*\n// }, 'is not valid in line', 'a missing field');
is_manifest_refused(sub { s/(  "database".*\n)/$1$1/ }, 'is not valid in line 9: "database" is there twice', 'a field twice');
is_manifest_refused(sub { s/"database"/"data\\u0062ase"/ }, 'is not valid in line 8: unknown field "data\\\\u0062ase"', 'an escape in a name');
is_manifest_refused(sub { s/"app"/"a\\u0000pp"/ }, 'is not valid in line 8: an escape is invalid', 'a NUL');
is_manifest_refused(sub { s/"app"/"\\ud800"/ }, 'is not valid in line 8: an escape is invalid', 'half a surrogate pair');
is_manifest_refused(sub { s/"app"/"\xc0\x80"/ }, 'is not valid in line 8: a string is not UTF-8', 'overlong UTF-8');
is_manifest_refused(sub { s/"app"/"\xed\xa0\x80"/ }, 'is not valid in line 8: a string is not UTF-8', 'a surrogate in UTF-8');
is_manifest_refused(sub { s/"app"/"a\npp"/ }, 'is not valid in line 9: a string has a control character', 'a newline in a string');
is_manifest_refused(sub { my $x = 'x' x 256; s/"app"/"$x"/ }, 'is not valid in line 8: "database" is too long', 'a long name');
is_manifest_refused(sub { s/"app"/7/ }, 'is not valid in line 8: expected """', 'a number for a string');
is_manifest_refused(sub { s/"app",/"app",,/ }, 'is not valid in line 8: expected """', 'a comma too many');
foreach my $bad (qw(-300 300.0 3e2 0300 +300), '"300"', 9007199254740992, '9' x 40)
{
	is_manifest_refused(sub { s/"rows": 300,\n/"rows": $bad,\n/ }, 'is not valid in line', "the number $bad");
}
is_manifest_refused(sub { s/"rows": 300,\n/"rows": 301,\n/ }, 'says that table 1 has 301 rows, and its chunks 300', 'a sum');
is_manifest_refused(sub { s/"total": (.*)"rows": 300/"total": $1"rows": 301/ }, 'has another total than its tables', 'a total');
is_manifest_refused(sub { s/"file_bytes": 2554/"file_bytes": 2553/ }, 'says that "data/1.1.copy" of 2553 bytes unpacks to 2554', 'sizes that cannot be');
is_manifest_refused(sub { s/"bigint"/[[[[/ }, 'is not valid in line', 'a list for a string');
is_manifest_refused(sub { s/"columns": \[/'"columns": [' . '[' x 100000/e }, 'is not valid in line 22: expected "{"', 'lists without end');
is_manifest_refused(sub { s/"-9223372036854775808"/"-9223372036854775809"/ }, 'is not valid in line', 'a number below bigint');
is_manifest_refused(sub { s/"number": 3/"number": 1/ }, 'has table 1 after 1', 'a number twice');
is_manifest_refused(sub { s/"schema": "..\/..",\n(.*)"; DROP"/"schema": "public",\n$1"t"/ }, 'has the same table as 1 and 3', 'a table twice');
foreach my $path ('../../etc/passwd', '/etc/passwd', 'data/../x', 'data/1.1.copy/../../x', 'data/01.1.copy', 'schema/pre-data.sql')
{
	is_manifest_refused(sub { s/data\/1\.1\.copy/$path/ }, 'is not valid in line 29: "file" is invalid', "the path $path");
}
is_manifest_refused(sub { s/data\/1\.1\.copy/data\/2.1.copy/ }, 'names "data/2.1.copy" where it does not belong', 'the path of another table');
is_manifest_refused(sub { s/data\/1\.1\.copy/data\/1.3.copy/ }, 'names "data/1.2.copy" where it does not belong', 'chunks out of order');
is_manifest_refused(sub { s/data\/1\.1\.copy/data\/1.1.copy.zst/ }, 'names "data/1.1.copy.zst" where it does not belong', 'another compression');

# Half a snapshot is removed, and nothing else.
snapfile('sample', 'half', 'zstd');
append_to_file("$base/half/data/7.7.copy.01234567.tmp", 'x');
append_to_file("$base/half/schema/mine", 'x');
is(snapfile('remove', 'half'), 'io: could not remove directory "schema" in "half": Directory not empty', 'what is not ours stays');
is(`cd $base/half && find . | sort | tr '\n' ' '`, '. ./schema ./schema/mine ', '... and only that');
unlink "$base/half/schema/mine";
ok((snapfile('remove', 'half'))[1], 'half a snapshot is removed');
ok(!-e "$base/half", '... with its directory');
snapfile('sample', 'swept', 'none');
append_to_file("$base/swept/data/7.7.copy.01234567.tmp", 'x');
snapfile('sweep', 'swept');
is(snapfile('verify', 'swept'), '', 'what dead writers left is swept away');

# A disk that is full: no file, and nothing left of it.
mount_small("$base/small", 1);
is( `head -c 3M /dev/urandom | ($program create $base/small full; $program put $base/small full data/1.1.copy none)`,
	"disk full: could not write file \"data/1.1.copy\": No space left on device\n",
	'a full disk is an error');
is(`cd $base/small/full && find . -type f`, '', '... and leaves no file');

done_testing();
