
=pod

=head1 NAME

SteepTest::Init - inits of nodes, and whether the copy is one

=over

=cut

package SteepTest::Init;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

use SteepTest::Load;
use SteepTest::Nodes;

our @EXPORT = qw(register_pair make_bank start_bank start_init wait_for_init init_state is_same_bank wait_applied decommission);

# pgbench's own tables, and one without a key that only grows.
my @bank = qw(branches tellers accounts history);

=item register_pair($target, $source)

Registers both nodes on the target: target and source.

=cut

sub register_pair
{
	my ($target, $source) = @_;

	sql($target, q{SELECT NULL FROM steep_repl.register_node('target', 'copy')});
	sql($target, sprintf <<'EOC', $source->port, secret());
SET log_statement = 'none';
CREATE SERVER to_source FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres');
CREATE USER MAPPING FOR PUBLIC SERVER to_source OPTIONS (user 'admin', password '%s');
SELECT NULL FROM steep_repl.register_node('source', 'original', p_server => 'to_source');
EOC
	return;
}

=item make_bank($node, scale => $n)

Creates the tables of pgbench in a schema bank, with rows, and a history that
has a key.

=cut

sub make_bank
{
	my ($node, %o) = @_;
	my $scale = $o{scale} // 1;

	sql($node, <<"EOC");
CREATE SCHEMA bank;
CREATE TABLE bank.branches (bid int PRIMARY KEY, bbalance int NOT NULL DEFAULT 0, filler text);
CREATE TABLE bank.tellers (tid int PRIMARY KEY, bid int REFERENCES bank.branches, tbalance int NOT NULL DEFAULT 0);
CREATE TABLE bank.accounts (aid int PRIMARY KEY, bid int, abalance int NOT NULL DEFAULT 0, filler text);
CREATE INDEX accounts_bid ON bank.accounts (bid);
CREATE TABLE bank.history (hid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tid int, bid int, aid int, delta int, at timestamptz DEFAULT clock_timestamp());
INSERT INTO bank.branches SELECT i FROM generate_series(1, $scale) i;
INSERT INTO bank.tellers SELECT i, (i - 1) / 10 + 1 FROM generate_series(1, 10 * $scale) i;
INSERT INTO bank.accounts SELECT i, (i - 1) / 10000 + 1, 0, repeat(md5(i::text), 3)
	FROM generate_series(1, 10000 * $scale) i;
EOC
	return;
}

=item start_bank($node, scale => $n, ...)

Starts pgbench's kind of transactions on these tables; options of start_load.

=cut

sub start_bank
{
	my ($node, %o) = @_;
	my $scale = delete $o{scale} // 1;

	return start_load($node, <<"EOC", %o);
\\set aid random(1, 10000 * $scale)
\\set bid random(1, $scale)
\\set tid random(1, 10 * $scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE bank.accounts SET abalance = abalance + :delta WHERE aid = :aid;
UPDATE bank.tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE bank.branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO bank.history (tid, bid, aid, delta) VALUES (:tid, :bid, :aid, :delta);
END;
EOC
}

=item start_init($target, $method, $options)

Starts an init of the node target from the node source, with options as JSON.

=cut

sub start_init
{
	my ($target, $method, $options) = @_;

	return sql($target, sprintf q{SELECT init_state FROM steep_repl.start_init('target', 'source', %s, %s)},
		quote($method), quote($options // '{}'));
}

=item init_state($target)

Returns how the node target stands.

=cut

sub init_state
{
	my ($target) = @_;

	return sql($target, q{SELECT init_state FROM steep_repl.nodes WHERE node_id = 'target'});
}

=item wait_for_init($target)

Waits for the end of the init of target; returns its state, and the error if
there is one.

=cut

sub wait_for_init
{
	my ($target) = @_;

	return sql($target, sprintf q{SELECT concat_ws(': ', init_state, init_error) FROM steep_repl.wait_init('target', %d)},
		$PostgreSQL::Test::Utils::timeout_default);
}

=item wait_applied($target, $source, $subscription)

Waits until the target has applied what the source has committed by now.

=cut

sub wait_applied
{
	my ($target, $source, $subscription) = @_;
	my $lsn = sql($source, 'SELECT pg_current_wal_lsn()');

	return wait_until(
		sub {
			sql($source, sprintf q{SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots WHERE slot_name = '%s'},
				$lsn, $subscription // 'steep_repl_target') eq 't';
		},
		'the log of the source to be applied');
}

=item is_same_bank($target, $source, $name)

Tests that the bank's tables have the same rows, byte by byte, and that the
sums of a consistent bank agree.

=cut

sub is_same_bank
{
	my ($target, $source, $name) = @_;
	my $query = join ' UNION ALL ', map {
		"SELECT '$_ ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")), '') FROM bank.$_ t"
	} @bank;
	$query .= ' ORDER BY 1';
	my $sums = 'SELECT DISTINCT s FROM (VALUES ((SELECT sum(abalance) FROM bank.accounts)), ((SELECT sum(tbalance) FROM bank.tellers)),
		((SELECT sum(bbalance) FROM bank.branches)), ((SELECT coalesce(sum(delta), 0) FROM bank.history))) v (s)';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(sql($target, $query), sql($source, $query), "$name: all rows are the same");
	return unlike(sql($target, $sums), qr/\n/, "$name: the sums of the bank agree");
}

=item decommission($target, $source)

Makes the target forget the source and what it has copied, and the other way
round, so that it can be initialised anew.

=cut

sub decommission
{
	my ($target, $source) = @_;

	sql($target, 'DROP SUBSCRIPTION steep_repl_target');
	sql($target, <<'EOC');
SET client_min_messages = warning;
DROP SCHEMA bank CASCADE;
SELECT NULL FROM steep_repl.unregister_node('target');
SELECT NULL FROM steep_repl.register_node('target', 'copy');
EOC
	sql($source, 'DROP PUBLICATION IF EXISTS steep_repl_target');
	return;
}

=back

=cut

1;
