# A node becomes a copy of another that is written to all the while: rows are
# copied over the wire, side by side, and all that is committed later follows.
# Whoever dies meanwhile, each row is there once; a cancel leaves nothing.
use SteepTest;
use SteepTest::Init;

my ($target, $source) = start_pair(conf => "wal_receiver_status_interval = 1s\nrestart_after_crash = on\n");
my $point;

register_pair($target, $source);
make_bank($source, scale => 10);
sql($source, <<'EOC');
CREATE SCHEMA "S 1";
CREATE TYPE "S 1".mood AS ENUM ('sad', 'so "so"', 'fine');
CREATE TABLE "S 1"."T 1" ("C 1" int GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 7) PRIMARY KEY,
	gone text, ",""(" "S 1".mood[], d int GENERATED ALWAYS AS (length(x)) STORED, x text, y bytea, z jsonb, n numeric);
INSERT INTO "S 1"."T 1" (",""(", x, y, z, n)
	SELECT ARRAY['sad', 'so "so"']::"S 1".mood[], E'a\tb\\\n' || i, decode(md5(i::text), 'hex'), '{"a": [1, null]}', 1.10
	FROM generate_series(1, 500) i;
INSERT INTO "S 1"."T 1" (x) VALUES (NULL), (''), ('\N'), ('\.');
ALTER TABLE "S 1"."T 1" DROP COLUMN gone, ADD v text DEFAULT 'new';
CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM ('2000-01-01') TO ('2020-01-01') PARTITION BY LIST (id);
CREATE TABLE parts_old_1 PARTITION OF parts_old FOR VALUES IN (1);
CREATE TABLE parts_old_rest PARTITION OF parts_old DEFAULT;
CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
INSERT INTO parts SELECT i % 20, date '2010-01-01' + i FROM generate_series(1, 5000) i;
CREATE TABLE elder (id int PRIMARY KEY, x text);
CREATE TABLE younger (PRIMARY KEY (id), y text) INHERITS (elder);
INSERT INTO elder VALUES (1, 'only here');
INSERT INTO younger VALUES (1, 'there', 'too');
CREATE TABLE keyless (x int);
INSERT INTO keyless SELECT 1 FROM generate_series(1, 3);
CREATE TABLE numbered (id bigserial PRIMARY KEY, ref int REFERENCES "S 1"."T 1", large text);
ALTER TABLE numbered ALTER large SET STORAGE EXTERNAL;
INSERT INTO numbered (ref, large) SELECT 1000, repeat(md5(i::text), 200) FROM generate_series(1, 3000) i;
SELECT setval('numbered_id_seq', 5000, false);
CREATE TABLE typed (id int PRIMARY KEY, n numeric(20,5)[], m numeric, f float8, r real, b boolean, c char(7), v varchar(9)[], h bytea,
	u uuid, d date, t time, tz timetz, ts timestamp(3), tt timestamptz, i interval, j json, jb jsonb, ip inet, ma macaddr, bt varbit);
INSERT INTO typed VALUES
	(1, '{{1.5,NULL},{-0.00001,NaN}}', 'NaN', '-0', 'infinity', true, 'ab', '{"",NULL,"a b"}', '\x0001ff', gen_random_uuid(), 'infinity', '24:00',
		'12:00+02', '-infinity', 'infinity', '1 mon -1 day 00:00:00.000001', '{"a" : 1.0}', '{"b": [1.10, null]}', '10.0.0.1/8', '08:00:2b:01:02:03', B'101'),
	(2, '[3:4]={1,2}', 1.10, 5e-324, 0.1, NULL, '', '{}', '', NULL, '0044-03-15 BC', '0:0', '0:0-15:59', '294276-12-31', '4713-01-01 BC', '-178000000 years', '[]', '0',
		'::1', NULL, B'');
CREATE TABLE shuffled (a int PRIMARY KEY, b text NOT NULL, c int);
INSERT INTO shuffled SELECT i, i::text, -i FROM generate_series(1, 100) i;
EOC
sql($target, 'CREATE TABLE shuffled (c int, gone int, b text NOT NULL, a int PRIMARY KEY, more int DEFAULT 7); ALTER TABLE shuffled DROP gone');

# What reads the rows of all tables but the bank's, by the source's columns.
my $rows = sql($source, <<'EOC');
SELECT string_agg(format('SELECT %L, count(*), md5(string_agg(r, E''\n'' ORDER BY r)) FROM (SELECT ROW(%s)::text COLLATE "C" FROM ONLY %s) t (r);',
	c.oid::regclass, a.columns, c.oid::regclass), ' ' ORDER BY c.oid)
FROM pg_class c, LATERAL (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
	WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a (columns)
WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, '"S 1"'::regnamespace)
EOC

