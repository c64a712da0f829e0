
=pod

=head1 NAME

SteepTest::Values - types, random values of them, and which values are equal

Written for tests that judge the code: what a type's operator calls equal is
said here again.

=over

=cut

package SteepTest::Values;

use strict;
use warnings;
use utf8;

use Exporter 'import';

our @EXPORT_OK = qw(pick shuffle chance ident literal draw_value draw_key draw_wide draw_time
  plain_types key_types wide_types time_types fold newer unescape);

# A value that is stored out of line, too.
my @words = ('', 'a', 'A', "tab\t", 'nul', 'back\\slash', 'quote"', "it's", '(1,2)', '{a,b}', 'NULL', ' ', 'é', 'É', 'long' x 700, '$1', '\\n',
	"two\nlines", "\r", '\\N', '@@');

sub pick
{
	return $_[ rand(@_) ];
}

sub chance
{
	return rand() < $_[0];
}

sub shuffle
{
	my @in = @_;
	my @out;
	push @out, splice @in, rand(@in), 1 while @in;
	return @out;
}

sub number
{
	my ($n, $width) = @_;
	return sprintf "%0${width}d", rand($n);
}

# What "value" draws has few values, so that rows meet; "key" and "wide" more.
my %types = (
	integer => { value => sub { int(rand(9)) - 3 }, key => sub { int(rand(40)) - 3 }, wide => sub { int(rand(400)) } },
	bigint => { value => sub { (int(rand(9)) - 3) * 10**12 }, key => sub { int(rand(40)) * 10**12 } },
	numeric => {
		value => sub { pick('0', '0.0', '1', '1.0', '1.00', '-0.5', '1e30', 'NaN', 'Infinity') },
		key => sub { int(rand(15)) . pick('', '.0', '.00', '.5', '.50') },
		wide => sub { int(rand(400)) . pick('', '.0') } },
	'numeric(9,2)' => { value => sub { pick('0', '1.5', '-2.25') }, key => sub { int(rand(30)) . pick('', '.5') } },
	text => { value => sub { chance(0.01) ? join '', map { rand } 1 .. 2000 : pick(@words) }, key => sub { chance(0.5) ? pick(@words) : 'w' . int(rand(20)) }, wide => sub { pick('u', 'U') . int(rand(400)) } },
	'character varying(5)' => { value => sub { pick('', 'ab', 'abc  ', 'é') } },
	'character(4)' => { value => sub { pick('', 'ab', 'abcd') }, key => sub { pick('', 'a') . int(rand(20)) } },
	citext => { value => sub { pick('a', 'A', 'é', '') }, key => sub { pick('k', 'K', 'é') . int(rand(12)) }, wide => sub { pick('c', 'C') . int(rand(300)) } },
	'text COLLATE caseless' => { value => sub { pick('a', 'A', '') }, key => sub { pick('k', 'K') . int(rand(15)) } },
	'double precision' => { value => sub { pick('0', '-0', '1e-300', 'NaN', '-Infinity', '0.1') }, key => sub { pick('0', '-0', '1e-300', 'NaN', int(rand(12))) } },
	boolean => { value => sub { pick('t', 'f') }, key => sub { pick('t', 'f') } },
	date => { value => sub { pick('2024-02-29', 'infinity', '4713-01-01 BC') }, key => sub { '2024-02-' . number(29, 2) =~ s/00/29/r } },
	'timestamp with time zone' => {
		value => sub { pick('2024-10-27 02:30+02', '2024-10-27 02:30+01', '-infinity') },
		key => sub { '2024-10-27 0' . int(rand(4)) . ':30:00' . pick('', '.5', '.000001') . pick('+00', '+01', '+02') } },
	interval => { value => sub { pick('1 day', '24 hours', '1 mon -1 day', '0') }, key => sub { pick('1 day', '24 hours', '1 mon', '30 days', int(rand(9)) . ' hours') } },
	bytea => { value => sub { pick('\\x', '\\x00ff', '\\x5c') }, key => sub { '\\x00' . number(30, 2) } },
	uuid => { value => sub { '00000000-0000-0000-0000-' . number(9, 12) }, key => sub { '00000000-0000-0000-0000-' . number(40, 12) } },
	jsonb => {
		value => sub { pick('{}', '{"a": 1.0}', '{"a": 1}', '[1, "x\\u0041"]', 'null', '"\\\\"', '{"b": "\\"\\n"}') },
		key => sub { pick('{}', '"\\\\"', 'null', '{"a": ' . int(rand(9)) . pick('', '.0') . '}', '[' . int(rand(9)) . ']') } },
	json => { value => sub { pick('{}', '{"a":1}', '{"a": 1}') } },
	'integer[]' => { value => sub { pick('{}', '{1,NULL,3}', '[0:1]={1,2}') }, key => sub { pick('{}', '{1,NULL,3}', '[0:1]={1,2}', '{1,2}', '{' . int(rand(12)) . '}') } },
	'numeric[]' => { value => sub { pick('{}', '{1.0,NULL}', '{1,NULL}') }, key => sub { '{' . int(rand(12)) . pick('', '.0') . ',1}' } },
	'text[]' => { value => sub { pick('{}', '{"a,b",NULL,"\\""}', '{NULL}') }, key => sub { pick('{}', '{"a,b",NULL,"\\""}', '{NULL}', '{w' . int(rand(15)) . '}') } },
	point => { value => sub { pick('(0,0)', '(1,2)') } },
	box => { value => sub { pick('(2,2),(0,0)', '(1,4),(0,0)') } },
	inet => { value => sub { pick('127.0.0.1', '::1/64') }, key => sub { '10.0.0.' . int(rand(30)) } },
	'public.mood' => { value => sub { pick('sad', 'ok', "happy'") }, key => sub { pick('sad', 'ok', "happy'") } },
	'public.mood[]' => { value => sub { pick('{}', '{sad,NULL}', '{"happy\'"}') } },
	'time with time zone' => { value => sub { pick('10:00+01', '09:00+00', '24:00-12') } },
	'public.pair' => { value => sub { pick('(1,)', '(,"x,y")', '(2,"")') }, key => sub { pick('(1,)', '(,"x,y")', '(2,"")', '(' . int(rand(15)) . ',z)') } },
	'public.digits' => { value => sub { pick('', '1', '42') }, key => sub { int(rand(30)) } },
	int4range => { value => sub { pick('[1,5)', 'empty', '(,3]') }, key => sub { pick('empty', '(,3]', '[1,' . (2 + int(rand(15))) . ')') }, wide => sub { my $n = int(rand(600)); "[$n," . ($n + 3) . ')' } },
	xml => { value => sub { pick('<a/>', '<a></a>') } });

