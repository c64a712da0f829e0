# schema_diff names each difference between two tables and the SQL that makes
# them the same, and compare_fingerprints sees it, also on a peer without the
# extension and of another release.
use SteepTest;

my ($node, $peer) = start_pair();
my $connection = quote(conninfo($peer));

sql($node, qq{SELECT steep_repl.register_node('a', 'here');
CREATE SERVER b FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '@{[$peer->port]}', dbname 'postgres');
CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (user 'admin', password '@{[secret()]}');
SELECT steep_repl.register_node('b', 'there', p_server => 'b');
SET log_statement = none});

my $tables = <<'EOC';
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (x int, y mood);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE TABLE parent (id int PRIMARY KEY, other int UNIQUE);
CREATE TABLE t (
	id int PRIMARY KEY,
	"v 1" varchar(10) NOT NULL DEFAULT 'x',
	n numeric(10,2) CONSTRAINT n_check CHECK (n > 0),
	m mood,
	p pair,
	d positive,
	g int GENERATED ALWAYS AS (id * 2) STORED,
	i int NOT NULL,
	r int CONSTRAINT r_fk REFERENCES parent,
	ts timestamptz DEFAULT '2024-01-01 00:00+02',
	f float8 DEFAULT 0.1,
	b bytea DEFAULT '\x00ff',
	c text COLLATE "C" CHECK (c ~ '^[a-z]+$' AND substring(c FROM 1 FOR 2) <> 'x''y' OR c IN ('a', 'b')),
	t time DEFAULT CURRENT_TIME,
	e int DEFAULT (extract(epoch FROM CURRENT_TIMESTAMP))::int,
	s span,
	z timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	UNIQUE NULLS NOT DISTINCT (i, r)
);
CREATE INDEX t_n ON t (n DESC NULLS LAST) INCLUDE (m) WHERE n > 5 AND m <> 'sad';
CREATE INDEX t_c ON t (lower(c), coalesce(n, 0)) ;
CREATE TABLE parted (k int NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (k, at)) PARTITION BY RANGE (at);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE INDEX ON parted (at);
CREATE TABLE child (k int, at timestamptz, up int REFERENCES parent ON DELETE SET NULL DEFERRABLE, FOREIGN KEY (k, at) REFERENCES parted);
CREATE TABLE children (k int, at timestamptz, FOREIGN KEY (k, at) REFERENCES parted) PARTITION BY LIST (k);
CREATE TABLE children_1 PARTITION OF children FOR VALUES IN (1, 2);
CREATE SCHEMA "S 1";
CREATE TABLE "S 1"."T "" 1" ("K 1" int PRIMARY KEY, "','" text CHECK ("','" <> E'\\'));
EOC
sql($_, "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; $tables") foreach $node;
sql($_, "SET extra_float_digits = 0; SET bytea_output = escape; $tables") foreach $peer;

# What schema_diff says of a table, which tables differ in their fingerprints,
# and what is left after the SQL that schema_diff gives.
sub differences
{
	my ($table) = @_;
	my $diff = "steep_repl.schema_diff($connection, @{[quote($table)]})";

	return split /^--(?:\n|\z)/m, sql($node, <<"EOC");
CREATE TEMPORARY TABLE diff AS SELECT row_number() OVER () AS n, d.* FROM $diff AS d;
SELECT object, difference, severity, CASE WHEN fix_sql IS NOT NULL THEN 'sql' WHEN destructive_sql IS NOT NULL THEN 'destructive' END
FROM diff ORDER BY n;
\\echo --
SELECT table_name FROM steep_repl.compare_fingerprints('a', 'b') WHERE status <> 'match';
\\echo --
SELECT coalesce(fix_sql, destructive_sql) FROM diff ORDER BY n \\gexec
SELECT object, difference FROM $diff;
EOC
}

