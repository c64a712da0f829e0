# Pages for a browser stand by themselves, a browser shows what is in them, and
# what comes from a table is text there, whatever it holds.
use SteepTest;
use SteepTest::Cli;

$ENV{LANG} = 'C.UTF-8';
my ($node, $peer) = start_pair();
my $base = PostgreSQL::Test::Utils::tempdir;
my ($browser) = grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH};
my $to = conninfo($peer);

foreach ($node, $peer)
{
	sql($_, 'CREATE TABLE orders (id int PRIMARY KEY, price numeric(9,2), item text, at timestamptz)');
	sql($_, q{INSERT INTO orders SELECT i, i, 'item ' || i, '2026-01-31 12:00+00' FROM generate_series(1, 1234567) i WHERE i <= 1234 OR i = 1234567});
	sql($_, 'CREATE TABLE same (id int PRIMARY KEY)');
	sql($_, 'INSERT INTO same VALUES (1)');
}
sql($node, <<'EOC');
UPDATE orders SET item = '<img src=x onerror="document.title=1">' || E'\x1b[2J' || U&'\202E' || '&amp; ''Å', price = NULL WHERE id = 7;
UPDATE orders SET price = 5 WHERE id = 8;
INSERT INTO orders VALUES (2000, 1, '</td></table><script>document.title = 2</script>', NULL);
EOC
sql($peer, q{INSERT INTO orders VALUES (2001, 3, 'there', NULL)});

# Writes a page; returns its text, and what a browser makes of it.
sub page
{
	my ($name, $code, @arguments) = @_;
	my $file = "$base/$name.html";
	my ($got, $stdout, $stderr) = cli('-c', conninfo($node), @arguments, '--html', $file);
	my ($text, $dom) = ('', '');

	is($got, $code, "$name: code") or diag $stderr;
	is($stdout, "The page is in $file.\n", "$name: is written");
	is(sprintf('%04o', (stat $file)[2] & 07777), '0600', "$name: others cannot read it");
	$text = slurp_file($file);
	unlike($text, qr/\b(https?:|src=|url\(|\@import|<script|<link|<img)/i, "$name: it asks for nothing") if $name eq 'overlap';
	unlike($text, qr/\Q${\secret()}\E/, "$name: no password");
	return ($text, '') if !$browser;
	IPC::Run::run([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$base/browser", '--virtual-time-budget=1000', '--dump-dom', "file://$file" ],
		'>', \$dom, '2>', \$stderr, IPC::Run::timeout(120));
	like($dom, qr/<footer>steep-repl .*<\/footer>/, "$name: a browser shows all of it") or diag $stderr;
	unlike($dom, qr/<(img|script)\b|<title>[12]</, "$name: and runs nothing");
	return ($text, $dom);
}

# What a page says, with spaces for its elements.
sub words
{
	my ($html) = @_;

	$html =~ s/<(style|title)>.*?<\/\1>//gs;
	$html =~ s/<[^>]*>/ /g;
	my %plain = (lt => '<', gt => '>', quot => '"', amp => '&');
	$html =~ s/&(?:#(\d+)|(\w+));/$1 ? chr $1 : $plain{$2}/ge;
	return $html =~ s/\s+/ /gr;
}

my ($text, $dom) = page('overlap', 3, 'overlap', '--check', $to, 'public.orders', 'public.same');
like(words($dom || $text), qr/ 1,234 rows match 1 only here 1 only there 2 in conflict table match local only remote only conflict public.orders 1,233 1 1 2 public.same 1 0 0 0 /, 'overlap: the figures');
like($text, qr/<td class="number">1,233<\/td>/, 'overlap: numbers stand right');
like($text, qr/<i class="match" style="flex:1233 0 0" title="rows match"><\/i><i class="local" style="flex:1 0 0"/, 'overlap: bars');

($text, $dom) = page('diff', 0, 'diff', $to, 'public.orders');
like(words($dom || $text), qr/conflict id = 7 column here there id 7 7 price null 7\.00 item <img src=x onerror="document\.title=1">\\x1b\[2J\\u202e&amp; 'Å item 7 at /, 'diff: both rows, side by side and in the order of the table');
like(words($dom || $text), qr/only here id = 2000 column here there id 2000 no row price 1\.00 no row /, 'diff: a row of one side');
is(join(' ', $text =~ /<tr class="changed"><th>(\w+)/g), 'price item price', 'diff: columns that differ are marked');

my (undef, $started) = cli('-c', conninfo($node), 'merge', $to, 'public.orders', '-s', 'manual', '--json', '-q');
my ($id) = $started =~ /"merge_id":"(\w+)"/;
($text, $dom) = page('merge', 0, 'merge', 'show', $id);
like(words($dom || $text), qr/merge \Q$id\E status needs_resolution .* Decisions by table .* Rows conflict .*public\.orders: id = 7 column here there id 7 7 price null 7\.00 /, 'merge: what it is and has decided');

is((cli('-c', conninfo($node), 'overlap', $to, 'public.same', '--json', '--html', "$base/x"))[0], 2, 'a page is no JSON');
like((cli('-c', conninfo($node), 'overlap', $to, 'public.same', '--html', "$base/missing/x"))[2], qr/could not write ".*": No such file or directory/, 'a file that cannot be written');
done_testing();
