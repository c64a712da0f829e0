# Tools that are ended by a signal leave nothing behind: no server, no process,
# no file.
use SteepTest;

use Cwd qw(realpath);
use File::Path qw(rmtree);
use POSIX qw(WNOHANG);
use Time::HiRes qw(usleep);

plan skip_all => 'the tools are the same for every release'
  if $ENV{STEEP_PREFIX} !~ /\/15$/ || $ENV{STEEP_PEER_PREFIX};

# A copy of the tree whose extension holds nothing, so that it is built at once.
my $base = realpath(PostgreSQL::Test::Utils::tempdir_short);
my $tree = "$base/tree";
my $temporary = "$base/tmp";
mkdir $_ foreach $tree, $temporary, "$tree/src", "$tree/src/cli", "$tree/test", "$tree/test/t";
system_or_bail('cp', '-r', qw(Makefile steep_repl.control bench tools), $tree);
system_or_bail('cp', '-r', qw(test/perl test/server.conf), "$tree/test");
append_to_file("$tree/src/empty.c",
	qq(#include "postgres.h"\n#include "fmgr.h"\n\nPG_MODULE_MAGIC;\n));
append_to_file("$tree/src/cli/main.c", "int main(void) { return 0; }\n");
append_to_file("$tree/src/cli/steep-repl.1", "nothing\n");
append_to_file("$tree/steep_repl--1.0.sql", "-- nothing\n");
append_to_file("$tree/bench/postgresql.conf", "shared_buffers = '32MB'\n");
append_to_file("$tree/test/t/endless.pl", <<'EOC');
use SteepTest;
my ($node, $peer) = start_pair(extension => 0);
sql($peer, 'SELECT pg_sleep(10000)');
EOC

# Start a command in a group of its own, as a shell does, and with settings
# that let it work for long.
sub launch
{
	my (@command) = @_;
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid;
	%ENV = (
		PATH => '/usr/bin:/bin',
		HOME => $ENV{HOME},
		TMPDIR => $temporary,
		ROWS => 10_000_000,
		SCALE => 100);
	$SIG{$_} = 'DEFAULT' foreach qw(HUP INT TERM);
	setpgrp;
	chdir $tree;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', "$base/output";
	open STDERR, '>&', \*STDOUT;
	exec @command or POSIX::_exit(127);
}

# The processes that work below the base, by their number.
sub living
{
	my %found;

	foreach my $directory (glob '/proc/[0-9]*')
	{
		next unless (readlink("$directory/cwd") // '') =~ /^\Q$base\E\//;
		my $command = eval { slurp_file("$directory/cmdline") } // next;
		$found{ $directory =~ s/\D//gr } = $command =~ tr/\0/ /r;
	}
	return \%found;
}

# Has it come to its endless work, on two servers?
sub is_working
{
	my ($work) = @_;
	my $living = living();
	my @servers = grep { $living->{$_} =~ /bin\/postgres -D / } keys %$living;

	return @servers == 2 && grep { $living->{$_} =~ $work } keys %$living;
}

# End a command and see what is left.
sub ends
{
	my ($name, $command, $work, $end) = @_;
	my $pid = launch(@$command);

	eval {
		wait_until(sub { waitpid($pid, WNOHANG) and die "it has ended\n"; is_working($work) }, $name);
	};
	diag $@, slurp_file("$base/output") if $@;
	ok(!$@, "$name: it works");
	$end->($pid);
	wait_until(sub { waitpid($pid, WNOHANG) }, "the end of $name");
	isnt($?, 0, "$name: it has failed");
	is_deeply(living(), {}, "$name: no process is left");
	is_deeply([ glob "$temporary/*" ], [], "$name: no file is left");

	kill KILL => $_ foreach keys %{ living() };
	rmtree($temporary, { keep_root => 1 });
	return;
}

sub signal
{
	my ($signal) = @_;

	return sub { kill $signal => $_[0] };
}

my @sandbox = (qw(tools/sandbox 15 tools/demo-servers sh -c), 'sleep 10000 & wait', 'endless');
my @bench = qw(tools/bench compare);
foreach my $signal (qw(TERM INT HUP))
{
	ends("$signal to tools/sandbox", \@sandbox, qr/^sleep/, signal($signal));
	ends("$signal to tools/bench", \@bench, qr/load\.sql/, signal($signal));
}
ends('TERM to make bench', [qw(make bench)], qr/load\.sql/, signal('TERM'));
ends('TERM to tools/check', [qw(tools/check test/t/endless.pl)], qr/endless/, signal('TERM'));
ends('TERM to tools/demo', ['tools/demo'], qr/pgbench/, signal('TERM'));

# A second signal may come at any moment of what the first one begins.
ends(
	'TERM to the group of tools/bench, again and again',
	\@bench,
	qr/load\.sql/,
	sub {
		foreach (1 .. 200)
		{
			kill TERM => -$_[0];
			usleep(100);
		}
	});

done_testing();