# Checks a change of the peer's, and makes it here.
sub is_seen
{
	my ($change, $table, $expected, $tables) = @_;

	sql($peer, $change);
	my ($seen, $differ, $left) = differences($table);
	is($seen // '', $expected && "$expected\n", "$change is seen");
	is($differ, "$tables\n", '… and in the fingerprint') if $tables;
	is($left // '', '', '… and made here') unless $expected =~ /\|$/;
	return;
}

# How the fingerprints of both nodes compare, but for what matches.
sub compared
{
	return sql($node, q{SELECT table_schema, table_name, status FROM steep_repl.compare_fingerprints('a', 'b') WHERE status <> 'match'});
}

is(compared(), '', 'the same tables have the same fingerprints');
is(sql($node, q{SELECT count(*) FROM steep_repl.compare_fingerprints('a', 'b')}), 8, 'all are compared');
is(join('', differences($_)), '', "no difference in $_") foreach 't', 'part', 'children_1', '"S 1"."T "" 1"';

# Each change is made on the peer, seen, and made here.
foreach my $case (
	[ 'ADD x int', 'column "x"|missing here|blocking|sql' ],
	[ 'DROP x', 'column "x"|missing on peer|blocking|destructive' ],
	[ q{ADD "a""b'" serial}, "column \"a\"b'\"|missing here|blocking|sql" ],
	[ 'ALTER "v 1" TYPE varchar(20)', 'column "v 1"|type|blocking|sql' ],
	[ 'ALTER "v 1" TYPE varchar(9)', 'column "v 1"|type|blocking|destructive' ],
	[ 'ALTER n TYPE numeric(14,4)', 'column "n"|type|blocking|sql' ],
	[ 'ALTER n TYPE numeric(14,5)', 'column "n"|type|blocking|destructive' ],
	[ 'ALTER ts TYPE timestamptz(3)', 'column "ts"|type|blocking|destructive' ],
	[ 'ALTER i TYPE bigint', 'column "i"|type|blocking|sql' ],
	[ 'ALTER i TYPE text', 'column "i"|type|blocking|destructive' ],
	[ 'ALTER i TYPE int USING i::int', 'column "i"|type|blocking|destructive' ],
	[ 'ALTER "v 1" DROP NOT NULL', 'column "v 1"|not null|risky|destructive' ],
	[ 'ALTER "v 1" SET NOT NULL', 'column "v 1"|not null|risky|sql' ],
	[ q{ALTER "v 1" SET DEFAULT E'a\\\\''b'}, 'column "v 1"|default|harmless|sql' ],
	[ 'ALTER "v 1" DROP DEFAULT', 'column "v 1"|default|harmless|sql' ],
	[ 'ALTER c TYPE text COLLATE "POSIX"', qq{column "c"|collation|risky|sql\nindex "t_c"|definition|harmless|destructive} ],
	[ 'ALTER i ADD GENERATED ALWAYS AS IDENTITY', 'column "i"|identity|risky|sql' ],
	[ 'ALTER i SET GENERATED BY DEFAULT', 'column "i"|identity|risky|sql' ],
	[ 'ALTER i DROP IDENTITY', 'column "i"|identity|risky|destructive' ],
	[ 'ALTER g DROP EXPRESSION', 'column "g"|generated|blocking|sql' ],
	[ 'DROP g, ADD g int GENERATED ALWAYS AS (i + 1) STORED', 'column "g"|generated|blocking|destructive' ],
	[ 'DROP CONSTRAINT n_check', 'constraint "n_check"|missing on peer|risky|destructive' ],
	[ q{ADD CONSTRAINT "n'""" CHECK (n > 1)}, "constraint \"n'\"\"|missing here|risky|sql" ],
	[ q{DROP CONSTRAINT "n'""", ADD CONSTRAINT "n'""" CHECK (n > 2)}, "constraint \"n'\"\"|definition|risky|destructive" ],
	[ 'DROP CONSTRAINT t_pkey', 'constraint "t_pkey"|missing on peer|risky|destructive' ],
	[ 'ADD PRIMARY KEY (id, i)', 'constraint "t_pkey"|missing here|blocking|sql' ],
	[ 'DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_key PRIMARY KEY (id)', 'constraint "t_key"|definition|risky|destructive' ],
	[ 'ADD UNIQUE (m, n)', 'constraint "t_m_n_key"|missing here|risky|sql' ],
	[ 'DROP CONSTRAINT r_fk', 'constraint "r_fk"|missing on peer|risky|destructive' ],
	[ 'ADD CONSTRAINT r_fk FOREIGN KEY (r) REFERENCES parent (other) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED NOT VALID',
		'constraint "r_fk"|missing here|risky|sql' ],
	[ 'VALIDATE CONSTRAINT r_fk', 'constraint "r_fk"|definition|risky|destructive' ],
	[ 'ADD CONSTRAINT no_overlap EXCLUDE USING gist (int4range(i, i + 1) WITH &&) WHERE (i > 0)',
		'constraint "no_overlap"|missing here|risky|sql' ])
{
	is_seen("ALTER TABLE t $case->[0]", 't', $case->[1], 't');
}

# What is not done by ALTER TABLE.
foreach my $case (
	[ 'CREATE INDEX "i ON ONLY x" ON t (i)', 't', 'index "i ON ONLY x"|missing here|harmless|sql' ],
	[ 'DROP INDEX t_n; CREATE UNIQUE INDEX t_n ON t (n)', 't', 'index "t_n"|definition|risky|destructive' ],
	[ 'DROP INDEX t_n', 't', 'index "t_n"|missing on peer|risky|destructive' ],
	[ 'CREATE INDEX parted_k ON parted (k)', 'parted', 'index "parted_k"|missing here|harmless|sql' ],
	[ q{ALTER TYPE mood ADD VALUE 'it''s' BEFORE 'happy'; ALTER TYPE mood ADD VALUE 'first' BEFORE 'sad'; ALTER TYPE mood ADD VALUE 'last'},
		't', 'type "public.mood"|definition|risky|sql' ],
	[ 'ALTER DOMAIN positive SET DEFAULT 5; ALTER DOMAIN positive SET NOT NULL; ALTER DOMAIN positive ADD CHECK (VALUE < 99)',
		't', 'type "public.positive"|definition|risky|sql' ],
	[ 'ALTER TYPE pair ADD ATTRIBUTE z text COLLATE "C"', 't', 'type "public.pair"|definition|risky|sql' ],
	[ q{CREATE TYPE "S 1"."e'1" AS ENUM ('a,b', 'c''"'); CREATE DOMAIN "S 1".over AS "S 1"."e'1"[] DEFAULT '{}' CHECK (cardinality(VALUE) < 5);
		ALTER TABLE t ADD o "S 1".over}, 't',
		qq{type ""S 1"."e'1""|missing here|blocking|sql\ntype ""S 1".over"|missing here|blocking|sql\ncolumn "o"|missing here|blocking|sql} ],
	[ q{ALTER TABLE "S 1"."T "" 1" ADD "e,"")" "S 1"."e'1" DEFAULT 'c''"'}, '"S 1"."T "" 1"', 'column "e,")"|missing here|blocking|sql' ],
	[ q{CREATE COLLATION "S 1"."c'1" (provider = libc, locale = 'C'); ALTER TABLE "S 1"."T "" 1" ADD c text COLLATE "S 1"."c'1"},
		'"S 1"."T "" 1"', qq{collation ""S 1"."c'1""|missing here|risky|sql\ncolumn "c"|missing here|blocking|sql} ],
	[ 'CREATE TYPE spans AS RANGE (subtype = text, collation = "C"); ALTER TABLE t ADD sp spans, ADD sps spans_multirange', 't',
		qq{type "public.spans"|missing here|blocking|sql\ncolumn "sp"|missing here|blocking|sql\ncolumn "sps"|missing here|blocking|sql} ],
	[ q{CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00')}, 'part2',
		qq{table|missing here|blocking|sql\nindex "part2_at_idx"|missing here|harmless|sql\nindex "part2_k_idx"|missing here|harmless|sql\ntable|parents|risky|sql} ],
	[ 'CREATE TABLE "New 1" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, m mood DEFAULT \'sad\', up int REFERENCES parent,
			g int GENERATED ALWAYS AS (s + 1) STORED NOT NULL, CHECK (s > 0)); CREATE INDEX new_s ON "New 1" (s)',
		'"New 1"', qq{table|missing here|blocking|sql\nconstraint "New 1_up_fkey"|missing here|risky|sql\nindex "new_s"|missing here|harmless|sql} ],
	[ 'CREATE TABLE lists (id int, PRIMARY KEY (id)) PARTITION BY LIST (id)', 'public.lists', 'table|missing here|blocking|sql' ],
	[ 'ALTER TABLE parted DETACH PARTITION part2', 'part2', "table|partition bound|risky|\ntable|parents|risky|" ],
	[ q{ALTER TABLE parted ATTACH PARTITION part2 FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00')}, 'part2', '' ])
{
	is_seen(@$case);
}
is(compared(), '', 'all is the same again');

# What no SQL changes is said, and what is only here is kept.
sql($node, 'CREATE TABLE mine (id int); CREATE TABLE kind (id int); ALTER TYPE mood ADD VALUE \'mine\'');
sql($peer, 'CREATE TABLE kind (id int) PARTITION BY LIST (id)');
is(sql($node, "SELECT fix_sql IS NULL, destructive_sql FROM steep_repl.schema_diff($connection, 'mine')"),
	't|DROP TABLE public.mine', 'a table that is only here');
is((differences('kind'))[0], "table|kind|risky|\ntable|partition key|risky|\n", 'a table that is partitioned there');
is((differences('t'))[0], qq{type "public.mood"|definition|risky|\n}, 'a label that is only here');
is(compared(), join("\n", 'public|"New 1"|mismatch', 'public|kind|mismatch', 'public|mine|local_only', 'public|t|mismatch') =~ s/"//gr,
	'compare_fingerprints lists them');
sql($node, 'DROP TABLE mine, kind');
sql($peer, 'DROP TABLE kind; CREATE TABLE theirs (id int)');
is(sql($node, q{SELECT table_name, local_fingerprint IS NULL, remote_fingerprint ~ '^2:', status FROM steep_repl.compare_fingerprints('a', 'b')
WHERE status IN ('local_only', 'remote_only')}), 'theirs|t|t|remote_only', 'a table that is only there');
sql($peer, q{DROP TABLE theirs; ALTER TYPE mood ADD VALUE 'mine'});
is(compared(), '', 'all is the same again');

# Another node is captured over the network.
is(sql($node, q{SELECT steep_repl.capture_all_fingerprints('a') = steep_repl.capture_all_fingerprints('b')}), 't', 'both nodes are captured');
is(sql($node, q{SELECT count(*) FROM steep_repl.schema_fingerprints a FULL JOIN
(SELECT * FROM steep_repl.schema_fingerprints WHERE node_id = 'b') b USING (table_schema, table_name, fingerprint)
WHERE a.node_id = 'a' AND b.node_id IS NULL}), 0, 'and have the same fingerprints');

# Release 18 has more to tell.
if (older_release($node, $peer) >= 180000)
{
	foreach my $change (
		'ADD virtual int GENERATED ALWAYS AS (id + 5) VIRTUAL',
		'ADD CONSTRAINT unenforced CHECK (id > 7) NOT ENFORCED',
		'ADD CONSTRAINT no_null NOT NULL d NOT VALID')
	{
		sql($peer, "ALTER TABLE t $change");
		is(compared(), 'public|t|mismatch', "$change is seen");
		sql($node, "ALTER TABLE t $change");
		is(compared(), '', '… and is the same when made here');
	}
}

# A peer without the extension.
sql($peer, 'DROP EXTENSION steep_repl CASCADE');
is(compared(), '', 'a peer without the extension has the same fingerprints');
sql($peer, 'ALTER TABLE t ADD late int');
is(compared(), 'public|t|mismatch', 'a difference there is seen');
my ($rc, $out, $err) = $node->psql('postgres', "SELECT object FROM steep_repl.schema_diff($connection, 't')");
is($out, 'column "late"', 'schema_diff sees it');
is($err, '', 'nothing else is said');

# Rights.
sql($node, q{GRANT USAGE ON FOREIGN SERVER b TO merger});
like(error_of($node, q{SELECT * FROM steep_repl.compare_fingerprints('a', 'b')}, 'merger'),
	qr/permission denied for 11 tables here/, 'a role that may not see the tables here');
sql($node, 'GRANT pg_read_all_data TO merger');
sql($node, qq{SET log_statement = none; CREATE USER MAPPING FOR merger SERVER b OPTIONS (user 'merger', password '@{[secret()]}')});
like(error_of($node, q{SELECT * FROM steep_repl.compare_fingerprints('a', 'b')}, 'merger'),
	qr/permission denied for 11 tables on peer "b \(server b\)"\nDETAIL:.*public\.child/s, 'a role that may not see the tables there');
like(error_of($node, q{SELECT * FROM steep_repl.schema_diff('b', 't')}, 'merger'),
	qr/permission denied for table "public.t" on peer "server b"\nHINT:  GRANT SELECT/, 'schema_diff of a table that it may not see there');
sql($peer, 'GRANT pg_read_all_data TO merger');
is(sql_as($node, 'merger', q{SELECT count(*) FROM steep_repl.compare_fingerprints('a', 'b') WHERE status = 'match'}), 10,
	'a role that may read suffices');
sql($peer, 'REVOKE pg_read_all_data FROM merger; GRANT SELECT ON t TO merger; REVOKE SELECT ON pg_attrdef FROM PUBLIC');
like(error_of($node, q{SELECT * FROM steep_repl.schema_diff('b', 't')}, 'merger'),
	qr/permission denied for table pg_attrdef\n.*on peer "server b"/s, 'a catalog that is hidden there');

# What does not work.
foreach my $case (
	[ q{steep_repl.compare_fingerprints('a', 'a')}, qr/node "a" is this very database/ ],
	[ q{steep_repl.compare_fingerprints('a', 'c')}, qr/node "c" does not exist/ ],
	[ q{steep_repl.compare_fingerprints(NULL, 'b')}, qr/must not be null/ ],
	[ "steep_repl.schema_diff($connection, 'nowhere')", qr/table "public.nowhere" exists neither here nor on peer/ ],
	[ "steep_repl.schema_diff($connection, 'no.where')", qr/table "no."where"" exists neither here nor on peer/ ],
	[ "steep_repl.schema_diff($connection, NULL)", qr/name of a table must not be null/ ],
	[ "steep_repl.schema_diff($connection, 'pg_class')", qr/belongs to the system/ ],
	[ "steep_repl.schema_diff(NULL, 't')", qr/null/ ])
{
	like(error_of($node, "SELECT * FROM $case->[0]"), $case->[1], $case->[0] =~ s/'host.*?', /…, /r);
}
my $start = time;
$peer->stop('immediate');
like(error_of($node, q{SELECT * FROM steep_repl.compare_fingerprints('a', 'b')}), qr/could not connect to peer "b \(server b\)"/, 'a peer that is down');
cmp_ok(time - $start, '<', 10, 'is noticed within connect_timeout');

done_testing();