# Types of columns that say which row is newer.
my %times = (
	'timestamp with time zone' => sub { pick('infinity', '-infinity', '0044-03-15 00:00:00+00 BC', ('2024-01-01 00:00:0' . int(rand(3)) . pick('', '.5', '.000001') . '+00') x 9) },
	'timestamp without time zone' => sub { '2024-01-01 00:00:0' . int(rand(3)) . pick('', '.5', '.000001') },
	date => sub { pick('infinity', ('2024-01-0' . (1 + int(rand(3)))) x 5) },
	smallint => sub { int(rand(4)) - 1 },
	integer => sub { int(rand(4)) - 1 },
	bigint => sub { pick(0, '9007199254740993', '9007199254740992', -1) },
	numeric => sub { pick('1', '1.0', '1.5', '-2', 'NaN', 'Infinity') });

sub plain_types { return sort keys %types; }
sub key_types { return sort grep { $types{$_}{key} } keys %types; }
sub wide_types { return sort grep { $types{$_}{wide} } keys %types; }
sub time_types { return sort keys %times; }

sub draw_value { return $types{ $_[0] }{value}->() . ''; }
sub draw_key { return $types{ $_[0] }{key}->() . ''; }
sub draw_wide { return $types{ $_[0] }{wide}->() . ''; }
sub draw_time { return $times{ $_[0] }->() . ''; }

=item ident($name), literal($type, $value)

Return them as in SQL; undef is NULL.

=cut

sub ident
{
	my ($name) = @_;

	return $name if $name =~ /^[a-z_][a-z0-9_]*$/ && $name ne 'select';
	return '"' . ($name =~ s/"/""/gr) . '"';
}

sub literal
{
	my ($type, $value) = @_;
	my $cast = $type =~ s/ COLLATE .*//r;

	return 'NULL' if !defined $value;
	$value =~ s/(['\\])/$1$1/g;
	$value =~ s/\n/\\n/g;
	$value =~ s/\r/\\r/g;
	return "E'$value'::$cast";
}

=item unescape($field)

Returns the value that a field in the output of COPY stands for.

=cut

my %escapes = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t", v => "\x0b");

sub unescape
{
	my ($field) = @_;

	return undef if $field eq '\\N';
	$field =~ s/\\(.)/$escapes{$1} \/\/ $1/ges;
	return $field;
}

=item fold($type, $text)

Returns a text that is the same for all values that the type calls equal.

=cut

sub fold
{
	my ($type, $text) = @_;

	return fold_number($text) if $type =~ /^(numeric(\(.*)?|double precision)$/;
	return lc $text if $type =~ /^citext$|COLLATE caseless/;
	return fold_interval($text) if $type eq 'interval';
	return $text =~ s/(\d+\.\d+)/fold_number($1)/ger if $type =~ /^(jsonb|numeric\[\])$/;
	return $text;
}

sub fold_number
{
	my ($text) = @_;

	$text =~ s/\.?0+$// if $text =~ /\./ && $text !~ /e/;
	return $text =~ /^-?0?$/ ? '0' : $text;
}

sub fold_interval
{
	my ($text) = @_;
	my $seconds = 0;

	$seconds += $1 * 30 * 86400 if $text =~ /(-?\d+) mon/;
	$seconds += $1 * 86400 if $text =~ /(-?\d+) day/;
	$seconds += "${1}1" * ($2 * 3600 + $3 * 60 + $4) if $text =~ /([-+]?)(\d+):(\d+):(\d+)/;
	return $seconds;
}

=item newer($type, $a, $b)

Compares two values of a type in time_types like <=>; undef if one is.

=cut

sub newer
{
	my ($type, $a, $b) = @_;

	return undef if !defined $a || !defined $b;
	return instant($a) cmp instant($b) if $type =~ /^(timestamp|date)/;
	return ($a eq 'NaN') <=> ($b eq 'NaN') if $a eq 'NaN' || $b eq 'NaN';
	return ($a eq 'Infinity') <=> ($b eq 'Infinity') if $a eq 'Infinity' || $b eq 'Infinity';
	return $a <=> $b;
}

# A text that sorts as the time does.
sub instant
{
	my ($text) = @_;

	return '9' if $text eq 'infinity';
	return '0' if $text eq '-infinity';
	die "cannot place $text" if $text !~ /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(\.\d+)?(?:\+00)?)?( BC)?$/;
	return $4 ? '1' : sprintf '2 %s %s %s', $1, $2 // '', ($3 // '.') . '0' x (7 - length($3 // '.'));
}

=back

=cut

1;