sub steps_of
{
	my ($what) = @_;

	return sql($target, "SELECT $what FROM steep_repl.work_steps s WHERE job_id = (SELECT max(id) FROM steep_repl.work_queue WHERE operation = 'init_start')");
}

# Stops what copies, once some of it is there.
sub hold_copy
{
	my $held = hold_point($target, 'direct-load');

	wait_until(
		sub {
			$held->waiter and sql($target, q{SELECT count(DISTINCT pid) > 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 7378 AND NOT granted}) eq 't';
		},
		'two workers that copy');
	return $held;
}

my $load = start_bank($source, scale => 10, endure => 1);

# A cancel.
$point = hold_point($target, 'direct-load');
my ($rc, undef, $stderr) = $target->psql('postgres', q{SELECT steep_repl.start_init('target', 'source', 'direct', '{"parallel": 2}')});
is($rc, 0, 'an init is submitted');
like($stderr, qr/WARNING:  table "public\.keyless" on node .* has no replica identity/, 'a table without a key is named');
$point->wait_reached;
is(sql($source, q{SELECT count(*) FROM pg_replication_slots}), 1, 'its slot is there');
my $cancelled = time;
sql($target, q{SELECT NULL FROM steep_repl.cancel_init('target')});
is(wait_for_init($target), 'uninitialized', 'it is cancelled');
cmp_ok(time - $cancelled, '<', 30, 'within half a minute');
$point->release;
is(sql($target, q{SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relkind IN ('r', 'p', 'S') AND oid >= 16384 AND relnamespace <> 'steep_repl'::regnamespace}),
	'shuffled', 'what it has created is gone');
is(sql($target, 'SELECT count(*) FROM shuffled'), 0, 'and so are its rows');
is(sql($target, 'SELECT count(*) FROM pg_subscription'), 0, 'and its subscription');
is(sql($source, 'SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_replication_slots)'), 0, 'and what it has made on the source');

# One that sees everybody die, and comes to its end.
is(start_init($target, 'direct', '{"parallel": 2}'), 'preparing', 'another');
$point = hold_copy();
kill 'KILL', $point->waiter;
wait_back($target);
$point = hold_copy();
$source->stop('immediate');
$source->start;
$point->release;
wait_until(sub { sql($target, q{SELECT max(attempt) FROM steep_repl.work_queue}) > 2 }, 'the next start');
$point = hold_copy();
$target->stop('immediate');
$target->start;
is(wait_for_init($target), 'synchronized', 'it comes to its end while the source is written to')
  or BAIL_OUT('nothing else can work');
is(sql($target, q{SELECT max(attempt) FROM steep_repl.work_queue}), 4, 'and has started over three times');
cmp_ok(steps_of(q{count(*) FILTER (WHERE kind = 'load' AND target = 'bank.accounts')}), '>', 1, 'a large table is cut');
is(sql($target, q{SELECT string_agg(DISTINCT c ->> 'format', ' ' ORDER BY c ->> 'format') FROM steep_repl.work_steps, jsonb_array_elements(params -> 'chunks') c}),
	'binary text', 'tables are copied in binary, or as text');
is(sql($target, q{SELECT DISTINCT c ->> 'format' FROM steep_repl.work_steps, jsonb_array_elements(params -> 'chunks') c WHERE c ->> 'name' = 'typed'}),
	'binary', 'in binary if all columns allow that');
sql($source, 'INSERT INTO shuffled VALUES (0, 0, 0); DELETE FROM elder WHERE id = 1; TRUNCATE parts_old_1');
ok($load->stop > 0, 'the load has run');
wait_applied($target, $source);
is(sql($target, $rows), sql($source, $rows), 'the rows are the same');
is_same_bank($target, $source, 'bank');
is(sql($target, q{SELECT last_value, is_called FROM public.numbered_id_seq}), '5000|f', 'a sequence is where it is');
is(sql($target, q{INSERT INTO "S 1"."T 1" (x) VALUES ('x') RETURNING "C 1"}),
	sql($source, q{SELECT last_value + 7 FROM "S 1"."T 1_C 1_seq"}), 'an identity goes on');
my $constraints = q{SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY pg_get_constraintdef(oid), conrelid::regclass::text)
	FROM pg_constraint WHERE contype <> 'n' AND conrelid >= 16384 AND connamespace <> 'steep_repl'::regnamespace};
is(sql($target, $constraints), sql($source, $constraints), 'keys and constraints are there');
is(sql($target, 'SELECT count(*) FROM steep_repl.leftovers()'), '0', 'nothing is left over');
is(sql($source, q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'steep_repl'}), 0, 'nor connected');
done_testing();
